import { hasCode, Lc2Error } from '../../core/errors.ts';
import type { InventoryLine } from '../../core/manifest/inventory.ts';
import type { Manifest, ObjectStoreEntry } from '../../core/manifest/manifest.ts';
import { layout } from '../../core/plan/layout.ts';
import { isActive, isAtLeast } from '../../core/plan/lock.ts';
import { cutsOf } from '../../core/plan/split-listing.ts';
import type { Lock, ObjectStore } from '../../core/ports/object-store.ts';
import { checkDump, checkFile } from './check-dump.ts';
import { checkObjects, type ObjectsLevel } from './check-objects.ts';
import type { StepContext } from './context.ts';
import { readSealedInventory } from './inventory-io.ts';
import { claimOf, copiesOf, filesOf, inList, readLocks } from './lock-backup.ts';
import { finding, type Problem, type Problems } from './problems.ts';

export interface Subject {
  readonly storage: ObjectStore;
  readonly stamp: string;
  readonly manifest: Manifest;
  readonly problems: Problems;
}

export interface Levels {
  readonly own: ObjectsLevel;
  /** Of objects that earlier backups brought. */
  readonly inherited: ObjectsLevel;
}

/** Every file of a sealed backup, or of one that is about to be. */
export const checkBackup = async (context: StepContext, subject: Subject, levels: Levels): Promise<void> => {
  const { storage, stamp, manifest, problems } = subject;
  const known = new Set([layout.manifest(stamp), layout.run(stamp), layout.copied(stamp), ...manifest.leftovers]);
  for (const record of manifest.records ?? []) {
    known.add(record.key);
    await finding(problems, record.key, () => checkFile(storage, record));
  }
  await verifyDatabase(context, subject, known);
  const lock = lockToCheck(context, subject);
  if (lock) await checkLocks(subject, lock, inList([...filesOf(manifest), claimOf(manifest), layout.manifest(stamp)]));
  for (const [index, entry] of manifest.objectStores.entries()) {
    await verifyStore(context, subject, { entry, levels, known });
    // One request for each object: only where bytes are read anyway.
    if (lock && levels.own === 'full') await checkLocks(subject, lock, copiesOf(storage, { objectStores: [entry] }));
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

/**
 * Below `steps/<attempt>/` an attempt may write whenever it wakes up, and nobody reads it then. That another place holds the backup
 * too is written after the seal.
 */
const isWorkingFile = ({ records }: Manifest, key: string): boolean => {
  const name = key.slice(key.indexOf('/') + 1);
  if (/^copies\/(snapshot\.)?[-a-z0-9]+\.json$/.test(name)) return true;
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
  readonly levels: Levels;
  readonly known: Set<string>;
}

const verifyStore = async (
  context: StepContext,
  { storage, stamp, problems }: Subject,
  check: StoreCheck,
): Promise<void> => {
  const { entry, levels, known } = check;
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
    cuts: () => cutsOf(entry.inventory),
    level: levels.own,
    inherited: levels.inherited,
    mustRead: true,
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
