import type { z } from 'zod';
import type { CopySpec } from '../../core/api/backup-environment.ts';
import { hasCode, Lc2Error } from '../../core/errors.ts';
import { canonical, type Json } from '../../core/manifest/canonical.ts';
import { type Manifest, parseManifest } from '../../core/manifest/manifest.ts';
import { type Environment } from '../../core/plan/environment.ts';
import { layout } from '../../core/plan/layout.ts';
import { isStamp, timeOfStamp } from '../../core/plan/backup-id.ts';
import type { ObjectStore } from '../../core/ports/object-store.ts';
import { readAll, sha256 } from './bytes.ts';
import type { Adapters, Secrets, StoreAt } from './context.ts';

/** An environment's folder in its storage, and its small files. */

const smallFile = 64 * 1024 * 1024;

export const storageAt = (environment: Environment, secrets: Secrets): StoreAt => ({
  location: environment.spec.storage,
  secrets,
  subfolder: `${environment.spec.projectId}/${environment.name}`,
});

/** The same folder in another place. */
export const copyAt = ({ name, spec }: Environment, place: CopySpec, secrets: Secrets): StoreAt => ({
  location: place,
  secrets,
  subfolder: `${spec.projectId}/${name}`,
});

export const openStorage = (adapters: Adapters, environment: Environment, secrets: Secrets): Promise<ObjectStore> =>
  adapters.openStore(storageAt(environment, secrets));

/** The text of a small file, or undefined when there is none. */
export const tryReadText = async (storage: ObjectStore, key: string): Promise<string | undefined> => {
  try {
    const body = await storage.get(key);
    return (await readAll(body.bytes, smallFile)).toString('utf8');
  } catch (error) {
    if (hasCode(error, 'OBJECT_NOT_FOUND')) return undefined;
    throw error;
  }
};

export const tryReadRecord = async <S extends z.ZodType>(
  storage: ObjectStore,
  key: string,
  schema: S,
): Promise<z.output<S> | undefined> => {
  const text = await tryReadText(storage, key);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new Lc2Error('BACKUP_DAMAGED', 'a record of this run cannot be read', {
      where: `${storage.url}/${key}`,
      cause,
    });
  }
};

/** Writes a record that nobody else wrote before; says whether it was us. */
export const writeOnce = async (storage: ObjectStore, key: string, record: Json): Promise<boolean> => {
  try {
    const bytes = Buffer.from(canonical(record));
    await storage.put(key, bytes, { createOnly: true, size: bytes.byteLength, contentType: 'application/json' });
    return true;
  } catch (error) {
    if (hasCode(error, 'OBJECT_EXISTS')) return false;
    throw error;
  }
};

export const tryReadManifest = async (storage: ObjectStore, stamp: string): Promise<Manifest | undefined> => {
  const key = layout.manifest(stamp);
  const text = await tryReadText(storage, key);
  if (text === undefined) return undefined;
  const where = `${storage.url}/${key}`;
  const manifest = parseManifest(text, where, sha256);
  // One that was put here from another folder is sound, but would restore another backup than the one asked for.
  if (manifest.timestamp !== timeOfStamp(stamp))
    throw new Lc2Error('MANIFEST_INVALID', `the manifest is of ${manifest.backupId}`, { where });
  return manifest;
};

/** Names of all runs, oldest first; one listing request each, however many objects they hold. */
export const listStamps = async (storage: ObjectStore): Promise<string[]> => {
  const stamps: string[] = [];
  let startAfter: string | undefined;
  for (;;) {
    const next = await firstKey(storage, startAfter);
    if (next === undefined) return stamps;
    const slash = next.indexOf('/');
    const folder = slash === -1 ? next : next.slice(0, slash);
    if (slash !== -1 && isStamp(folder)) stamps.push(folder);
    // `0` is the character after `/`: everything below the folder sorts before it.
    startAfter = slash === -1 ? next : `${folder}0`;
  }
};

const firstKey = async (storage: ObjectStore, startAfter: string | undefined): Promise<string | undefined> => {
  for await (const object of storage.list(startAfter === undefined ? {} : { startAfter })) return object.key;
  return undefined;
};

/** The newest sealed run up to `before`, or undefined. */
export const newestSealed = async (storage: ObjectStore, before?: string): Promise<string | undefined> => {
  const stamps = await listStamps(storage);
  for (const stamp of stamps.toReversed()) {
    if (before !== undefined && stamp > before) continue;
    if ((await storage.head(layout.manifest(stamp))) !== undefined) return stamp;
  }
  return undefined;
};
