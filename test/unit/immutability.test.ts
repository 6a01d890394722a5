import { beforeEach, describe, expect, it } from 'vitest';
import { parseEnvironment } from '../../core/plan/environment.ts';
import { isActive, isAtLeast, lockFrom, strongest } from '../../core/plan/lock.ts';
import { catchUp } from '../../steps/catch-up.ts';
import { cleanUp } from '../../steps/clean-up.ts';
import { dump } from '../../steps/dump.ts';
import { manifest } from '../../steps/manifest.ts';
import { preview } from '../../steps/preview.ts';
import { lastLock } from '../../steps/runtime/lock-backup.ts';
import { tryReadManifest } from '../../steps/runtime/storage.ts';
import { transfer } from '../../steps/transfer.ts';
import { verifyBackup } from '../../steps/verify-backup.ts';
import { verify } from '../../steps/verify.ts';
import { codeOf } from './support/streams.ts';
import { type ContextOptions, createWorld, type World } from './support/world.ts';

const stamp = '20251109-143000';
const later = '20251110-143000';
const next = { run: 'run-2', time: '2025-11-10T14:30:00Z' };
const immutability = { days: 30, mode: 'compliance' };
/** The clock of the world says 15:00 when a backup is verified. */
const until = '2025-12-09T15:00:00.000Z';

const beforeSeal = async (world: World, options: ContextOptions = {}): Promise<void> => {
  await dump(world.context('dump', options));
  await transfer(world.context('transfer', options));
  await catchUp(world.context('catch-up', options));
  await verify(world.context('verify', options));
};
const backUp = async (world: World, options: ContextOptions = {}): Promise<void> => {
  await beforeSeal(world, options);
  await manifest(world.context('manifest', options));
};

let world: World;
beforeEach(() => {
  world = createWorld({ storage: { immutability } });
  for (const key of ['a', 'b/1', 'b/2']) world.documents.write(key, `bytes of ${key}`);
});

const problems = async (objects: string, run = stamp): Promise<string[]> => {
  const parameters = { backup: `retail-prd-backup-${run}`, objects };
  const found = await verifyBackup(world.context('verify-backup', { parameters }));
  return found.problems.map(({ code, key }) => `${code} ${key}`);
};

describe('a lock', () => {
  it('is of whole seconds, and not short', () => {
    const at = '2025-11-09T15:00:00.001Z';
    expect(lockFrom({ days: 1, mode: 'governance' }, at)).toEqual({
      until: '2025-11-10T15:00:01.000Z',
      mode: 'governance',
    });
  });

  it('gives up neither time nor mode when it meets another', () => {
    const long = { until, mode: 'governance' } as const;
    const strong = { until: '2025-11-10T00:00:00.000Z', mode: 'compliance' } as const;
    expect([strongest(long, strong), strongest(strong, long)]).toEqual([
      { until, mode: 'compliance' },
      { until, mode: 'compliance' },
    ]);
    expect([isAtLeast(long, strong), isAtLeast(strong, long), isAtLeast(long, long)]).toEqual([false, false, true]);
    expect([isActive(long, new Date('2025-12-01')), isActive(long, new Date(until))]).toEqual([true, false]);
  });
});

describe('an environment', () => {
  it('cannot ask a folder for locks', () => {
    const storage = { url: 'file:///backups', immutability };
    expect(() => parseEnvironment({ name: 'prd', spec: { projectId: 'retail', storage } }, 'test')).toThrow(
      /storage.immutability needs a store that can lock objects: s3:\/\//,
    );
  });

  it.each([{ days: 0, mode: 'compliance' }, { days: 1 }, { days: 1, mode: 'none' }, { mode: 'governance' }])(
    'is refused with %j',
    (wrong) => {
      const storage = { url: 's3://backups', immutability: wrong };
      expect(() => parseEnvironment({ name: 'prd', spec: { projectId: 'retail', storage } }, 'test')).toThrow(
        /storage.immutability/,
      );
    },
  );
});

