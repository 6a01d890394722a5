import { beforeEach, describe, expect, it } from 'vitest';
import type { InventoryLine } from '../../core/manifest/inventory.ts';
import { parseEnvironment } from '../../core/plan/environment.ts';
import type { ObjectStore } from '../../core/ports/object-store.ts';
import { catchUp } from '../../steps/catch-up.ts';
import { copy } from '../../steps/copy.ts';
import { dump } from '../../steps/dump.ts';
import { manifest } from '../../steps/manifest.ts';
import { checkObjects } from '../../steps/runtime/check-objects.ts';
import { transfer } from '../../steps/transfer.ts';
import { verifyBackup } from '../../steps/verify-backup.ts';
import { verify } from '../../steps/verify.ts';
import { createMemoryStore } from '../fakes/memory-store.ts';
import { codeOf } from './support/streams.ts';
import { type ContextOptions, createWorld, type World } from './support/world.ts';

const stamp = '20251109-143000';
const later = '20251110-143000';
const next = { run: 'run-2', time: '2025-11-10T14:30:00Z' };
const copies = [{ name: 'elsewhere', url: 'gs://elsewhere' }];

const seal = async (world: World, options: ContextOptions = {}): Promise<void> => {
  await dump(world.context('dump', options));
  await transfer(world.context('transfer', options));
  await catchUp(world.context('catch-up', options));
  await verify(world.context('verify', options));
  await manifest(world.context('manifest', options));
};
const copied = (world: World, options: ContextOptions = {}) => copy(world.context('copy', options));

let world: World;
beforeEach(async () => {
  world = createWorld({ storage: { copies } });
  for (const key of ['a', 'b/1', 'b/2']) world.documents.write(key, `bytes of ${key}`);
  await seal(world);
});

/** What `lc2-verify` says of the copy, in an environment that knows nothing of the original. */
const problemsThere = async (run: string): Promise<string[]> => {
  const { environment } = createWorld();
  const there = {
    ...environment,
    spec: { ...environment.spec, storage: { ...environment.spec.storage, url: 'gs://elsewhere' } },
  };
  const parameters = { backup: `retail-prd-backup-${run}`, objects: 'full' };
  const { problems, sealed } = await verifyBackup(world.context('verify-backup', { parameters, environment: there }));
  return [...(sealed ? [] : ['not sealed']), ...problems.map(({ code, key }) => `${code} ${key}`)];
};

