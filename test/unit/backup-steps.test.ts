import { describe, expect, it } from 'vitest';
import { layout } from '../../core/plan/layout.ts';
import { catchUp } from '../../steps/catch-up.ts';
import { dump } from '../../steps/dump.ts';
import { manifest } from '../../steps/manifest.ts';
import { readInventory } from '../../steps/runtime/inventory-io.ts';
import { tryReadManifest } from '../../steps/runtime/storage.ts';
import { transfer } from '../../steps/transfer.ts';
import { verifyBackup } from '../../steps/verify-backup.ts';
import { verify } from '../../steps/verify.ts';
import { codeOf, collect } from './support/streams.ts';
import { type ContextOptions, createWorld, type World } from './support/world.ts';

const stamp = '20251109-143000';
const next = { run: 'run-2', time: '2025-11-10T14:30:00Z' };

/** A whole backup; `between` runs after transfer and dump. */
const backUp = async (world: World, options: ContextOptions & { readonly between?: () => void } = {}) => {
  await dump(world.context('dump', options));
  await transfer(world.context('transfer', options));
  options.between?.();
  await catchUp(world.context('catch-up', options));
  await verify(world.context('verify', options));
  return manifest(world.context('manifest', options));
};

const filled = (options: Parameters<typeof createWorld>[0] = {}): World => {
  const world = createWorld(options);
  for (const key of ['a', 'b/1', 'b/2', 'tmp/x', '\uffff', '😀', 'odd//key'])
    world.documents.write(key, `bytes of ${key}`);
  return world;
};

const keysOf = async (world: World, run = stamp): Promise<Record<string, string>> => {
  const sealed = await tryReadManifest(world.storage, run);
  const lines = await collect(readInventory(world.storage, sealed?.objectStores[0]?.inventory ?? []));
  return Object.fromEntries(lines.map(({ key, at }) => [key, world.storage.text(at)]));
};

const problemsOf = async (world: World, objects = 'auto') =>
  verifyBackup(world.context('verify-backup', { parameters: { backup: 'latest', objects } }));

describe('a backup', () => {
  it('holds the rows and every object, and is accepted by verify', async () => {
    const world = filled();
    const result = await backUp(world);
    expect(result).toMatchObject({
      backupId: `retail-prd-backup-${stamp}`,
      objects: 7,
      components: ['database', 'documents'],
    });
    expect(await keysOf(world)).toEqual(
      Object.fromEntries(
        ['a', 'b/1', 'b/2', 'tmp/x', '\uffff', '😀', 'odd//key'].map((key) => [key, `bytes of ${key}`]),
      ),
    );
    const sealed = await tryReadManifest(world.storage, stamp);
    expect(sealed?.database?.dumps[0]).toMatchObject({ database: 'lportal', tables: { 'public.user_': 2 } });
    expect(await problemsOf(world, 'full')).toMatchObject({ ok: true, problems: [] });
  });

  it('leaves out what the rules exclude, and counts it', async () => {
    const world = filled({ exclude: ['tmp/', 'b/?'] });
    await backUp(world);
    expect(Object.keys(await keysOf(world)).toSorted()).toEqual(['a', 'odd//key', '\uffff', '😀'].toSorted());
    const sealed = await tryReadManifest(world.storage, stamp);
    expect(sealed?.objectStores[0]?.excluded).toMatchObject({ count: 3, rules: ['tmp/', 'b/?'] });
  });

  it('is listed at several places at once where an inventory knows the keys', async () => {
    const world = createWorld({ withDatabase: false });
    const keys = Array.from({ length: 20_001 }, (_, i) => `k${String(i).padStart(5, '0')}`);
    for (const key of keys) world.documents.write(key, 'x');
    const cuts = ['k09999', 'k19999'];
    await transfer(world.context('transfer'));
    await catchUp(world.context('catch-up'));
    await verify(world.context('verify'));
    // Transfer knows nothing yet, catch-up what transfer saw.
    expect(world.documents.cuts).toEqual([[], cuts]);
    expect(world.storage.cuts).toEqual([cuts.map((key) => `${layout.objects(stamp, 'documents')}${key}`)]);
  });

  it('has what changed or came while it was copied, and lists what went', async () => {
    const world = filled();
    const between = (): void => {
      world.documents.write('a', 'new bytes');
      world.documents.write('late', 'late');
      void world.documents.delete(['b/1']);
    };
    await backUp(world, { between });
    expect(await keysOf(world)).toMatchObject({ a: 'new bytes', late: 'late', 'b/1': 'bytes of b/1' });
    const sealed = await tryReadManifest(world.storage, stamp);
    expect(sealed?.objectStores[0]?.deletedSincePoint.count).toBe(1);
    expect(await problemsOf(world, 'full')).toMatchObject({ ok: true });
  });

  it('copies only what the one before does not hold unchanged, and is complete all the same', async () => {
    const world = filled();
    await backUp(world);
    world.documents.write('a', 'changed');
    world.documents.write('new', 'new');
    await backUp(world, next);
    const sealed = await tryReadManifest(world.storage, '20251110-143000');
    expect(sealed?.objectStores[0]).toMatchObject({ objectCount: 8, copied: { count: 2 }, references: [stamp] });
    expect(await keysOf(world, '20251110-143000')).toMatchObject({ a: 'changed', new: 'new', 'b/1': 'bytes of b/1' });
    expect(await keysOf(world)).toMatchObject({ a: 'bytes of a' });
    expect(await problemsOf(world)).toMatchObject({ ok: true });
  });

  it('copies all anew when asked to', async () => {
    const world = filled();
    await backUp(world);
    await backUp(world, { ...next, parameters: { full: 'true' } });
    const sealed = await tryReadManifest(world.storage, '20251110-143000');
    expect(sealed?.objectStores[0]).toMatchObject({ copied: { count: 7 }, references: [] });
  });

  it('of objects alone needs no database', async () => {
    const world = filled({ withDatabase: false });
    await transfer(world.context('transfer'));
    await catchUp(world.context('catch-up'));
    await verify(world.context('verify'));
    expect(await manifest(world.context('manifest'))).toMatchObject({ components: ['documents'] });
    expect(await problemsOf(world)).toMatchObject({ ok: true });
  });
});

