import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Lc2Error } from '../../core/errors.ts';
import { compileFilter } from '../../core/plan/filter.ts';
import type { TransferJob, TransferService } from '../../core/ports/transfer-service.ts';
import { compareUtf8 } from '../../core/utf8.ts';
import { transfer } from '../../steps/transfer.ts';
import { parseManifest } from '../fakes/storage-transfer/rules.ts';
import { createWorld, type World } from './support/world.ts';

const stamp = '20251109-143000';

interface Asked {
  readonly jobs: TransferJob[];
  readonly lists: { readonly name: string; readonly generation: string | undefined }[][];
  /** What the next waits end with. */
  readonly failures: Lc2Error[];
}

/** Copies what its list names, at once. */
const service = (asked: Asked, { documents, storage }: Pick<World, 'documents' | 'storage'>): TransferService => ({
  start: async (job) => {
    asked.jobs.push(job);
    const rows = parseManifest(storage.text(job.list.replace('gs://backups/retail/prd/', '')));
    asked.lists.push(rows);
    for (const { name, generation } of rows) {
      const source = await documents.head(name);
      const bytes = documents.contents.get(name);
      if (source?.version === generation && bytes) storage.write(`${stamp}/objects/documents/${name}`, bytes);
    }
    return job.name;
  },
  find: () => Promise.resolve(undefined),
  wait: (_, handle) => {
    const failure = asked.failures.shift();
    return failure ? Promise.reject(failure) : Promise.resolve({ id: handle });
  },
  cancel: () => Promise.resolve(true),
  probe: () => Promise.resolve(),
});

const worldOf = (keys: readonly string[], exclude: readonly string[] = []) => {
  const asked: Asked = { jobs: [], lists: [], failures: [] };
  const world = createWorld({ exclude, withDatabase: false, transfer: (places) => service(asked, places) });
  for (const key of keys) world.documents.write(key, `bytes of ${key}`);
  return { world, asked };
};

const segment = fc.stringMatching(/^[a-c,"' .*?é]{1,6}$/).filter((text) => text !== '.' && text !== '..');
const key = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const rule = fc.stringMatching(/^[a-c*?/]{1,5}$/);

describe('a library that a service copies', () => {
  it('is exactly what the rules keep, in the versions that were listed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(key, { minLength: 1, maxLength: 12 }),
        fc.array(rule, { maxLength: 3 }),
        async (keys, rules) => {
          const { world, asked } = worldOf(keys, rules);
          const { stores } = await transfer(world.context('transfer'));
          const filter = compileFilter(rules);
          const kept = keys.filter((each) => filter.match(each) < 0).sort(compareUtf8);
          expect((asked.lists[0] ?? []).map(({ name }) => name)).toEqual(kept);
          for (const { name, generation } of asked.lists[0] ?? [])
            expect(generation).toBe((await world.documents.head(name))?.version);
          expect(asked.jobs[0]?.count ?? 0).toBe(kept.length);
          expect(stores[0]?.copied.count).toBe(kept.length);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('is planned once for all attempts, and given to one job', async () => {
    const { world, asked } = worldOf(['a', 'b']);
    asked.failures.push(new Lc2Error('SERVICE_FAILED', 'nobody answers'));
    await expect(transfer(world.context('transfer', { attempt: 'a' }))).rejects.toThrow('nobody answers');
    world.documents.write('late', 'is for catch-up');
    const { stores } = await transfer(world.context('transfer', { attempt: 'b' }));
    expect(asked.jobs).toHaveLength(1);
    expect(stores).toMatchObject([{ mover: 'storage-transfer', copied: { count: 2 } }]);
    expect(world.documents.calls.filter((call) => call.startsWith('list'))).toHaveLength(1);
  });

  it('goes to a job of another name when the first one failed in an earlier attempt', async () => {
    const { world, asked } = worldOf(['a', 'b']);
    asked.failures.push(new Lc2Error('TRANSFER_FAILED', 'no'));
    await expect(transfer(world.context('transfer', { attempt: 'a' }))).rejects.toThrow('no');
    asked.failures.push(new Lc2Error('TRANSFER_FAILED', 'no'));
    await transfer(world.context('transfer', { attempt: 'b' }));
    const [first, second] = asked.jobs;
    expect(asked.jobs).toHaveLength(2);
    expect([second?.list, second?.sink]).toEqual([first?.list, first?.sink]);
    expect([first?.name.endsWith('-1'), second?.name.endsWith('-2')]).toEqual([true, true]);
    expect(first?.name).toMatch(/^transferJobs\/[A-Za-z0-9-]{1,115}$/);
  });

  it('has other jobs in other runs', async () => {
    const names: string[] = [];
    for (const run of ['one', 'two']) {
      const { world, asked } = worldOf(['a']);
      await transfer(world.context('transfer', { run }));
      names.push(...asked.jobs.map(({ name }) => name));
    }
    expect(new Set(names).size).toBe(2);
  });
});
