import { Lc2Error } from '../errors.ts';
import type { Checksum, ObjectInfo } from '../ports/object-store.ts';
import { canonicalLine, type Json } from './canonical.ts';

/** One object of a store in this backup. A line of NDJSON; sorted by the UTF-8 bytes of `key`. */
export interface InventoryLine {
  readonly key: string;
  readonly size: number;
  readonly mtime: string;
  /** As the source reported it. */
  readonly checksum?: Checksum;
  /** As the storage reports it for the copy. */
  readonly stored?: Checksum;
  /** sha256 of the bytes, where known. */
  readonly digest?: string;
  readonly version: string;
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Key of the bytes, relative to the environment's folder in storage: this run's or an earlier one's. */
  readonly at: string;
}

/** The canonical line. A library has 10^8 of them: where no key is the user's own, the order of the keys is known. */
export const formatLine = (line: InventoryLine): string => {
  if (line.metadata !== undefined) return `${canonicalLine(line as unknown as Json)}\n`;
  const { at, contentType, digest, key, mtime, size, version } = line;
  const checksum = inOrder(line.checksum);
  const stored = inOrder(line.stored);
  return `${JSON.stringify({ at, checksum, contentType, digest, key, mtime, size, stored, version })}\n`;
};

const inOrder = (checksum: Checksum | undefined): Checksum | undefined =>
  checksum && { algorithm: checksum.algorithm, value: checksum.value };

/** Checked by hand: a library has 10^8 of them. */
export const parseLine = (text: string, where: string): InventoryLine => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Lc2Error('BACKUP_DAMAGED', 'an inventory line is not JSON', { where, cause });
  }
  if (!isLine(value)) throw new Lc2Error('BACKUP_DAMAGED', 'an inventory line is malformed', { where });
  return value;
};

const isLine = (value: unknown): value is InventoryLine => {
  if (value === null || typeof value !== 'object') return false;
  const line = value as Record<string, unknown>;
  const { key, size, mtime, version, at } = line;
  const named = typeof key === 'string' && key !== '' && typeof at === 'string' && isStorageKey(at);
  const sized = Number.isSafeInteger(size) && Number(size) >= 0;
  const dated = typeof mtime === 'string' && typeof version === 'string';
  return named && sized && dated && isChecksum(line['checksum']) && isChecksum(line['stored']) && isDescribed(line);
};

const isTextOrNothing = (value: unknown): boolean => value === undefined || typeof value === 'string';

const isDescribed = ({ digest, contentType, metadata }: Record<string, unknown>): boolean =>
  isTextOrNothing(digest) &&
  isTextOrNothing(contentType) &&
  (metadata === undefined ||
    (metadata !== null &&
      typeof metadata === 'object' &&
      !Array.isArray(metadata) &&
      Object.values(metadata).every((value) => typeof value === 'string')));

/** A manifest and its inventories are input: what they point to must stay inside the environment's folder. */
export const isStorageKey = (key: string): boolean => !emptyOrDots.test(key);

/** A segment that is empty, one dot or two. */
const emptyOrDots = /(?:^|\/)\.{0,2}(?:\/|$)/;

const isChecksum = (value: unknown): boolean =>
  value === undefined ||
  (value !== null &&
    typeof value === 'object' &&
    'algorithm' in value &&
    'value' in value &&
    (value.algorithm === 'md5' || value.algorithm === 'etag') &&
    typeof value.value === 'string');

/** Whether the object as listed now is the one that an earlier inventory holds. */
export const isUnchanged = (line: InventoryLine, object: ObjectInfo): boolean =>
  line.size === object.size &&
  line.version === object.version &&
  line.checksum?.value === object.checksum?.value &&
  line.checksum?.algorithm === object.checksum?.algorithm;
