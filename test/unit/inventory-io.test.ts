import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InventoryLine } from '../../core/manifest/inventory.ts';
import { sha256 } from '../../steps/runtime/bytes.ts';
import {
  createInventoryWriter,
  readInventory,
  readPart,
  readSealedInventory,
} from '../../steps/runtime/inventory-io.ts';
import { createMemoryStore, type MemoryStore } from '../fakes/memory-store.ts';
import { codeOf, collect } from './support/streams.ts';

const lineOf = (key: string, size = 1): InventoryLine => ({
  key,
  size,
  mtime: 't',
  version: 'v',
  at: `s/objects/a/${key}`,
});

const writeAll = async (store: MemoryStore, lines: readonly InventoryLine[]) => {
  const writer = createInventoryWriter(store, (part) => `inventory/${part}`);
  for (const line of lines) await writer.add(line);
  return writer.end();
};

/** Lines long enough that a part holds few of them. */
const bulky = (keys: readonly string[]): InventoryLine[] =>
  keys.map((key) => ({ ...lineOf(key), metadata: { filler: 'x'.repeat(3 * 1024 * 1024) } }));

const partsOfThree = async () => {
  const store = createMemoryStore();
  const keys = ['a/1', 'a/2', 'a/3', 'b/1', 'b/2', 'b/3', 'c/1', 'c/2', 'c/3'];
  const parts = await writeAll(store, bulky(keys));
  expect(parts.map(({ objects }) => objects)).toEqual([3, 3, 3]);
  const reads = (): string[] => store.calls.filter((call) => call.startsWith('get ')).map((call) => call.slice(4));
  return { store, parts, keys, reads };
};