describe('a copy', () => {
  it('is whole and sound, has the same manifest, and is recorded beside the original', async () => {
    const done = await copied(world);
    expect(done.copies).toMatchObject([{ name: 'elsewhere', url: 'gs://elsewhere', objects: 3 }]);
    expect(world.elsewhere.text(`${stamp}/manifest.json`)).toBe(world.storage.text(`${stamp}/manifest.json`));
    expect(JSON.parse(world.storage.text(`${stamp}/copies/elsewhere.json`))).toEqual(done.copies[0]);
    expect(await problemsThere(stamp)).toEqual([]);
    // What the original has beside it is no stranger there.
    const parameters = { backup: `retail-prd-backup-${stamp}`, objects: 'full' };
    expect(await verifyBackup(world.context('verify-backup', { parameters }))).toMatchObject({
      ok: true,
      problems: [],
    });
  });

  it('has its manifest last', async () => {
    await copied(world);
    expect(world.elsewhere.calls.findLast((call) => call.startsWith('put '))).toBe(`put ${stamp}/manifest.json`);
  });

  it('of a backup that shares objects is complete in itself, also where the older one was never copied', async () => {
    world.documents.write('a', 'changed');
    await seal(world, next);
    await copied(world, next);
    expect(await problemsThere(later)).toEqual([]);
    expect(world.elsewhere.contents.has(`${stamp}/objects/documents/b/1`)).toBe(true);
    expect(world.elsewhere.contents.has(`${stamp}/objects/documents/a`)).toBe(false);
    expect(await problemsThere(stamp)).toContain('not sealed');
    await copied(world);
    expect(await problemsThere(stamp)).toEqual([]);
    expect(world.elsewhere.writesOf(`${stamp}/objects/documents/b/1`)).toBe(1);
  });

  it('that fails leaves the backup sealed, and the repetition goes on with it', async () => {
    const broken = world.context('copy');
    const openStore = async (at: Parameters<typeof broken.openStore>[0]): Promise<ObjectStore> => {
      const store = await broken.openStore(at);
      const put: ObjectStore['put'] = (key, body, options) =>
        key.endsWith('.dump.zst') ? Promise.reject(new Error('no')) : store.put(key, body, options);
      return at.location.url === 'gs://elsewhere' ? { ...store, put } : store;
    };
    await expect(copy({ ...broken, openStore })).rejects.toThrow(/copy elsewhere: .*the backup itself is sealed/);
    expect(world.storage.contents.has(`${stamp}/copies/elsewhere.json`)).toBe(false);
    expect(world.elsewhere.contents.has(`${stamp}/manifest.json`)).toBe(false);
    await copied(world, { attempt: 'attempt-2' });
    expect(world.elsewhere.writesOf(`${stamp}/objects/documents/a`)).toBe(1);
    expect(await problemsThere(stamp)).toEqual([]);
  });

  it('that was sealed by an attempt which could not say so is not made again', async () => {
    await copied(world);
    await world.storage.delete([`${stamp}/copies/elsewhere.json`]);
    await copied(world, { attempt: 'attempt-2' });
    expect(world.elsewhere.writesOf(`${stamp}/manifest.json`)).toBe(1);
    expect(world.storage.contents.has(`${stamp}/copies/elsewhere.json`)).toBe(true);
  });

  it('of a backup that was damaged meanwhile is not sealed', async () => {
    world.storage.tamper(`${stamp}/objects/documents/b/1`, (bytes) => Buffer.from(bytes.toString().toUpperCase()));
    expect(await codeOf(() => copied(world))).toBe('BACKUP_DAMAGED');
    expect(world.elsewhere.contents.has(`${stamp}/manifest.json`)).toBe(false);
  });

  it('that the place spoils is not sealed', async () => {
    const context = world.context('copy');
    const openStore = async (at: Parameters<typeof context.openStore>[0]): Promise<ObjectStore> => {
      const store = await context.openStore(at);
      if (at.location.url !== 'gs://elsewhere') return store;
      const put: ObjectStore['put'] = async (key, body, options) => {
        const info = await store.put(key, body, options);
        if (key.endsWith('b/1')) world.elsewhere.write(key, 'other bytes!');
        return info;
      };
      return { ...store, put };
    };
    expect(await codeOf(() => copy({ ...context, openStore }))).toBe('COPY_DAMAGED');
    expect(world.elsewhere.contents.has(`${stamp}/manifest.json`)).toBe(false);
  });

  it('goes to no place of somebody else', async () => {
    const record = { version: '1', projectId: 'retail', environment: 'prd', owner: 'somebody' };
    world.elsewhere.write('owner.json', JSON.stringify(record));
    expect(await codeOf(() => copied(world))).toBe('STORAGE_OWNED');
  });

  it('is locked as its original is', async () => {
    const locked = createWorld({ storage: { copies, immutability: { days: 30, mode: 'compliance' } } });
    locked.documents.write('a', 'bytes');
    await seal(locked);
    await copied(locked);
    const named = [...locked.elsewhere.contents.keys()].filter((key) => !/owner\.json|copied\.json/.test(key));
    expect([...locked.elsewhere.locked.keys()].toSorted()).toEqual(named.toSorted());
  });
});

describe('checksums that another place made', () => {
  const parts = { algorithm: 'etag', value: 'abc-2' } as const;
  const line = (at: string): InventoryLine => ({
    key: 'a',
    size: 5,
    mtime: '2025-11-09T00:00:00Z',
    version: 'v',
    at,
    stored: parts,
  });
  const problems = async (store: ObjectStore, at: string): Promise<string[]> => {
    const found: string[] = [];
    const lines = async function* () {
      yield await Promise.resolve(line(at));
    };
    await checkObjects({
      storage: store,
      stamp,
      store: 'documents',
      lines: lines(),
      level: 'listed',
      inherited: 'listed',
      onProblem: ({ message }) => found.push(message),
    });
    return found;
  };

  it('say nothing where an object came by copying, and damage elsewhere', async () => {
    const store = createMemoryStore();
    store.write(`${stamp}/objects/documents/a`, 'bytes');
    expect(await problems(store, `${stamp}/objects/documents/a`)).toEqual(['object a has another checksum']);
    store.write(`${stamp}/copied.json`, '{}');
    expect(await problems(store, `${stamp}/objects/documents/a`)).toEqual([]);
  });
});

describe('an environment', () => {
  const parse = (storage: unknown) => () =>
    parseEnvironment({ name: 'prd', spec: { projectId: 'retail', storage } }, 'test');
  const secret = (secretName: string) => ({ credentials: { secretName } });

  it.each([
    [[...copies, ...copies], /different names/],
    [[{ name: 'a', url: 's3://backups/within' }], /must not lie within/],
    [[...copies, { name: 'b', url: 'gs://elsewhere/b' }], /must not lie within/],
    [
      [
        { ...copies[0], ...secret('one') },
        { name: 'b', url: 's3://b', ...secret('two') },
      ],
      /the same Secret/,
    ],
    [[{ url: 's3://b' }], /copies/],
  ])('is refused with the copies %j', (wrong, why) => {
    expect(parse({ url: 's3://backups', copies: wrong })).toThrow(why);
  });
});
