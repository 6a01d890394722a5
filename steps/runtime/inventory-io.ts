import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { hasCode, Lc2Error } from '../../core/errors.ts';
import { formatLine, type InventoryLine, parseLine } from '../../core/manifest/inventory.ts';
import type { InventoryPart, ObjectStoreEntry } from '../../core/manifest/manifest.ts';
import { isStamp } from '../../core/plan/backup-id.ts';
import { escapedKey } from '../../core/plan/layout.ts';
import { objectsApart } from '../../core/plan/split-listing.ts';
import type { ObjectStore } from '../../core/ports/object-store.ts';
import { compareUtf8 } from '../../core/utf8.ts';
import { readAll, sha256 } from './bytes.ts';
import { itemsOfPages, type Paged } from './pages.ts';

/** Inventories in storage: sorted NDJSON in parts of bounded size, each whole in memory once. */

const partBytes = 8 * 1024 * 1024;
/** Lines that are parsed at a time: what lives shortly costs the collector of garbage little. */
const pageLines = 500;
/** What a part may unpack to: a line holds a key, metadata and little else. */
const unpackedLimit = 256 * 1024 * 1024;
const packedLimit = 64 * 1024 * 1024;

export interface InventoryWriter {
  /** Lines must come in ascending order of keys. Undefined: there is nothing to wait for. */
  add(line: InventoryLine): Promise<void> | undefined;
  end(): Promise<InventoryPart[]>;
}

/**
 * `keyOf` names a part; names carry the digest of the content, so that a late attempt writes the same bytes to the same
 * name or other bytes to another. `beforeWrite` may refuse.
 */
export const createInventoryWriter = (
  storage: ObjectStore,
  keyOf: (part: string) => string,
  beforeWrite: () => Promise<void> = () => Promise.resolve(),
): InventoryWriter => {
  const parts: InventoryPart[] = [];
  let lines: string[] = [];
  let size = 0;
  let bytes = 0;
  let first: string | undefined;
  let last: string | undefined;

  const flush = async (): Promise<void> => {
    if (first === undefined || last === undefined) return;
    const packed = zstdCompressSync(Buffer.from(lines.join('')));
    const digest = sha256(packed);
    const key = keyOf(`part-${String(parts.length).padStart(5, '0')}.${digest.slice(0, 12)}`);
    // Everything is reset before the first await: the next lines may come while this part is written.
    parts.push({ key, digest, size: packed.byteLength, first, last, objects: lines.length, bytes });
    lines = [];
    size = 0;
    bytes = 0;
    first = undefined;
    await beforeWrite();
    await putIfAbsent(storage, key, packed);
  };

  return {
    add: (line) => {
      if (last !== undefined && compareUtf8(line.key, last) <= 0) {
        throw new Lc2Error('BUG', 'an inventory line is out of order', { where: `${line.key} after ${last}` });
      }
      const text = formatLine(line);
      first ??= line.key;
      last = line.key;
      lines.push(text);
      size += text.length;
      bytes += line.size;
      if (lines.length >= objectsApart || size >= partBytes) return flush();
      return undefined;
    },
    end: async () => {
      await flush();
      return parts;
    },
  };
};

const putIfAbsent = async (storage: ObjectStore, key: string, bytes: Uint8Array): Promise<void> => {
  try {
    await storage.put(key, bytes, { createOnly: true, size: bytes.byteLength });
  } catch (error) {
    // The name is made from the content: what stands there is the same.
    if (!hasCode(error, 'OBJECT_EXISTS')) throw error;
  }
};

/** A part's lines; anything but the bytes of its digest is BACKUP_DAMAGED with its key. */
export const readPart = async (
  storage: ObjectStore,
  part: Pick<InventoryPart, 'key' | 'digest' | 'size'>,
): Promise<InventoryLine[]> => {
  const texts = await readTexts(storage, part);
  return texts.map((text) => parseLine(text, part.key));
};

const readTexts = async (
  storage: ObjectStore,
  part: Pick<InventoryPart, 'key' | 'digest' | 'size'>,
): Promise<string[]> => {
  const packed = await readFile(storage, part.key);
  if (packed.byteLength !== part.size || sha256(packed) !== part.digest) {
    throw new Lc2Error('BACKUP_DAMAGED', 'an inventory does not match its digest', { where: part.key });
  }
  return unpack(packed, part.key)
    .split('\n')
    .filter((line) => line !== '');
};

