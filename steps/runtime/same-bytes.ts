import type { InventoryLine } from '../../core/manifest/inventory.ts';
import type { ObjectInfo, ObjectStore } from '../../core/ports/object-store.ts';
import { drain, measure } from './bytes.ts';

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
  return (await hasDigest(store, object.key, line.digest)) ? 'same' : 'bytes';
};

export const hasDigest = async (store: ObjectStore, key: string, digest: string): Promise<boolean> => {
  const measured = measure((await store.get(key)).bytes);
  await drain(measured.bytes);
  return measured.result().digest === digest;
};