describe('no seal', () => {
  it('without verify', async () => {
    const world = filled();
    await dump(world.context('dump'));
    await transfer(world.context('transfer'));
    await catchUp(world.context('catch-up'));
    expect(await codeOf(() => manifest(world.context('manifest')))).toBe('RUN_MISSING');
    expect(world.storage.contents.has(layout.manifest(stamp))).toBe(false);
  });

  it.each([
    ['a dump that changed in storage', 'database/lportal', 'tampered'],
    ['the globals that changed in storage', 'database/globals', 'tampered'],
    ['an object that changed its size in storage', 'objects/documents/b/1', 'cut'],
    ['an object that vanished from storage', 'objects/documents/b/1', 'gone'],
    ['an object under a made name that vanished', 'objects/documents/~', 'gone'],
    ['an inventory that changed in storage', 'inventory/documents/part', 'tampered'],
  ])('over %s', async (_, start, how) => {
    const world = filled();
    await dump(world.context('dump'));
    await transfer(world.context('transfer'));
    await catchUp(world.context('catch-up'));
    const key = [...world.storage.contents.keys()].find((each) => each.startsWith(`${stamp}/${start}`)) ?? '';
    if (how === 'gone') await world.storage.delete([key]);
    else if (how === 'cut') world.storage.write(key, 'x');
    else world.storage.tamper(key, (bytes) => (bytes.writeUInt8((bytes[3] ?? 0) ^ 1, 3), bytes));
    await expect(verify(world.context('verify'))).rejects.toMatchObject({ code: 'VERIFICATION_FAILED', where: key });
    expect(await codeOf(() => manifest(world.context('manifest')))).toBe('RUN_MISSING');
    expect(world.storage.contents.has(layout.manifest(stamp))).toBe(false);
  });
});

describe('no seal', () => {
  it('over a store whose rules leave out every object', async () => {
    const world = createWorld({ exclude: ['**'] });
    for (const key of ['a', 'b/1']) world.documents.write(key, key);
    await dump(world.context('dump'));
    await transfer(world.context('transfer'));
    await expect(catchUp(world.context('catch-up'))).rejects.toMatchObject({
      code: 'NOTHING_SELECTED',
      where: 'documents',
      message: expect.stringContaining('all 2 objects'),
    });
    expect(world.storage.contents.has(layout.manifest(stamp))).toBe(false);
  });
});

