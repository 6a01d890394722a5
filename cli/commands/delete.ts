import { hasCode, Lc2Error } from '../../core/errors.ts';
import type { Manifest } from '../../core/manifest/manifest.ts';
import { layout } from '../../core/plan/layout.ts';
import type { ObjectStore } from '../../core/ports/object-store.ts';
import { snapshotCopiesOf } from '../../steps/runtime/copy-snapshot.ts';
import { lastLock } from '../../steps/runtime/lock-backup.ts';
import { copyAt, listStamps, tryReadManifest } from '../../steps/runtime/storage.ts';
import { resolveStamp } from '../backup-argument.ts';
import { type Command, openScene, printJson, readArgs, type Scene } from '../command.ts';

const batch = 1000;

export const deleteBackup: Command = {
  usage: 'delete ID -f FILE [-e NAME] --confirm ID [--json]',
  summary: 'delete a backup that no newer one needs',
  run: async (args, io) => {
    const { values, positionals } = readArgs(args, { confirm: { type: 'string' } }, { max: 1 });
    const [id] = positionals;
    const scene = openScene(values, io);
    const { storage, stamp } = await resolveStamp(scene, id);
    if (values.confirm !== id)
      throw new Lc2Error('RESTORE_NOT_CONFIRMED', 'confirm is not the id of the backup', {
        remedy: 'repeat the id after --confirm',
      });
    await assertExists(storage, stamp);
    const places = [storage, ...(await openCopies(scene))];
    for (const place of places) {
      await assertUnused(place, stamp);
      await assertUnlocked(scene, { storage: place, stamp, now: io.now() });
    }
    await deleteSnapshot(scene, storage, stamp);
    // The original last: it alone says where the others are.
    let files = 0;
    for (const place of places.toReversed()) files += await deleteAt(place, stamp);
    if (values.json) printJson(io, { backupId: id, deleted: files });
    else io.stdout(`deleted ${id ?? ''}: ${files} files\n`);
    return 0;
  },
};

const openCopies = ({ adapters, environment, secrets }: Scene): Promise<ObjectStore[]> =>
  Promise.all(
    environment.spec.storage.copies.map((place) => adapters.openStore(copyAt(environment, place, secrets.copies))),
  );

/** The seal goes first: what is left of a killed deletion is no backup. */
const deleteAt = async (storage: ObjectStore, stamp: string): Promise<number> => {
  const sealed = (await storage.head(layout.manifest(stamp))) !== undefined;
  await storage.delete([layout.manifest(stamp)]);
  return (sealed ? 1 : 0) + (await deleteFolder(storage, `${stamp}/`));
};

/**
 * Before the manifest, which alone knows it; copies in other regions first. One that the service has let expire is gone, and
 * that is fine; one of a manifest that cannot be read stays.
 */
const deleteSnapshot = async (
  { adapters, environment, secrets }: Scene,
  storage: ObjectStore,
  stamp: string,
): Promise<void> => {
  const manifest = await manifestOf(storage, stamp);
  const id = manifest?.database?.snapshotId;
  if (manifest === undefined || id === undefined) return;
  const service = adapters.openService(environment, secrets.database);
  for (const { place } of snapshotCopiesOf(environment, manifest))
    await service?.snapshotCopies?.remove({ region: place.region, snapshotId: id });
  await service?.remove({ kind: 'snapshot', id });
};

const manifestOf = async (storage: ObjectStore, stamp: string): Promise<Manifest | undefined> => {
  try {
    return await tryReadManifest(storage, stamp);
  } catch (error) {
    if (isUnreadable(error)) return undefined;
    throw error;
  }
};

const isUnreadable = (error: unknown): boolean => hasCode(error, 'MANIFEST_INVALID', 'MANIFEST_VERSION');

/** What was never sealed may be deleted too. */
const assertExists = async (storage: ObjectStore, stamp: string): Promise<void> => {
  for await (const _ of storage.list({ prefix: `${stamp}/` })) return;
  throw new Lc2Error('BACKUP_NOT_FOUND', `there is no backup ${stamp}`, { where: storage.url });
};

/**
 * Asked of every file, before any is deleted: a store that keeps versions would only hide them, another would refuse half-way.
 * An object may be kept for longer than its own backup, by a newer one.
 */
const assertUnlocked = async (
  { environment }: Scene,
  { storage, stamp, now }: { readonly storage: ObjectStore; readonly stamp: string; readonly now: Date },
): Promise<void> => {
  const { immutability } = environment.spec.storage;
  if (!immutability && (await manifestOf(storage, stamp))?.immutability === undefined) return;
  const lock = await lastLock(storage, `${stamp}/`, now);
  if (!lock) return;
  throw new Lc2Error('OBJECT_LOCKED', `backup ${stamp} is locked until ${lock.until} (${lock.mode})`, {
    where: storage.url,
    remedy: 'wait until then; nothing was deleted',
  });
};

/** Others hold unchanged objects by reference, after a clock was wrong older ones too; one that cannot be read may as well. */
const assertUnused = async (storage: ObjectStore, stamp: string): Promise<void> => {
  for (const other of await listStamps(storage)) {
    if (other === stamp) continue;
    const users = await usersOf(storage, other);
    if (users === 'unsealed') {
      throw new Lc2Error('BACKUP_REFERENCED', `run ${other} is not sealed and may build on this backup`, {
        where: stamp,
        remedy: 'wait until it has ended; if it is dead, delete it first',
      });
    }
    if (users === 'unknown' || users.includes(stamp)) {
      throw new Lc2Error(
        'BACKUP_REFERENCED',
        `backup ${other} ${users === 'unknown' ? 'cannot be read and may need' : 'uses'} objects of this one`,
        { where: stamp },
      );
    }
  }
};

/** A run that began has read what it builds on, long before it says so in a manifest. */
const usersOf = async (storage: ObjectStore, stamp: string): Promise<string[] | 'unknown' | 'unsealed'> => {
  try {
    const manifest = await tryReadManifest(storage, stamp);
    if (manifest) return manifest.objectStores.flatMap((store) => store.references);
    return (await storage.head(layout.run(stamp))) === undefined ? [] : 'unsealed';
  } catch (error) {
    if (isUnreadable(error)) return 'unknown';
    throw error;
  }
};

const deleteFolder = async (storage: ObjectStore, prefix: string): Promise<number> => {
  let deleted = 0;
  let keys: string[] = [];
  for await (const { key } of storage.list({ prefix })) {
    keys.push(key);
    if (keys.length < batch) continue;
    await storage.delete(keys);
    deleted += keys.length;
    keys = [];
  }
  await storage.delete(keys);
  return deleted + keys.length;
};