describe('inventories', () => {
  it('come back whole and in order', async () => {
    const store = createMemoryStore();
    const lines = Array.from({ length: 25_000 }, (_, i) => lineOf(String(i).padStart(6, '0'), i));
    const parts = await writeAll(store, lines);
    expect(parts.map(({ objects }) => objects)).toEqual([10_000, 10_000, 5000]);
    expect(parts.map(({ first }) => first)).toEqual(['000000', '010000', '020000']);
    expect(parts.reduce((sum, { bytes }) => sum + bytes, 0)).toBe((25_000 * 24_999) / 2);
    expect(await collect(readInventory(store, parts))).toEqual(lines);
  });

  it('of nothing have no part', async () => {
    const store = createMemoryStore();
    expect(await writeAll(store, [])).toEqual([]);
    expect(await collect(readInventory(store, []))).toEqual([]);
  });

  it('refuse lines out of order and twice', async () => {
    const writer = createInventoryWriter(createMemoryStore(), (part) => part);
    await writer.add(lineOf('😀'));
    expect(await codeOf(() => writer.add(lineOf('😀')))).toBe('BUG');
    expect(await codeOf(() => writer.add(lineOf('\uffff')))).toBe('BUG');
  });

  it('written twice stand there once: names come from the content', async () => {
    const store = createMemoryStore();
    const first = await writeAll(store, [lineOf('a')]);
    expect(await writeAll(store, [lineOf('a')])).toEqual(first);
    const other = await writeAll(store, [lineOf('b')]);
    expect(other[0]?.key).not.toBe(first[0]?.key);
    expect(store.contents.size).toBe(2);
  });

  it('are read by prefix from the parts that can hold it, and from no other', async () => {
    const { store, parts, reads } = await partsOfThree();
    expect((await collect(readInventory(store, parts, ['b/']))).map(({ key }) => key)).toEqual(['b/1', 'b/2', 'b/3']);
    expect(reads()).toEqual([parts[1]?.key]);
    expect((await collect(readInventory(store, parts, ['a/3', 'c/1']))).map(({ key }) => key)).toEqual(['a/3', 'c/1']);
    expect(await collect(readInventory(store, parts, ['bb', 'd', 'A']))).toEqual([]);
  });

  it('give by prefix exactly what has the prefix', async () => {
    const { store, parts, keys } = await partsOfThree();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c', '/', '1', '3', '4'), minLength: 1, maxLength: 3 }), {
          maxLength: 3,
        }),
        async (prefixes) => {
          const wanted = keys.filter(
            (key) => prefixes.length === 0 || prefixes.some((prefix) => key.startsWith(prefix)),
          );
          expect((await collect(readInventory(store, parts, prefixes))).map(({ key }) => key)).toEqual(wanted);
        },
      ),
      { numRuns: 8 },
    );
  });

  it('that were changed by one bit are named', async () => {
    const store = createMemoryStore();
    const [part] = await writeAll(store, [lineOf('a'), lineOf('b')]);
    const key = part?.key ?? '';
    const size = store.contents.get(key)?.byteLength ?? 0;
    for (let at = 0; at < size; at++) {
      const flip = (bytes: Buffer): Buffer => (bytes.writeUInt8((bytes[at] ?? 0) ^ 1, at), bytes);
      store.tamper(key, flip);
      await expect(collect(readInventory(store, part ? [part] : []))).rejects.toMatchObject({
        code: 'BACKUP_DAMAGED',
        where: key,
      });
      store.tamper(key, flip);
    }
  });

  it('that are missing or cut are named', async () => {
    const store = createMemoryStore();
    const [part] = await writeAll(store, [lineOf('a')]);
    const parts = part ? [part] : [];
    store.tamper(part?.key ?? '', (bytes) => bytes.subarray(0, 10));
    await expect(collect(readInventory(store, parts))).rejects.toMatchObject({
      code: 'BACKUP_DAMAGED',
      where: part?.key,
    });
    await store.delete([part?.key ?? '']);
    await expect(collect(readInventory(store, parts))).rejects.toMatchObject({
      code: 'BACKUP_DAMAGED',
      where: part?.key,
    });
  });

  it.each([
    ['unsorted', (lines: string[]) => lines.toReversed(), { first: 'c', last: 'a' }],
    ['doubled', (lines: string[]) => [...lines, lines.at(-1) ?? ''], { objects: 4, bytes: 4 }],
    ['short by a line', (lines: string[]) => lines.slice(0, 2), {}],
    ['of other bytes', (lines: string[]) => lines.map((line) => line.replace('"size":1', '"size":2')), {}],
  ])('that are %s do not match the manifest, whatever their digest', async (_, change, claim) => {
    const store = createMemoryStore();
    const [part] = await writeAll(
      store,
      ['a', 'b', 'c'].map((key) => lineOf(key)),
    );
    const key = part?.key ?? '';
    store.tamper(key, (bytes) => {
      const lines = zstdDecompressSync(bytes).toString('utf8').trimEnd().split('\n');
      return zstdCompressSync(Buffer.from(`${change(lines).join('\n')}\n`));
    });
    const stored = store.contents.get(key) ?? Buffer.alloc(0);
    const parts = part ? [{ ...part, ...claim, digest: sha256(stored), size: stored.byteLength }] : [];
    await expect(collect(readInventory(store, parts))).rejects.toMatchObject({ code: 'BACKUP_DAMAGED', where: key });
  });

  it.each(['no zstd', '', '(µ/ý'])('that cannot be unpacked are damaged, whatever their digest: %j', async (text) => {
    const store = createMemoryStore();
    const [part] = await writeAll(store, [lineOf('a')]);
    const bytes = Buffer.from(text, 'latin1');
    store.tamper(part?.key ?? '', () => bytes);
    const parts = part ? [{ ...part, digest: sha256(bytes), size: bytes.byteLength }] : [];
    await expect(collect(readInventory(store, parts))).rejects.toMatchObject({ code: 'BACKUP_DAMAGED' });
  });

  it.each([
    '20251109-143000/objects/a/other',
    '20251109-143000/objects/b/key',
    '20251109-143000/database/key',
    'owner.json',
    'restores/objects/a/key',
    `20251109-143000/objects/a/~${sha256('key\nw').slice(0, 2)}/${sha256('key\nw').slice(2)}`,
  ])('that point to %s are damaged: a copy has its own place', async (at) => {
    const store = createMemoryStore();
    const read = async (place: string): Promise<unknown> => {
      const inventory = await writeAll(store, [{ ...lineOf('key'), at: place }]);
      return collect(readSealedInventory(store, { name: 'a', inventory }));
    };
    expect(await codeOf(() => read(at))).toBe('BACKUP_DAMAGED');
    const made = sha256('key\nv');
    for (const own of ['key', `~${made.slice(0, 2)}/${made.slice(2)}`])
      expect(await codeOf(() => read(`20251109-143000/objects/a/${own}`))).toBe('no error');
  });

  it('that unpack to more than any that is written are damage, and named', async () => {
    const store = createMemoryStore();
    const bomb = zstdCompressSync(Buffer.alloc(300 * 1024 * 1024));
    expect(bomb.byteLength).toBeLessThan(100_000);
    store.write('bomb', bomb);
    await expect(readPart(store, { key: 'bomb', digest: sha256(bomb), size: bomb.byteLength })).rejects.toMatchObject({
      code: 'BACKUP_DAMAGED',
      what: expect.stringContaining('unpack'),
      where: 'bomb',
    });
  });

  it('that do not unpack are damage, whatever their digest', async () => {
    const store = createMemoryStore();
    const whole = zstdCompressSync(Buffer.from('x'.repeat(1000)));
    for (const bytes of [whole.subarray(0, 9), Buffer.from('no zstd'), Buffer.alloc(0)]) {
      store.write('part', bytes);
      await expect(
        readPart(store, { key: 'part', digest: sha256(bytes), size: bytes.byteLength }),
      ).rejects.toMatchObject({
        code: 'BACKUP_DAMAGED',
        where: 'part',
      });
    }
  });

  it('are read part by part by those who delete', async () => {
    const { store, parts } = await partsOfThree();
    const [first] = parts;
    expect(first && (await readPart(store, first)).map(({ key }) => key)).toEqual(['a/1', 'a/2', 'a/3']);
  });
});