describe('an immutable backup', () => {
  it('has locks on all that its manifest names, and on nothing else', async () => {
    await beforeSeal(world);
    expect([...world.storage.locked]).toEqual([]);
    await manifest(world.context('manifest'));
    const sealed = await tryReadManifest(world.storage, stamp);
    expect(sealed?.immutability).toEqual({ until, mode: 'compliance' });
    const working = (key: string) => key === 'owner.json' || /^\d{8}-\d{6}\/steps\/[^/]+\//.test(key);
    expect([...world.storage.locked.keys()].toSorted()).toEqual(
      [...world.storage.contents.keys()].filter((key) => !working(key)).toSorted(),
    );
    expect(new Set([...world.storage.locked.values()].map((lock) => JSON.stringify(lock)))).toEqual(
      new Set([JSON.stringify({ until, mode: 'compliance' })]),
    );
  });

  it('is sealed only after all else is locked, the claim at the end', async () => {
    await backUp(world);
    const deeds = world.storage.calls.filter(
      (call) => call.startsWith('lock ') || call === `put ${stamp}/manifest.json`,
    );
    expect(deeds.slice(-3)).toEqual([
      `lock ${stamp}/run.json`,
      `put ${stamp}/manifest.json`,
      `lock ${stamp}/manifest.json`,
    ]);
  });

  it('that shares objects with an older one extends their locks', async () => {
    await backUp(world);
    world.documents.write('a', 'changed');
    const shared = `${stamp}/objects/documents/b/1`;
    const longer = parseEnvironment(
      {
        ...world.environment,
        spec: {
          ...world.environment.spec,
          storage: { url: 's3://backups', immutability: { days: 60, mode: 'governance' } },
        },
      },
      'test',
    );
    await backUp(world, { ...next, environment: longer });
    expect(world.storage.locked.get(shared)).toEqual({ until: '2026-01-08T15:00:00.000Z', mode: 'compliance' });
    // The older one's own copy of what has changed since stays as it was.
    expect(world.storage.locked.get(`${stamp}/objects/documents/a`)).toEqual({ until, mode: 'compliance' });
    expect(world.storage.locked.get(`${later}/objects/documents/a`)?.mode).toBe('governance');
  });

  it('that was killed between the seal and its lock is locked by the repetition', async () => {
    await backUp(world);
    world.storage.unlock(`${stamp}/manifest.json`);
    await manifest(world.context('manifest', { attempt: 'attempt-2' }));
    expect(world.storage.locked.get(`${stamp}/manifest.json`)).toEqual({ until, mode: 'compliance' });
    expect(world.storage.writesOf(`${stamp}/manifest.json`)).toBe(1);
  });

  it('claims nothing in a place that cannot lock', async () => {
    const plain = createWorld({ storage: { immutability }, locks: 'disabled' });
    expect(await codeOf(() => dump(plain.context('dump')))).toBe('LOCK_UNAVAILABLE');
    expect([...plain.storage.contents.keys()].filter((key) => key.startsWith(stamp))).toEqual([]);
  });

  it('is told by preview where the next one cannot be locked, and is restored all the same', async () => {
    const plain = createWorld({ locks: 'disabled' });
    plain.documents.write('a', 'bytes');
    await backUp(plain);
    const { environment } = createWorld({ storage: { immutability } });
    const asked = plain.context('preview', { run: 'r', parameters: { preview: 'true' } });
    const { lines } = await preview({ ...asked, source: environment });
    expect(lines).toContainEqual(expect.stringMatching(/^warning: LOCK_UNAVAILABLE: backups of prd cannot be locked/));
  });

  it.each([`${stamp}/manifest.json`, `${stamp}/run.json`, `${stamp}/steps/verify.json`])(
    'is verified with the lock of %s',
    async (key) => {
      await backUp(world);
      expect(await problems('listed')).toEqual([]);
      world.storage.unlock(key);
      expect(await problems('listed')).toEqual([`LOCK_MISSING ${key}`]);
    },
  );

  it('is verified with the locks of its objects where their bytes are read', async () => {
    await backUp(world);
    const key = `${stamp}/objects/documents/b/1`;
    world.storage.unlock(key);
    await world.storage.locks?.extend(key, { until: '2025-12-01T00:00:00.000Z', mode: 'compliance' });
    expect(await problems('listed')).toEqual([]);
    expect(await problems('full')).toEqual([`LOCK_MISSING ${key}`]);
    world.storage.unlock(key);
    expect(await problems('full')).toEqual([`LOCK_MISSING ${key}`]);
  });

  it('needs no locks any more when its days are over', async () => {
    await backUp(world);
    for (const key of world.storage.locked.keys()) world.storage.unlock(key);
    const parameters = { backup: `retail-prd-backup-${stamp}`, objects: 'full' };
    const now = { now: () => new Date('2025-12-10T00:00:00Z') };
    const found = await verifyBackup({ ...world.context('verify-backup', { parameters }), clock: now });
    expect(found).toMatchObject({ ok: true, problems: [] });
  });

  it('is looked at whole for the lock that ends last', async () => {
    await backUp(world);
    const long = { until: '2026-05-01T00:00:00.000Z', mode: 'governance' } as const;
    await world.storage.locks?.extend(`${stamp}/objects/documents/b/2`, long);
    expect(await lastLock(world.storage, `${stamp}/`, new Date('2025-11-10'))).toMatchObject({ until: long.until });
    expect(await lastLock(world.storage, `${stamp}/`, new Date('2026-05-02'))).toBeUndefined();
  });
});

describe('a run that came to nothing', () => {
  it('leaves no locks, and is cleaned up', async () => {
    await beforeSeal(world);
    await cleanUp(world.context('clean-up'));
    expect([...world.storage.locked]).toEqual([]);
    expect([...world.storage.contents.keys()].filter((key) => key.startsWith(stamp))).toEqual([]);
  });
});
