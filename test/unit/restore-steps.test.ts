import { describe, expect, it } from 'vitest';
import { catchUp } from '../../steps/catch-up.ts';
import { commit } from '../../steps/commit.ts';
import { dump } from '../../steps/dump.ts';
import { loadDatabase } from '../../steps/load-database.ts';
import { manifest } from '../../steps/manifest.ts';
import { preview } from '../../steps/preview.ts';
import { restoreObjects } from '../../steps/restore-objects.ts';
import { transfer } from '../../steps/transfer.ts';
import { verifyRestore } from '../../steps/verify-restore.ts';
import { verify } from '../../steps/verify.ts';
import { codeOf } from './support/streams.ts';
import { type ContextOptions, createWorld, type World } from './support/world.ts';

const stamp = '20251109-143000';

/** A world with a sealed backup, whose live side was damaged since. */
const damaged = async (exclude: readonly string[] = ['tmp/']): Promise<World> => {
  const world = createWorld({ exclude });
  for (const key of ['a', 'b/1', 'b/2', 'tmp/x']) world.documents.write(key, `bytes of ${key}`);
  await dump(world.context('dump'));
  await transfer(world.context('transfer'));
  await catchUp(world.context('catch-up'));
  await verify(world.context('verify'));
  await manifest(world.context('manifest'));
  world.documents.write('a', 'damaged');
  world.documents.write('b/new', 'came later');
  world.documents.write('tmp/y', 'never backed up');
  await world.documents.delete(['b/1']);
  world.database.live.set('lportal', { 'public.user_': 0 });
  return world;
};

const restore = async (world: World, parameters: Record<string, string> = {}, options: ContextOptions = {}) => {
  const context = (step: Parameters<World['context']>[0]) =>
    world.context(step, { run: 'restore-1', ...options, parameters });
  await preview(context('preview'));
  await loadDatabase(context('load-database'));
  await restoreObjects(context('restore-objects'));
  const done = await commit(context('commit'));
  await verifyRestore(context('verify-restore'));
  return done;
};

/** The manifest with its text changed, as it then stands in storage. */
const manifestOf = (world: World, change: (text: string) => string): string => {
  const text = change(world.storage.text(`${stamp}/manifest.json`));
  world.storage.write(`${stamp}/manifest.json`, text);
  return text;
};

const texts = (world: World): Record<string, string> =>
  Object.fromEntries([...world.documents.contents].map(([key, bytes]) => [key, bytes.toString('utf8')]));

describe('a restore', () => {
  it('brings back rows and objects, and by merging deletes nothing', async () => {
    const world = await damaged();
    expect(await restore(world)).toMatchObject({ deleted: 0, previous: [{ database: 'lportal' }] });
    expect(world.database.live.get('lportal')).toEqual({ 'public.user_': 2 });
    expect(texts(world)).toEqual({
      a: 'bytes of a',
      'b/1': 'bytes of b/1',
      'b/2': 'bytes of b/2',
      'b/new': 'came later',
      'tmp/x': 'bytes of tmp/x',
      'tmp/y': 'never backed up',
    });
  });

  it('by mirroring deletes what the backup does not have, but not what its rules leave out', async () => {
    const world = await damaged();
    expect(await restore(world, { 'objects-mode': 'mirror' })).toMatchObject({ deleted: 1 });
    expect(Object.keys(texts(world)).toSorted()).toEqual(['a', 'b/1', 'b/2', 'tmp/x', 'tmp/y']);
  });

  it('by mirroring below a prefix touches nothing else', async () => {
    const world = await damaged([]);
    world.documents.write('c', 'elsewhere');
    expect(
      await restore(world, { 'objects-mode': 'mirror', prefixes: '["b/"]', components: 'documents' }),
    ).toMatchObject({ deleted: 1 });
    expect(texts(world)).toMatchObject({ a: 'damaged', c: 'elsewhere', 'b/1': 'bytes of b/1' });
    expect(texts(world)['b/new']).toBeUndefined();
  });

  it('by mirroring deletes only below the prefixes, also when there are two', async () => {
    const world = await damaged([]);
    world.documents.write('c', 'elsewhere');
    await restore(world, { 'objects-mode': 'mirror', prefixes: '["a","b/"]', components: 'documents' });
    expect(Object.keys(texts(world)).toSorted()).toEqual(['a', 'b/1', 'b/2', 'c', 'tmp/x', 'tmp/y']);
  });

  it('writes only what differs', async () => {
    const world = await damaged();
    const from = world.documents.calls.length;
    await restore(world, { components: 'documents' });
    const written = world.documents.calls.slice(from).filter((call) => call.startsWith('put '));
    expect(written).toEqual(['put a', 'put b/1']);
    expect(world.database.live.get('lportal')).toEqual({ 'public.user_': 0 });
  });

  it('of one component leaves the other alone', async () => {
    const world = await damaged();
    await restore(world, { components: 'database' });
    expect(texts(world)['a']).toBe('damaged');
    expect(world.database.live.get('lportal')).toEqual({ 'public.user_': 2 });
  });

  it('that is named happens once, whoever runs it again', async () => {
    const world = await damaged();
    const parameters = { request: 'monday-0123456789abcdef' };
    await restore(world, parameters);
    world.documents.write('a', 'edited after the restore');
    world.database.live.set('lportal', { 'public.user_': 7 });
    await restore(world, parameters, { run: 'restore-2' });
    expect(texts(world)['a']).toBe('edited after the restore');
    expect(world.database.live.get('lportal')).toEqual({ 'public.user_': 7 });
  });

  it('loads once, however often its steps are repeated', async () => {
    const world = await damaged();
    await restore(world);
    await restore(world, {}, { attempt: 'again' });
    expect(world.database.calls.filter((call) => call === 'load lportal' || call === 'commit')).toEqual([
      'load lportal',
      'commit',
    ]);
  });
});

