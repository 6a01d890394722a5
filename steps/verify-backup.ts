import { hasCode, Lc2Error } from '../core/errors.ts';
import type { InventoryLine } from '../core/manifest/inventory.ts';
import type { Manifest, ObjectStoreEntry } from '../core/manifest/manifest.ts';
import { tryStampOfId } from '../core/plan/backup-id.ts';
import { layout } from '../core/plan/layout.ts';
import { isActive, isAtLeast } from '../core/plan/lock.ts';
import type { Lock, ObjectStore } from '../core/ports/object-store.ts';
import type { VerifyBackupOutput } from '../core/steps/verify-backup.ts';
import { checkDump, checkFile } from './runtime/check-dump.ts';
import { checkObjects, type ObjectsLevel } from './runtime/check-objects.ts';
import type { StepContext } from './runtime/context.ts';
import { readSealedInventory } from './runtime/inventory-io.ts';
import { claimOf, copiesOf, filesOf, inList, readLocks } from './runtime/lock-backup.ts';
import { createProblems, finding, type Problem, type Problems } from './runtime/problems.ts';
import { newestSealed, openStorage, tryReadManifest } from './runtime/storage.ts';
import { objectsLevel } from './verify.ts';

/** Checks a sealed backup, every file of it. Damage is the result and not an error: all of it is listed. */
export const verifyBackup = async (context: StepContext): Promise<VerifyBackupOutput> => {
  const storage = await openStorage(context, context.environment, context.secrets.storage);
  const stamp = await resolveStamp(context, storage);
  const problems = createProblems();
  let manifest: Manifest | undefined;
  await finding(problems, layout.manifest(stamp), async () => {
    manifest = await tryReadManifest(storage, stamp);
  });
  const { environment } = context;
  const backupId = manifest?.backupId ?? `${environment.spec.projectId}-${environment.name}-backup-${stamp}`;
  const url = `${storage.url}/${layout.manifest(stamp)}`;
  if (!manifest) {
    const sealed = problems.count > 0;
    if (!sealed)
      problems.add({
        code: 'BACKUP_NOT_FOUND',
        key: layout.manifest(stamp),
        message: 'there is no manifest, so there is no backup',
      });
    return { backupId, sealed, ok: false, url, problems: [...problems.list] };
  }
  assertOwn(context, manifest, url);
  if (context.parameters['level'] !== 'seal') await verifyAll(context, { storage, stamp, manifest, problems });
  return {
    backupId,
    sealed: true,
    ok: problems.count === 0,
    url,
    digest: manifest.digest,
    bytes: manifest.sizes.database + manifest.sizes.objects,
    objects: manifest.objectStores.reduce((sum, store) => sum + store.objectCount, 0),
    verified: manifest.verification.objects === 'none' ? manifest.verification.database : manifest.verification.objects,
    problems: [...problems.list],
  };
};

const resolveStamp = async ({ parameters, environment }: StepContext, storage: ObjectStore): Promise<string> => {
  const wanted = parameters['backup'] ?? 'latest';
  if (wanted === 'latest') {
    const newest = await newestSealed(storage);
    if (newest === undefined)
      throw new Lc2Error('BACKUP_NOT_FOUND', 'there is no sealed backup', { where: storage.url });
    return newest;
  }
  const stamp = tryStampOfId(wanted, { projectId: environment.spec.projectId, name: environment.name });
  if (stamp === undefined) {
    throw new Lc2Error(
      'BACKUP_OF_OTHER_ENVIRONMENT',
      `${wanted} is not a backup of ${environment.spec.projectId}-${environment.name}`,
    );
  }
  return stamp;
};

/** A manifest that was copied here from another environment is not this backup's. */
const assertOwn = ({ environment }: StepContext, manifest: Manifest, where: string): void => {
  if (manifest.environment === environment.name && manifest.projectId === environment.spec.projectId) return;
  throw new Lc2Error('BACKUP_OF_OTHER_ENVIRONMENT', `the manifest is of ${manifest.backupId}`, { where });
};

interface Subject {
  readonly storage: ObjectStore;
  readonly stamp: string;
  readonly manifest: Manifest;
  readonly problems: Problems;
}

const verifyAll = async (context: StepContext, subject: Subject): Promise<void> => {
  const { storage, stamp, manifest, problems } = subject;
  const known = new Set([layout.manifest(stamp), layout.run(stamp), ...manifest.leftovers]);
  for (const record of manifest.records ?? []) {
    known.add(record.key);
    await finding(problems, record.key, () => checkFile(storage, record));
  }
  await verifyDatabase(context, subject, known);
  const lock = lockToCheck(context, subject);
  if (lock) await checkLocks(subject, lock, inList([...filesOf(manifest), claimOf(manifest), layout.manifest(stamp)]));
  const wanted = context.parameters['objects'] ?? 'auto';
  const level =
    wanted === 'listed' || wanted === 'sampled' || wanted === 'full' ? wanted : objectsLevel(context.environment.spec);
  for (const [index, entry] of manifest.objectStores.entries()) {
    await verifyStore(context, subject, { entry, level, known });
    // One request for each object: only where bytes are read anyway.
    if (lock && level === 'full') await checkLocks(subject, lock, copiesOf(storage, { objectStores: [entry] }));
    context.progress.set(0.5 + (0.5 * (index + 1)) / manifest.objectStores.length);
  }
  for await (const key of filesBesideObjects(subject))
    if (!known.has(key) && !isWorkingFile(manifest, key)) problems.add(stranger(key));
};

