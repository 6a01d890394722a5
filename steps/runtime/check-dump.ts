import { hasCode, Lc2Error } from '../../core/errors.ts';
import type { DumpFormat } from '../../core/manifest/manifest.ts';
import type { Database, RowCounts } from '../../core/ports/database.ts';
import type { ObjectStore } from '../../core/ports/object-store.ts';
import { drain, measure } from './bytes.ts';

export interface StoredFile {
  readonly key: string;
  readonly size: number;
  readonly digest: string;
}

/** What a service exported has no digest before it was read here; its version then tells that it was written once. */
export interface StoredDumpFile extends Omit<StoredFile, 'digest'> {
  readonly digest?: string | undefined;
  readonly version?: string | undefined;
  readonly format?: DumpFormat | undefined;
}

export interface CheckedDump {
  readonly rows: RowCounts;
  readonly digest: string;
}

/** The file is, byte for byte, what was written. */
export const checkFile = async (storage: ObjectStore, file: StoredFile): Promise<void> => {
  const measured = measure(await bytesOf(storage, file.key));
  await drain(measured.bytes);
  compare(file, measured.result());
};

/** The digest proves that nothing changed, the restore tool that it is whole; the rows are what a restore must bring. */
export const checkDump = async (
  storage: ObjectStore,
  file: StoredDumpFile,
  database: Database,
): Promise<CheckedDump> => {
  const measured = measure(await bytesOf(storage, file.key, file.version));
  const rows = await database.readDump(measured.bytes, file.format ?? 'custom');
  // The tool may stop at the end of what it knows: what comes after it is read too.
  await drain(measured.bytes);
  const found = measured.result();
  compare({ ...file, digest: file.digest ?? found.digest }, found);
  return { rows, digest: found.digest };
};

/** What a sealed backup has lost is damage of that backup. */
const bytesOf = async (storage: ObjectStore, key: string, version?: string): Promise<AsyncIterable<Uint8Array>> => {
  try {
    return (await storage.get(key, version === undefined ? {} : { version })).bytes;
  } catch (cause) {
    if (!hasCode(cause, 'OBJECT_NOT_FOUND')) throw cause;
    throw new Lc2Error('BACKUP_DAMAGED', 'the file is missing', { where: key, cause });
  }
};

const compare = (file: StoredFile, found: { readonly size: number; readonly digest: string }): void => {
  if (found.size !== file.size) {
    throw new Lc2Error('BACKUP_DAMAGED', `the file has ${found.size} bytes instead of ${file.size}`, {
      where: file.key,
    });
  }
  if (found.digest !== file.digest)
    throw new Lc2Error('BACKUP_DAMAGED', 'the file does not match its digest', { where: file.key });
};
