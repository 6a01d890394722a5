import { overlap } from '../core/api/backup-environment.ts';
import { databaseModes } from '../core/api/restore-request.ts';
import { durationSeconds } from '../core/api/common.ts';
import { humanBytes } from '../core/human-bytes.ts';
import { catalogue, type ErrorCode, hasCode, Lc2Error } from '../core/errors.ts';
import type { InventoryLine } from '../core/manifest/inventory.ts';
import type { Manifest } from '../core/manifest/manifest.ts';
import { restoreRecord } from '../core/manifest/records.ts';
import { stampOf, tryStampOfId } from '../core/plan/backup-id.ts';
import { tryService } from '../core/plan/environment.ts';
import { estimateLine, estimateOf, type Movement } from '../core/plan/estimate.ts';
import { layout } from '../core/plan/layout.ts';
import { chooseMover } from '../core/plan/mover-choice.ts';
import { assertAllowed, chooseRestore } from '../core/plan/restore-choice.ts';
import type { RestorePlan } from '../core/plan/restore-plan.ts';
import { cutsOf } from '../core/plan/split-listing.ts';
import type { LoadPreview, Problem } from '../core/ports/database.ts';
import type { ObjectStore, StoreCapabilities } from '../core/ports/object-store.ts';
import { preview as contract, type PreviewOutput } from '../core/steps/preview.ts';
import { sha256 } from './runtime/bytes.ts';
import { checkFile } from './runtime/check-dump.ts';
import type { StepContext } from './runtime/context.ts';
import { checkObjects } from './runtime/check-objects.ts';
import { requireLocks } from './runtime/lock-backup.ts';
import { readSealedInventory } from './runtime/inventory-io.ts';
import { previewNewServer } from './runtime/new-server.ts';
import {
  dumpOf,
  loadOrders,
  markOf,
  recordNameOf,
  restoreStepKey,
  storeEntryOf,
  withTarget,
} from './runtime/restore.ts';
import { once } from './runtime/run.ts';
import { newestSealed, openStorage, tryReadManifest, tryReadRecord } from './runtime/storage.ts';

/** Resolves the backup once, checks what can be checked without changing anything, and fixes the plan for the later steps. */
export const preview = async (context: StepContext): Promise<PreviewOutput> => {
  assertAllowed(context.environment, context.parameters);
  assertApart(context);
  const storage = await openStorage(context, context.source, context.secrets.storage);
  const look = (): Promise<PreviewOutput> => plan(context, storage);
  // A preview leaves no trace, also not in storage.
  if (context.parameters['preview'] === 'true') return look();
  return once(
    { storage, key: restoreStepKey(context, contract.name), step: contract.name },
    context,
    contract.output,
    look,
  );
};

/** A restore into the place of the backups would write over them, and mirror would delete them. */
const assertApart = ({ environment, source }: StepContext): void => {
  const within = environment.spec.objectStores.find((store) => overlap(store, source.spec.storage));
  if (!within) return;
  const what = `object store ${within.name} of ${environment.name} and the storage of ${source.name} lie within each other`;
  throw new Lc2Error('ENVIRONMENT_INVALID', what, { where: within.url });
};

const plan = async (context: StepContext, storage: ObjectStore): Promise<PreviewOutput> => {
  const { environment: into, parameters } = context;
  const manifest = await resolveBackup(context, storage);
  const record = recordNameOf(context);
  const fixed: RestorePlan = {
    ...chooseRestore(manifest, into, parameters),
    restoreId: sha256(`${record}\n${context.runUid}`).slice(0, 10),
    record,
    backupId: manifest.backupId,
    stamp: stampOf(new Date(manifest.timestamp)),
    manifestDigest: manifest.digest,
    into: into.name,
    databaseMode: databaseModes.find((mode) => mode === parameters['database-mode']) ?? 'swap',
    objectsMode: parameters['objects-mode'] === 'mirror' ? 'mirror' : 'merge',
    sameEnvironment: manifest.environment === into.name && manifest.projectId === into.spec.projectId,
    keepUntil: new Date(
      context.clock.now().getTime() + durationSeconds(into.spec.restore.keepPrevious) * 1000,
    ).toISOString(),
  };
  const done = await tryReadRecord(storage, layout.restoreDone(record), restoreRecord);
  if (done && parameters['preview'] !== 'true') {
    return {
      already: true,
      plan: fixed,
      lines: [`restored already: ${done.backupId} into ${done.into} at ${done.at}`],
    };
  }
  const lines = [
    `backup ${manifest.backupId} of ${manifest.timestamp}, sealed, manifest ${manifest.digest.slice(0, 12)}`,
  ];
  const problems: Problem[] = await lockProblems(context, storage);
  const { newServer } = fixed;
  if (newServer !== undefined) {
    assertEngine(context, manifest);
    const wanted = { storage, manifest, plan: fixed, name: newServer };
    const seen = await previewNewServer(context, wanted);
    problems.push(...seen.problems);
    lines.push(...seen.lines);
  } else if (fixed.databases.length > 0) {
    const target = await previewDatabases(context, manifest, fixed);
    problems.push(...target.problems);
    lines.push(...databaseLines(target, fixed), ...dumpsLines(context, manifest, fixed));
  }
  for (const store of fixed.stores) lines.push(...(await previewStore({ context, storage, manifest, fixed, store })));
  for (const problem of problems) {
    lines.push(`${problem.severity}: ${problem.code}: ${problem.message}`);
    context.log.warn({ code: problem.code, severity: problem.severity }, problem.message);
  }
  for (const line of lines) context.log.info({ preview: true }, line);
  assertNone(problems, fixed);
  // A damaged dump is found here and not beside objects that are being restored already.
  if (parameters['preview'] !== 'true' && newServer === undefined) {
    for (const { database } of fixed.databases) await checkFile(storage, dumpOf(manifest, database));
  }
  return { already: false, plan: fixed, lines };
};

