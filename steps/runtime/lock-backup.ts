import { Lc2Error } from '../../core/errors.ts';
import { filesIn, type ManifestBody } from '../../core/manifest/manifest.ts';
import { stampOf } from '../../core/plan/backup-id.ts';
import { isActive } from '../../core/plan/lock.ts';
import { layout } from '../../core/plan/layout.ts';
import type { Lock, ObjectLocks, ObjectStore } from '../../core/ports/object-store.ts';
import { readSealedInventory } from './inventory-io.ts';
import { ordered } from './ordered.ts';

/** A backup out of everybody's reach: what its manifest names, and nothing else. */

/** Requests about locks at the same time. */
const locksAtOnce = 64;

export const requireLocks = async ({ locks, url }: Pick<ObjectStore, 'locks' | 'url'>): Promise<ObjectLocks> => {
  if (!locks) throw new Lc2Error('LOCK_UNAVAILABLE', 'this store cannot lock objects', { where: url });
  await locks.probe();
  return locks;
};

/** Files of a backup that are no copies of objects, but for its claim and its seal. */
export const filesOf = (manifest: ManifestBody): string[] => {
  const claim = claimOf(manifest);
  return filesIn(manifest)
    .map(({ key }) => key)
    .filter((key) => key !== claim);
};

export const claimOf = ({ timestamp }: Pick<ManifestBody, 'timestamp'>): string =>
  layout.run(stampOf(new Date(timestamp)));

/** Copies of all objects, those too that earlier backups brought. */
export const copiesOf = async function* (
  storage: ObjectStore,
  { objectStores }: Pick<ManifestBody, 'objectStores'>,
): AsyncIterable<string> {
  for (const entry of objectStores) for await (const { at } of readSealedInventory(storage, entry)) yield at;
};

export const inList = async function* (keys: readonly string[]): AsyncIterable<string> {
  for (const key of keys) yield await Promise.resolve(key);
};

/**
 * Everything but the manifest, which does not stand yet; the claim at the end, so that where it is locked all else is. Doing it
 * again is harmless.
 */
export const lockFiles = async (storage: ObjectStore, manifest: ManifestBody, lock: Lock): Promise<number> => {
  const locks = await requireLocks(storage);
  let count = 0;
  for (const keys of [copiesOf(storage, manifest), inList(filesOf(manifest)), inList([claimOf(manifest)])])
    for await (const _ of ordered(keys, { concurrency: locksAtOnce }, (key) => locks.extend(key, lock))) count++;
  return count;
};

export interface FoundLock {
  readonly key: string;
  readonly lock: Lock | undefined;
}

export const readLocks = (locks: ObjectLocks, keys: AsyncIterable<string>): AsyncIterable<FoundLock> =>
  ordered(keys, { concurrency: locksAtOnce }, async (key) => ({ key, lock: await locks.read(key) }));

/** The lock that ends last of those in a folder that have not ended. */
export const lastLock = async (
  { list, locks }: Pick<ObjectStore, 'list' | 'locks'>,
  prefix: string,
  now: Date,
): Promise<Lock | undefined> => {
  if (!locks) return undefined;
  const keys = async function* (): AsyncIterable<string> {
    for await (const { key } of list({ prefix })) yield key;
  };
  let last: Lock | undefined;
  for await (const { lock } of readLocks(locks, keys()))
    if (isActive(lock, now) && (last === undefined || lock.until > last.until)) last = lock;
  return last;
};