describe('a preview', () => {
  it('changes nothing and leaves no trace', async () => {
    const world = await damaged();
    const before = [new Map(world.storage.contents), texts(world), new Map(world.database.live)];
    const output = await preview(world.context('preview', { run: 'p', parameters: { preview: 'true', confirm: '' } }));
    expect(output.already).toBe(false);
    expect(output.lines.join('\n')).toContain('database lportal -> lportal (swap, replaces the live one');
    expect([new Map(world.storage.contents), texts(world), new Map(world.database.live)]).toEqual(before);
  });
});

describe('nothing is written', () => {
  it.each<[string, Record<string, string>, string]>([
    ['without confirmation', { confirm: 'uat' }, 'RESTORE_NOT_CONFIRMED'],
    ['for a backup that is not there', { backup: 'retail-prd-backup-20240101-000000' }, 'BACKUP_NOT_FOUND'],
    ['for a backup of another', { backup: 'retail-uat-backup-20240101-000000' }, 'BACKUP_OF_OTHER_ENVIRONMENT'],
    ['when there was none so early', { before: '2020-01-01T00:00:00Z' }, 'BACKUP_NOT_FOUND'],
    ['for a time that is none', { before: 'yesterday' }, 'INPUT_INVALID'],
    ['for an unknown component', { components: 'images' }, 'COMPONENT_UNKNOWN'],
    ['for an unknown database', { databases: '[{"name":"x"}]' }, 'DATABASE_NOT_FOUND'],
  ])('%s', async (_, parameters, code) => {
    const world = await damaged();
    const before = [new Map(world.storage.contents), texts(world)];
    expect(await codeOf(() => restore(world, parameters))).toBe(code);
    expect([new Map(world.storage.contents), texts(world)]).toEqual(before);
    expect(world.database.calls).not.toContain('commit');
  });

  it('into a store that holds the backups, or lies within them', async () => {
    const world = await damaged();
    const [store] = world.environment.spec.objectStores;
    if (!store) throw new Error('the world has a store');
    const before = [new Map(world.storage.contents), texts(world)];
    for (const url of ['s3://backups', 's3://backups/retail/prd', 's3://backups/']) {
      const objectStores = [{ ...store, url }];
      const environment = { ...world.environment, spec: { ...world.environment.spec, objectStores } };
      for (const parameters of [{ 'objects-mode': 'mirror' }, { preview: 'true' }])
        expect(await codeOf(() => restore(world, parameters, { environment }))).toBe('ENVIRONMENT_INVALID');
    }
    expect([new Map(world.storage.contents), texts(world)]).toEqual(before);
  });

  it('for a backup of another engine', async () => {
    const world = await damaged();
    const { database: _database, ...spec } = world.environment.spec;
    const without = { ...world.environment, spec };
    expect(await codeOf(() => restore(world, { components: 'database' }, { environment: without }))).toBe(
      'COMPONENT_UNKNOWN',
    );
    const other = manifestOf(world, (text) => text.replace('"postgresql"', '"mysql"'));
    expect(other).not.toContain('"postgresql"');
    expect(await codeOf(() => restore(world))).toMatch(/^(MANIFEST_INVALID|DATABASE_VERSION_UNSUPPORTED)$/);
    expect(world.database.calls).not.toContain('load lportal');
  });

  it('live when the backup is deleted between preview and load', async () => {
    for (const gone of ['', 'database/', 'manifest.json', 'inventory/', 'objects/']) {
      const world = await damaged();
      await preview(world.context('preview', { run: 'r' }));
      const keys = [...world.storage.contents.keys()].filter((key) => key.startsWith(`${stamp}/${gone}`));
      expect(keys).not.toEqual([]);
      await world.storage.delete(keys);
      const before = world.documents.contents.size;
      const codes = [
        await codeOf(() => loadDatabase(world.context('load-database', { run: 'r' }))),
        await codeOf(() => restoreObjects(world.context('restore-objects', { run: 'r' }))),
        await codeOf(() => commit(world.context('commit', { run: 'r' }))),
      ];
      expect(
        codes.filter((code) => !/^(no error|BACKUP_NOT_FOUND|BACKUP_DAMAGED|OBJECT_NOT_FOUND|RUN_MISSING)$/.test(code)),
      ).toEqual([]);
      expect(codes[2]).not.toBe('no error');
      expect(world.database.live.get('lportal')).toEqual({ 'public.user_': 0 });
      expect(world.documents.contents.size).toBeGreaterThanOrEqual(before);
    }
  });

  it.each([
    ['manifest.json', 'MANIFEST_INVALID'],
    ['database/lportal', 'BACKUP_DAMAGED'],
    ['inventory/documents', 'BACKUP_DAMAGED'],
  ])('live when one bit of %s is another', async (start, code) => {
    const world = await damaged();
    const key = [...world.storage.contents.keys()].find((each) => each.startsWith(`${stamp}/${start}`)) ?? '';
    world.storage.tamper(key, (bytes) => (bytes.writeUInt8((bytes[3] ?? 0) ^ 1, 3), bytes));
    const before = texts(world);
    expect(await codeOf(() => restore(world))).toBe(code);
    expect(texts(world)).toEqual(before);
    expect(world.database.live.get('lportal')).toEqual({ 'public.user_': 0 });
    expect(world.database.calls).not.toContain('load lportal');
  });

  it('of an object whose stored bytes are others', async () => {
    const world = await damaged();
    world.storage.tamper(`${stamp}/objects/documents/a`, (bytes) => (bytes.writeUInt8((bytes[0] ?? 0) ^ 1, 0), bytes));
    expect(await codeOf(() => restore(world))).not.toBe('no error');
    expect(texts(world)['a']).toBe('damaged');
    expect(world.database.live.get('lportal')).toEqual({ 'public.user_': 0 });
  });

  it('live by a manifest that is another one than at preview', async () => {
    const world = await damaged();
    await preview(world.context('preview', { run: 'r' }));
    const other = await damaged();
    other.storage.write('x', '');
    world.storage.write(
      `${stamp}/manifest.json`,
      other.storage.text(`${stamp}/manifest.json`).replace('"digest"', '"digest" '),
    );
    expect(await codeOf(() => loadDatabase(world.context('load-database', { run: 'r' })))).toBe('MANIFEST_INVALID');
  });

  it('live when loading brought other rows than the manifest says', async () => {
    const world = await damaged();
    const { database } = world;
    const broken = { ...database, countRows: () => Promise.resolve({ rows: { 'public.user_': 1 }, partial: [] }) };
    const context = (step: Parameters<World['context']>[0]) => ({
      ...world.context(step, { run: 'r' }),
      openDatabase: () => broken,
    });
    await preview(context('preview'));
    expect(await codeOf(() => loadDatabase(context('load-database')))).toBe('RESTORE_DIFFERS');
    await restoreObjects(context('restore-objects'));
    expect(await codeOf(() => commit(context('commit')))).toBe('RUN_MISSING');
    expect(database.live.get('lportal')).toEqual({ 'public.user_': 0 });
  });
});

describe('verify-restore', () => {
  it('names the object that is not what it was', async () => {
    const world = await damaged();
    const context = (step: Parameters<World['context']>[0]) => world.context(step, { run: 'r' });
    await preview(context('preview'));
    await loadDatabase(context('load-database'));
    await restoreObjects(context('restore-objects'));
    await commit(context('commit'));
    world.documents.write('b/2', 'other');
    await expect(verifyRestore(context('verify-restore'))).rejects.toMatchObject({
      code: 'RESTORE_DIFFERS',
      message: expect.stringContaining('b/2'),
    });
  });
});