/** What a place that cannot lock holds is a copy of a backup that was locked elsewhere. */
const lockToCheck = ({ clock }: StepContext, { manifest, storage }: Subject): Lock | undefined =>
  storage.locks && isActive(manifest.immutability, clock.now()) ? manifest.immutability : undefined;

const checkLocks = async ({ storage, problems }: Subject, wanted: Lock, keys: AsyncIterable<string>): Promise<void> => {
  if (!storage.locks) return;
  for await (const { key, lock } of readLocks(storage.locks, keys)) {
    if (isAtLeast(lock, wanted)) continue;
    const found = lock ? `only until ${lock.until} (${lock.mode})` : 'not at all';
    problems.add({ code: 'LOCK_MISSING', key, message: `locked ${found}, not until ${wanted.until} (${wanted.mode})` });
  }
};

const stranger = (key: string): Problem => ({ code: 'BACKUP_DAMAGED', key, message: 'a file that belongs to nothing' });

/** Below `steps/<attempt>/` an attempt may write whenever it wakes up, and nobody reads it then. */
const isWorkingFile = ({ records }: Manifest, key: string): boolean => {
  const name = key.slice(key.indexOf('/') + 1);
  return name.startsWith('steps/') && (records === undefined || name.indexOf('/', 'steps/'.length) !== -1);
};

/** All of the run's folder but the copies of its stores, which are compared with their inventories. */
const filesBesideObjects = async function* ({ storage, stamp, manifest }: Subject): AsyncIterable<string> {
  const folders = manifest.objectStores.map(({ name }) => layout.objects(stamp, name));
  let startAfter: string | undefined;
  for (;;) {
    let skipped: string | undefined;
    for await (const { key } of storage.list({
      prefix: `${stamp}/`,
      ...(startAfter !== undefined && { startAfter }),
    })) {
      skipped = folders.find((folder) => key.startsWith(folder));
      if (skipped !== undefined) break;
      yield key;
    }
    if (skipped === undefined) return;
    // `0` is the character after `/`: everything below the folder sorts before it.
    startAfter = `${skipped.slice(0, -1)}0`;
    if ((await storage.head(startAfter)) !== undefined) yield startAfter;
  }
};

const verifyDatabase = async (
  context: StepContext,
  { storage, manifest, problems }: Subject,
  known: Set<string>,
): Promise<void> => {
  if (!manifest.database) return;
  const { globals, dumps } = manifest.database;
  const database = context.openDatabase(context.environment, {});
  try {
    if (globals) {
      known.add(globals.key);
      await finding(problems, globals.key, () => checkFile(storage, globals));
    }
    for (const [index, entry] of dumps.entries()) {
      known.add(entry.key);
      await finding(problems, entry.key, async () => {
        const { rows } = await checkDump(storage, entry, database);
        assertSameRows(rows, entry.tables, entry.key);
      });
      context.progress.set((0.5 * (index + 1)) / dumps.length);
    }
  } finally {
    await database.close();
  }
};

const assertSameRows = (
  found: Readonly<Record<string, number>>,
  sealed: Readonly<Record<string, number>>,
  where: string,
): void => {
  const tables = new Set([...Object.keys(found), ...Object.keys(sealed)]);
  for (const table of tables) {
    if (found[table] === sealed[table]) continue;
    throw new Lc2Error(
      'BACKUP_DAMAGED',
      `table ${table} has ${found[table] ?? 'no'} rows in the dump and ${sealed[table] ?? 'no'} in the manifest`,
      { where },
    );
  }
};

interface StoreCheck {
  readonly entry: ObjectStoreEntry;
  readonly level: ObjectsLevel;
  readonly known: Set<string>;
}

const verifyStore = async (
  context: StepContext,
  { storage, stamp, problems }: Subject,
  check: StoreCheck,
): Promise<void> => {
  const { entry, level, known } = check;
  const runs = new Set<string>();
  let whole = true;
  for (const { key } of [...entry.inventory, ...entry.deletedSincePoint.parts]) known.add(key);
  for (const part of entry.deletedSincePoint.parts) await finding(problems, part.key, () => checkFile(storage, part));
  const found = { objects: 0 };
  const lines = soundLines(storage, entry, (error) => {
    whole = false;
    problems.add({ code: error.code, key: error.where ?? entry.name, message: error.what });
  });
  await checkObjects({
    storage,
    stamp,
    store: entry.name,
    lines,
    level,
    inherited: level,
    onProblem: (problem) => problems.add(problem),
    // Whose line was lost with a damaged part is not a stranger.
    onExtra: (key) => {
      if (whole && !known.has(key)) problems.add(stranger(key));
    },
    onChecked: ({ at }) => {
      runs.add(at.slice(0, at.indexOf('/')));
      if (++found.objects % 256 === 0) context.signal.throwIfAborted();
    },
  });
  for (const run of runs) {
    if (run === stamp || entry.references.includes(run)) continue;
    problems.add({
      code: 'MANIFEST_INVALID',
      key: layout.manifest(stamp),
      message: `objects of ${entry.name} are in ${run}, which the manifest does not refer to`,
    });
  }
};

/** The lines of every part that is sound. */
const soundLines = async function* (
  storage: ObjectStore,
  { name, inventory }: ObjectStoreEntry,
  onDamaged: (error: Lc2Error) => void,
): AsyncIterable<InventoryLine> {
  for (const part of inventory) {
    try {
      yield* readSealedInventory(storage, { name, inventory: [part] });
    } catch (error) {
      if (!hasCode(error, 'BACKUP_DAMAGED')) throw error;
      onDamaged(error);
    }
  }
};
