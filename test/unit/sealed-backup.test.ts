import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { InventoryLine } from '../../core/manifest/inventory.ts';
import { type InventoryPart, type ManifestBody, sealManifest } from '../../core/manifest/manifest.ts';
import { layout } from '../../core/plan/layout.ts';
import { catchUp } from '../../steps/catch-up.ts';
import { dump } from '../../steps/dump.ts';
import { manifest } from '../../steps/manifest.ts';
import { preview } from '../../steps/preview.ts';
import type { Checksum } from '../../core/ports/object-store.ts';
import { sha256 } from '../../steps/runtime/bytes.ts';
import { checkObjects, compareChecksums } from '../../steps/runtime/check-objects.ts';
import { createInventoryWriter, readInventory } from '../../steps/runtime/inventory-io.ts';
import { tryReadManifest } from '../../steps/runtime/storage.ts';
import { transfer } from '../../steps/transfer.ts';
import { verifyBackup } from '../../steps/verify-backup.ts';
import { verify } from '../../steps/verify.ts';
import { createMemoryStore } from '../fakes/memory-store.ts';
import { codeOf, collect } from './support/streams.ts';
import { type ContextOptions, createWorld, type World } from './support/world.ts';

const stamp = '20251109-143000';
const later = '20251110-143000';
const next = { run: 'run-2', time: '2025-11-10T14:30:00Z' };

const backUp = async (world: World, options: ContextOptions = {}): Promise<void> => {
  await dump(world.context('dump', options));
  await transfer(world.context('transfer', options));
  await catchUp(world.context('catch-up', options));
  await verify(world.context('verify', options));
  await manifest(world.context('manifest', options));
};

let world: World;
beforeEach(async () => {
  world = createWorld();
  for (const key of ['a', 'b/1', 'b/2']) world.documents.write(key, `bytes of ${key}`);
  await backUp(world);
  world.documents.write('a', 'changed');
  await backUp(world, next);
});

const verified = async (run = later): Promise<string[]> => {
  const parameters = { backup: `retail-prd-backup-${run}`, objects: 'full' };
  const { problems } = await verifyBackup(world.context('verify-backup', { parameters }));
  return problems.map(({ code, key }) => `${code} ${key}`);
};

const previewed = (run = later): Promise<string> =>
  codeOf(() => preview(world.context('preview', { run: 'r', parameters: { backup: `retail-prd-backup-${run}` } })));

const reseal = async (change: (body: ManifestBody) => Partial<ManifestBody>): Promise<void> => {
  const sealed = await tryReadManifest(world.storage, later);
  if (!sealed) throw new Error('there is no manifest');
  const { digest: _digest, ...body } = sealed;
  world.storage.write(`${later}/manifest.json`, sealManifest({ ...body, ...change(body) }, sha256).text);
};