/** A digest that fits says that nothing changed, not that we wrote it. */
const unpack = (packed: Buffer, where: string): string => {
  try {
    return zstdDecompressSync(packed, { maxOutputLength: unpackedLimit }).toString('utf8');
  } catch (cause) {
    throw new Lc2Error('BACKUP_DAMAGED', 'an inventory cannot be unpacked', { where, cause });
  }
};

const readFile = async (storage: ObjectStore, key: string): Promise<Buffer> => {
  try {
    return await readAll((await storage.get(key)).bytes, packedLimit);
  } catch (cause) {
    if (hasCode(cause, 'OBJECT_NOT_FOUND'))
      throw new Lc2Error('BACKUP_DAMAGED', 'an inventory is missing', { where: key, cause });
    if (cause instanceof RangeError)
      throw new Lc2Error('BACKUP_DAMAGED', 'an inventory is larger than any that is written', { where: key, cause });
    throw cause;
  }
};

/** Every line of an inventory in order; with `prefixes`, only the parts that can hold such keys are read. */
export const readInventory = (
  storage: ObjectStore,
  parts: readonly InventoryPart[],
  prefixes: readonly string[] = [],
): Paged<InventoryLine> => itemsOfPages(readParts(storage, parts, prefixes));

const readParts = async function* (
  storage: ObjectStore,
  parts: readonly InventoryPart[],
  prefixes: readonly string[],
): AsyncIterable<readonly InventoryLine[]> {
  const isWanted = ({ key }: InventoryLine): boolean => prefixes.some((prefix) => key.startsWith(prefix));
  let before: string | undefined;
  for (const part of parts) {
    if (!mayHold(part, prefixes)) continue;
    for await (const lines of readPages(storage, part, before))
      yield prefixes.length === 0 ? lines : lines.filter(isWanted);
    before = part.last;
  }
};

/** Of a part that is not what the manifest says, although its digest fits, the end tells. */
const readPages = async function* (
  storage: ObjectStore,
  part: InventoryPart,
  before: string | undefined,
): AsyncIterable<readonly InventoryLine[]> {
  const texts = await readTexts(storage, part);
  let bytes = 0;
  let first: string | undefined;
  let last = before;
  for (let from = 0; from < texts.length; from += pageLines) {
    const lines = texts.slice(from, from + pageLines).map((text) => parseLine(text, part.key));
    for (const line of lines) {
      if (last !== undefined && compareUtf8(line.key, last) <= 0) {
        throw new Lc2Error('BACKUP_DAMAGED', 'an inventory is not sorted', { where: part.key });
      }
      first ??= line.key;
      last = line.key;
      bytes += line.size;
    }
    yield lines;
  }
  if (texts.length !== part.objects || bytes !== part.bytes || first !== part.first || last !== part.last)
    throw new Lc2Error('BACKUP_DAMAGED', 'an inventory does not hold what the manifest says', { where: part.key });
};

/** The inventory of a store in a sealed backup: a line that points to anything but its own copy is BACKUP_DAMAGED. */
export const readSealedInventory = async function* (
  storage: ObjectStore,
  entry: Pick<ObjectStoreEntry, 'name' | 'inventory'>,
  prefixes: readonly string[] = [],
): AsyncIterable<InventoryLine> {
  const folder = `/objects/${entry.name}/`;
  for await (const line of readInventory(storage, entry.inventory, prefixes)) {
    if (!isAtItsPlace(line, folder)) {
      const part = entry.inventory.find(({ last }) => compareUtf8(line.key, last) <= 0);
      throw new Lc2Error('BACKUP_DAMAGED', `the inventory says that object ${line.key} is where another one belongs`, {
        where: part?.key ?? entry.name,
      });
    }
    yield line;
  }
};

/** A copy has the object's own key below a run's folder, or a name made from its key and version. */
const isAtItsPlace = ({ key, version, at }: InventoryLine, folder: string): boolean => {
  const run = at.slice(0, at.indexOf('/'));
  if (!isStamp(run) || !at.startsWith(folder, run.length)) return false;
  const name = at.slice(run.length + folder.length);
  return name === key || name === escapedKey(sha256(`${key}\n${version}`));
};

const mayHold = (part: InventoryPart, prefixes: readonly string[]): boolean =>
  prefixes.length === 0 ||
  prefixes.some(
    (prefix) =>
      compareUtf8(part.last, prefix) >= 0 && (compareUtf8(part.first, prefix) <= 0 || part.first.startsWith(prefix)),
  );