/** A restore needs no lock; that the next backup cannot have one is better said today. */
const lockProblems = async ({ source }: StepContext, storage: ObjectStore): Promise<Problem[]> => {
  if (!source.spec.storage.immutability) return [];
  try {
    await requireLocks(storage);
    return [];
  } catch (error) {
    if (!hasCode(error, 'LOCK_UNAVAILABLE')) throw error;
    return [
      {
        code: error.code,
        severity: 'warning',
        message: `backups of ${source.name} cannot be locked: ${error.message}`,
      },
    ];
  }
};

const resolveBackup = async (context: StepContext, storage: ObjectStore): Promise<Manifest> => {
  const { parameters, source } = context;
  const wanted = parameters['backup'] ?? 'latest';
  const where = storage.url;
  const stamp =
    wanted === 'latest'
      ? await newestBefore(storage, parameters['before'] ?? '')
      : tryStampOfId(wanted, { projectId: source.spec.projectId, name: source.name });
  if (stamp === undefined) {
    if (wanted === 'latest') throw new Lc2Error('BACKUP_NOT_FOUND', 'there is no sealed backup', { where });
    throw new Lc2Error(
      'BACKUP_OF_OTHER_ENVIRONMENT',
      `${wanted} is not a backup of ${source.spec.projectId}-${source.name}`,
      { where },
    );
  }
  const manifest = await tryReadManifest(storage, stamp);
  if (!manifest)
    throw new Lc2Error('BACKUP_NOT_FOUND', `backup ${wanted} does not exist or was never sealed`, { where });
  if (manifest.environment !== source.name || manifest.projectId !== source.spec.projectId) {
    throw new Lc2Error(
      'BACKUP_OF_OTHER_ENVIRONMENT',
      `the manifest is of ${manifest.projectId}-${manifest.environment}`,
      { where },
    );
  }
  return manifest;
};

const newestBefore = async (storage: ObjectStore, before: string): Promise<string | undefined> => {
  if (before === '') return newestSealed(storage);
  const time = new Date(before);
  if (Number.isNaN(time.getTime()))
    throw new Lc2Error('INPUT_INVALID', `${JSON.stringify(before)} is not a time`, { where: 'before' });
  return newestSealed(storage, stampOf(time));
};

const assertEngine = (context: StepContext, manifest: Manifest): void => {
  const engine = tryService(context.environment.spec)?.spec.engine;
  if (engine !== manifest.database?.engine) {
    throw new Lc2Error(
      'DATABASE_VERSION_UNSUPPORTED',
      `the backup is of ${manifest.database?.engine ?? 'nothing'}, the target runs ${engine ?? 'nothing'}`,
    );
  }
};

const previewDatabases = async (context: StepContext, manifest: Manifest, fixed: RestorePlan): Promise<LoadPreview> => {
  assertEngine(context, manifest);
  const database = context.openDatabase(context.environment, context.secrets.database);
  try {
    return await database.previewLoad(loadOrders(manifest, fixed), markOf(fixed));
  } finally {
    await database.close();
  }
};

const replaced = (previous: string | undefined): string =>
  previous === undefined ? 'replaces the live one' : `replaces the live one, kept as ${previous}`;

const databaseLines = (target: LoadPreview, { databaseMode }: RestorePlan): string[] => [
  ...target.databases.map(
    ({ database, as, exists, previous, bytesNeeded }) =>
      `database ${database} -> ${as} (${databaseMode}, ${exists ? replaced(previous) : 'new'}), needs ${humanBytes(bytesNeeded)}`,
  ),
  ...target.sessions.map(
    ({ database, user, application, count }) =>
      `ends ${count} session(s) of ${user} (${application || 'unnamed'}) on ${database}`,
  ),
  ...target.replicationSlots.map(
    (slot) => `replication slot ${slot} stays with the replaced database and holds its log`,
  ),
  ...target.publications.map((name) => `publication ${name} is replaced`),
  ...target.subscriptions.map((name) => `subscription ${name} stays disabled after the restore`),
];