describe('a sealed backup', () => {
  it('is not another one whose manifest was put into its folder', async () => {
    world.storage.write(`${later}/manifest.json`, world.storage.text(`${stamp}/manifest.json`));
    expect(await verified()).toEqual([`MANIFEST_INVALID ${later}/manifest.json`]);
    expect(await previewed()).toBe('MANIFEST_INVALID');
  });

  it.each(['stranger', 'objects/documents0', 'objects/nobody/x', 'steps/more.json', 'x/y/z', 'database/more/x'])(
    'has no file %s',
    async (name) => {
      world.storage.write(`${later}/${name}`, 'x');
      expect(await verified()).toEqual([`BACKUP_DAMAGED ${later}/${name}`]);
    },
  );

  it('may have working files of attempts that came late', async () => {
    world.storage.write(`${later}/steps/attempt-9/documents/part-00000.x.ndjson.zst`, 'x');
    expect(await verified()).toEqual([]);
  });

  it.each(['run.json', 'steps/dump.json', 'steps/transfer.json', 'steps/catch-up.json', 'steps/verify.json'])(
    'knows its %s by digest, and can be restored without it',
    async (name) => {
      world.storage.write(`${later}/${name}`, `${world.storage.text(`${later}/${name}`)} `);
      expect(await verified()).toEqual([`BACKUP_DAMAGED ${later}/${name}`]);
      await world.storage.delete([`${later}/${name}`]);
      expect(await verified()).toEqual([`BACKUP_DAMAGED ${later}/${name}`]);
      expect(await previewed()).toBe('no error');
    },
  );

  it('of a version that did not know its records is read all the same', async () => {
    await reseal(({ records: _records, ...body }) => ({ ...body, records: undefined }));
    expect(await verified()).toEqual([]);
    world.storage.write(`${later}/stranger`, 'x');
    expect(await verified()).toEqual([`BACKUP_DAMAGED ${later}/stranger`]);
  });

  it('is damaged when a dump is gone', async () => {
    const sealed = await tryReadManifest(world.storage, later);
    const key = sealed?.database?.dumps[0]?.key ?? '';
    await world.storage.delete([key]);
    expect(await verified()).toEqual([`BACKUP_DAMAGED ${key}`]);
    expect(await previewed()).toBe('BACKUP_DAMAGED');
  });

  it('refers to every backup that holds its bytes', async () => {
    await reseal(({ objectStores }) => ({ objectStores: objectStores.map((each) => ({ ...each, references: [] })) }));
    expect(await verified()).toEqual([`MANIFEST_INVALID ${later}/manifest.json`]);
  });

  it.each([
    [`${stamp}/objects/documents/b/2`, 'gone'],
    [`${later}/objects/documents/a`, 'gone'],
    [`${stamp}/objects/documents/b/2`, 'other bytes'],
    [`${stamp}/objects/documents/b/2`, 'bytes of b/9'],
  ])('whose copy %s is %s is not restored, not even the part that is sound', async (key, how) => {
    if (how === 'gone') await world.storage.delete([key]);
    else world.storage.write(key, how);
    expect(await previewed()).toBe('BACKUP_DAMAGED');
    expect(await verified()).toEqual([`BACKUP_DAMAGED ${key}`]);
  });

  it('has every damaged part of an inventory named, and no sound object beside them', async () => {
    const sealed = await tryReadManifest(world.storage, later);
    const [whole] = sealed?.objectStores[0]?.inventory ?? [];
    const lines = whole ? await collect(readInventory(world.storage, [whole])) : [];
    const inventory: InventoryPart[] = [];
    for (const line of lines) {
      const writer = createInventoryWriter(world.storage, (part) => layout.inventory(later, 'documents', part));
      await writer.add(line);
      inventory.push(...(await writer.end()));
    }
    await world.storage.delete([whole?.key ?? '']);
    await reseal(({ objectStores }) => ({ objectStores: objectStores.map((each) => ({ ...each, inventory })) }));
    expect(await verified()).toEqual([]);
    const damaged: string[] = [];
    for (const { key } of inventory.slice(0, 2)) {
      damaged.push(`BACKUP_DAMAGED ${key}`);
      world.storage.tamper(key, (bytes) => bytes.subarray(1));
      expect(await verified()).toEqual(damaged);
    }
  });

  it('is restored below a prefix whatever became of the rest', async () => {
    await world.storage.delete([`${later}/objects/documents/a`]);
    const parameters = { backup: `retail-prd-backup-${later}`, prefixes: '["b/"]' };
    expect(await codeOf(() => preview(world.context('preview', { run: 'r', parameters })))).toBe('no error');
  });
});

describe('copies that have no sha256', () => {
  const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
  const line: InventoryLine = {
    key: 'a',
    size: 3,
    mtime: 't',
    version: 'v',
    checksum: { algorithm: 'md5', value: md5('one') },
    at: `${stamp}/objects/documents/a`,
  };

  it('are compared by md5 when all bytes are read', async () => {
    const storage = createMemoryStore();
    storage.write(line.at, 'one');
    storage.tamper(line.at, () => Buffer.from('two'));
    const found = async (level: 'listed' | 'full'): Promise<string[]> => {
      const keys: string[] = [];
      const lines = async function* (): AsyncIterable<InventoryLine> {
        yield await Promise.resolve(line);
      };
      const onProblem = ({ key }: { readonly key: string }): void => void keys.push(key);
      await checkObjects({ storage, stamp, store: 'documents', lines: lines(), level, inherited: level, onProblem });
      return keys;
    };
    expect(await found('listed')).toEqual([]);
    expect(await found('full')).toEqual([line.at]);
  });

  const sum = (algorithm: 'md5' | 'etag', value: string): Checksum => ({ algorithm, value });
  const { checksum: _checksum, ...bare } = line;
  it.each<readonly [string, string, Partial<InventoryLine>, Checksum | undefined]>([
    ['the same', 'same', line, sum('md5', md5('one'))],
    ['another', 'differs', line, sum('md5', md5('two'))],
    ['the same of parts', 'same', { stored: sum('etag', 'x-2') }, sum('etag', 'x-2')],
    ['another of parts', 'differs', { stored: sum('etag', 'x-2') }, sum('etag', 'y-2')],
    ['one that is no longer of parts', 'differs', { stored: sum('etag', 'x-2') }, sum('md5', md5('one'))],
    ['the same, of which nobody knows what it is', 'unknown', { stored: sum('etag', 'x') }, sum('md5', 'x')],
    ['none', 'unknown', line, undefined],
    ['one where there was none', 'unknown', {}, sum('md5', md5('one'))],
  ])('whose store now reports %s: %s', (_, expected, known, checksum) => {
    const object = { key: line.at, size: 3, mtime: 't', version: 'v', ...(checksum && { checksum }) };
    expect(compareChecksums({ ...bare, ...known }, object)).toBe(expected);
  });
});
