import { createHash } from 'node:crypto';
import type { InventoryLine } from '../../core/manifest/inventory.ts';
import type { ObjectInfo, ObjectStore } from '../../core/ports/object-store.ts';

/** How an object of a live store compares with its inventory line: by the stores' checksums, else by reading it. */
export type Comparison = 'same' | 'size' | 'checksum' | 'bytes' | 'unknown';

export const compareWithLine = async (
  store: ObjectStore,
  line: InventoryLine,
  object: ObjectInfo,
): Promise<Comparison> => {
  if (object.size !== line.size) return 'size';
  if (object.checksum?.algorithm === 'md5' && line.checksum?.algorithm === 'md5') {
    return object.checksum.value === line.checksum.value ? 'same' : 'checksum';
  }
  if (line.digest === undefined) return 'unknown';
  return (await hasDigest(store, object.key, { sha256: line.digest })) ? 'same' : 'bytes';
};

export type Digest = { readonly sha256: string } | { readonly md5: string };

export const hasDigest = async (store: ObjectStore, key: string, digest: Digest): Promise<boolean> => {
  const [algorithm, wanted] =
    'sha256' in digest ? (['sha256', digest.sha256] as const) : (['md5', digest.md5] as const);
  const hash = createHash(algorithm);
  for await (const chunk of (await store.get(key)).bytes) hash.update(chunk);
  return hash.digest('hex') === wanted;
};