describe('attempts', () => {
  it('that come late find the first result, and a seal stays as it is', async () => {
    const world = filled();
    const first = await backUp(world);
    const before = new Map(world.storage.contents);
    world.documents.write('a', 'changed since');
    world.database.live.set('lportal', { 'public.user_': 99 });
    expect(await backUp(world, { attempt: 'attempt-2' })).toEqual(first);
    expect([...world.storage.contents]).toEqual([...before]);
  });

  it('that were killed while they sealed leave nothing open, whoever comes next', async () => {
    const world = filled();
    await backUp(world);
    let seen = world.storage.calls.length;
    await manifest(world.context('manifest'));
    expect(world.storage.calls.slice(seen)).toContain(`abort ${stamp}/`);
    seen = world.storage.calls.length;
    await dump(world.context('dump', next));
    expect(world.storage.calls.slice(seen)).toContain(`abort ${stamp}/`);
  });

  it('that end together have one result', async () => {
    const world = filled();
    const [one, two] = await Promise.all(['x', 'y'].map((attempt) => transfer(world.context('transfer', { attempt }))));
    expect(one).toEqual(two);
  });

  it('that seal at the same time write one seal', async () => {
    const world = filled();
    await dump(world.context('dump'));
    await transfer(world.context('transfer'));
    await catchUp(world.context('catch-up'));
    await verify(world.context('verify'));
    const [one, two] = await Promise.all(['x', 'y'].map((attempt) => manifest(world.context('manifest', { attempt }))));
    expect(one).toEqual(two);
    const key = layout.manifest(stamp);
    expect(world.storage.calls.filter((call) => call === `put ${key}`)).toHaveLength(2);
    expect(world.storage.writesOf(key)).toBe(1);
  });

  it('whose dump comes after another has finished the step add nothing', async () => {
    const world = filled();
    const { database } = world;
    const late: typeof database = {
      ...database,
      dump: (point) => {
        const bytes = database.dump(point);
        return (async function* () {
          await dump(world.context('dump', { attempt: 'other' }));
          yield* bytes;
        })();
      },
    };
    const context = { ...world.context('dump', { attempt: 'late' }), openDatabase: () => late };
    const result = await dump(context);
    expect(result.dumps[0]?.key).toContain('other');
    expect([...world.storage.contents.keys()].filter((key) => key.includes('late'))).toEqual([]);
  });

  it('of another run never take the same id', async () => {
    const world = filled();
    await dump(world.context('dump'));
    for (const step of [
      () => dump(world.context('dump', { run: 'other' })),
      () => transfer(world.context('transfer', { run: 'other' })),
      () => manifest(world.context('manifest', { run: 'other' })),
    ])
      expect(await codeOf(step)).toBe('BACKUP_ID_TAKEN');
  });

  it('work from the claim, whatever becomes of the environment meanwhile', async () => {
    const world = filled({ exclude: ['tmp/'] });
    await dump(world.context('dump'));
    const edited = filled({ exclude: ['a', 'b'] }).environment;
    await transfer(world.context('transfer', { environment: edited }));
    await catchUp(world.context('catch-up', { environment: edited }));
    await verify(world.context('verify'));
    await manifest(world.context('manifest'));
    expect(Object.keys(await keysOf(world))).toContain('a');
    expect(Object.keys(await keysOf(world))).not.toContain('tmp/x');
  });

  it('of another installation are refused', async () => {
    const world = filled();
    world.storage.write(
      'owner.json',
      JSON.stringify({ version: '1', projectId: 'retail', environment: 'prd', owner: 'another' }),
    );
    expect(await codeOf(() => dump(world.context('dump')))).toBe('STORAGE_OWNED');
    expect(world.storage.contents.size).toBe(1);
  });
});

describe('verify of a sealed backup', () => {
  it.each([
    ['database/lportal', 'full'],
    ['database/globals', 'full'],
    ['objects/documents/a', 'full'],
    ['objects/documents/~', 'full'],
    ['inventory/documents/part', 'listed'],
    ['manifest.json', 'listed'],
  ])('names %s when one bit of it is another', async (start, objects) => {
    const world = filled();
    await backUp(world);
    const key = [...world.storage.contents.keys()].find((each) => each.startsWith(`${stamp}/${start}`)) ?? '';
    world.storage.tamper(key, (bytes) => (bytes.writeUInt8((bytes[2] ?? 0) ^ 4, 2), bytes));
    const result = await problemsOf(world, objects);
    expect(result.ok).toBe(false);
    expect(result.problems.map((problem) => problem.key).join()).toContain(key);
  });

  it('names every file that is missing and every one too many', async () => {
    const world = filled();
    await backUp(world);
    for (const key of [...world.storage.contents.keys()].filter((each) =>
      /\/(database|objects|inventory)\//.test(each),
    )) {
      const bytes = world.storage.contents.get(key) ?? '';
      await world.storage.delete([key]);
      expect((await problemsOf(world)).problems.map((problem) => problem.key)).toContain(key);
      world.storage.write(key, bytes);
    }
    for (const key of [
      'database/more',
      'inventory/documents/more',
      'objects/documents/more',
      'objects/documents/~zz/more',
    ]) {
      world.storage.write(`${stamp}/${key}`, 'x');
      expect((await problemsOf(world)).problems.map((problem) => problem.key)).toContain(`${stamp}/${key}`);
      await world.storage.delete([`${stamp}/${key}`]);
    }
    expect(await problemsOf(world)).toMatchObject({ ok: true });
  });
});