const dumpsLines = ({ environment, source }: StepContext, manifest: Manifest, fixed: RestorePlan): string[] => {
  const bytes = fixed.databases.reduce((sum, { database }) => sum + dumpOf(manifest, database).size, 0);
  const objects = fixed.databases.length;
  const movement = { from: source.spec.storage, to: environment.spec.storage, objects, bytes, copied: false };
  return estimated(`${objects} dump(s), ${humanBytes(bytes)}`, movement, environment);
};

const estimated = (what: string, movement: Movement, { spec }: StepContext['environment']): string[] => {
  const { estimate } = spec.restore;
  const line = estimateLine(movement, estimateOf(movement, estimate), estimate.currency);
  return line === undefined ? [] : [`${what}: ${line}`];
};

interface StorePreview {
  readonly context: StepContext;
  readonly storage: ObjectStore;
  readonly manifest: Manifest;
  readonly fixed: RestorePlan;
  readonly store: string;
}

/** S3 keeps such keys as they are; what only looks like S3 may walk up folders. */
const dotted = /(^|\/)\.\.?(\/|$)/;

/**
 * Reads the inventory whole: its digests, whether the target can hold every key, and whether every copy is still there
 * with its size and checksum. One listing of the copies, so that what is missing is known before anything is changed.
 */
const previewStore = ({ context, storage, manifest, fixed, store }: StorePreview): Promise<readonly string[]> =>
  withTarget(context, store, async (target, spec) => {
    // One listing page shows whether the place exists and may be read.
    for await (const _ of target.list()) break;
    let objects = 0;
    let bytes = 0;
    let metadata = 0;
    let odd = 0;
    const counted = async function* (): AsyncIterable<InventoryLine> {
      for await (const line of readSealedInventory(storage, storeEntryOf(manifest, store), fixed.prefixes)) {
        if (!target.holds(line.key)) {
          throw new Lc2Error('KEY_UNSUPPORTED', `${target.url} cannot hold the key ${JSON.stringify(line.key)}`, {
            where: store,
          });
        }
        objects++;
        bytes += line.size;
        if (line.metadata && !isKept(line.metadata, target.capabilities)) metadata++;
        if (dotted.test(line.key)) odd++;
        yield line;
      }
    };
    const [only, other] = fixed.prefixes;
    await checkObjects({
      storage,
      stamp: fixed.stamp,
      store,
      lines: counted(),
      cuts: () => cutsOf(storeEntryOf(manifest, store).inventory),
      level: 'listed',
      inherited: 'listed',
      mustRead: true,
      ...(only !== undefined && other === undefined && { prefix: only }),
      onProblem: ({ code, key, message }) => {
        throw new Lc2Error(code, message, { where: key });
      },
    });
    const lost = target.capabilities.metadata ? lostNames(metadata) : lostMetadata(metadata, storage);
    const strange =
      odd > 0 ? `; ${odd} keys hold . or .. segments, which a gateway to a file system would misplace` : '';
    const what = `up to ${objects} objects, ${humanBytes(bytes)}`;
    const from = context.source.spec.storage;
    const mover = chooseMover(spec.mover, from, spec);
    const movement = { from, to: spec, objects, bytes, copied: mover === 'copy' };
    return [
      `object store ${store}: ${what}, ${fixed.objectsMode} into ${target.url} by ${mover}${lost}${strange}`,
      ...estimated(`object store ${store}`, movement, context.environment),
    ];
  });

const isKept = (
  metadata: NonNullable<InventoryLine['metadata']>,
  { metadata: keeps, metadataNames: names }: StoreCapabilities,
): boolean => keeps && (names === undefined || Object.keys(metadata).every((name) => names.test(name)));

const lostNames = (objects: number): string =>
  objects > 0 ? `; metadata of ${objects} objects is lost whose names the target cannot hold` : '';

/** Objects that a store copied by itself are described by themselves only: the inventory does not count those. */
const lostMetadata = (objects: number, storage: ObjectStore): string => {
  if (storage.capabilities.metadata) return '; content types and metadata that objects have are lost';
  return objects > 0 ? `; metadata of ${objects} objects is lost` : '';
};

const isUserError = (code: string): code is ErrorCode =>
  Object.hasOwn(catalogue, code) && catalogue[code as ErrorCode].kind === 'user';

const assertNone = (problems: readonly Problem[], { into }: RestorePlan): void => {
  const errors = problems.filter(({ severity }) => severity === 'error');
  const [first] = errors;
  if (!first) return;
  const code = isUserError(first.code) ? first.code : 'TARGET_LACKS';
  throw new Lc2Error(code, errors.map(({ message }) => message).join('; '), { where: into });
};
