import type { z } from 'zod';
import { hasCode, Lc2Error } from '../core/errors.ts';
import { type Manifest, type ManifestBody, manifestVersion, sealManifest } from '../core/manifest/manifest.ts';
import { tryService } from '../core/plan/environment.ts';
import { lockFrom } from '../core/plan/lock.ts';
import { layout } from '../core/plan/layout.ts';
import { catchUp } from '../core/steps/catch-up.ts';
import { dump, type DumpOutput } from '../core/steps/dump.ts';
import type { ManifestOutput } from '../core/steps/manifest.ts';
import { snapshot, type SnapshotOutput } from '../core/steps/snapshot.ts';
import { verify, type VerifyOutput } from '../core/steps/verify.ts';
import { transfer } from '../core/steps/transfer.ts';
import type { StepName } from '../core/steps/index.ts';
import { drain, measure, sha256 } from './runtime/bytes.ts';
import type { StoredFile } from './runtime/check-dump.ts';
import type { StepContext } from './runtime/context.ts';
import { snapshotCopiesOf } from './runtime/copy-snapshot.ts';
import { lockFiles, requireLocks } from './runtime/lock-backup.ts';
import { type BackupRun, openRun, requireStepOutput } from './runtime/run.ts';
import { tryReadManifest } from './runtime/storage.ts';
import { dumpStepOf } from './verify.ts';
import { endUploads } from './runtime/sweep.ts';

/**
 * Seals the backup: one file, written once, after everything else. Repeating it finds the seal. What is sealed is locked, where the
 * environment asks for that: the files before there is a seal, so that working files of a run that comes to nothing never are.
 */
export const manifest = async (context: StepContext): Promise<ManifestOutput> => {
  const run = await openRun(context);
  // Of attempts that were killed, also of this step: nobody else would end them, what is sealed is not swept.
  await endUploads(context, run.storage, run.stamp);
  const sealed = (await tryReadManifest(run.storage, run.stamp)) ?? (await seal(context, run));
  if (sealed.runUid !== context.runUid)
    throw new Lc2Error('BACKUP_ID_TAKEN', 'another run has sealed this backup', { where: sealed.backupId });
  await lockSeal(run, sealed);
  const regions = snapshotCopiesOf(run.environment, sealed);
  return {
    backupId: sealed.backupId,
    url: `${run.storage.url}/${layout.manifest(run.stamp)}`,
    digest: sealed.digest,
    bytes: sealed.sizes.database + sealed.sizes.objects,
    objects: sealed.objectStores.reduce((sum, store) => sum + store.objectCount, 0),
    verified: levelOf(sealed),
    components: sealed.components,
    copies: [...run.environment.spec.storage.copies, ...regions.map(({ place }) => place)].map(({ name }) => name),
  };
};

/** Also of an earlier attempt that had no time left for it. */
const lockSeal = async ({ storage, stamp }: BackupRun, { immutability: lock }: Manifest): Promise<void> => {
  if (lock) await (await requireLocks(storage)).extend(layout.manifest(stamp), lock);
};

const levelOf = ({ verification }: Manifest): string =>
  verification.objects === 'none' ? verification.database : verification.objects;

/** What the steps of this run came to; undefined of those that it did not need. */
const resultsOf = async ({ runUid }: StepContext, run: BackupRun) => {
  const read = <S extends z.ZodType>(step: StepName, schema: S): Promise<z.output<S>> =>
    requireStepOutput(run.storage, layout.step(run.stamp, step), { schema, runUid });
  const verified = await read(verify.name, verify.output);
  const hasDumps = verified.database !== 'none';
  const hasSnapshot = hasDumps && tryService(run.environment.spec)?.uses.snapshot === true;
  return {
    verified,
    dumped: hasDumps ? await read(dumpStepOf(run), dump.output) : undefined,
    snapped: hasSnapshot ? await read(snapshot.name, snapshot.output) : undefined,
    caught: verified.objects === 'none' ? undefined : await read(catchUp.name, catchUp.output),
  };
};

const seal = async (context: StepContext, run: BackupRun): Promise<Manifest> => {
  const { verified, dumped, snapped, caught } = await resultsOf(context, run);
  const objectStores = caught?.stores ?? [];
  const { record, environment } = run;
  const { immutability } = environment.spec.storage;
  const body: ManifestBody = {
    version: manifestVersion,
    backupId: record.backupId,
    timestamp: record.timestamp,
    projectId: environment.spec.projectId,
    environment: record.environment,
    profile: environment.spec.profile,
    runUid: record.runUid,
    creationType: record.creationType,
    creator: record.creator,
    components: record.components,
    points: dumped?.points ?? [],
    sizes: {
      database: (dumped?.dumps ?? []).reduce((sum, { size }) => sum + size, 0),
      objects: objectStores.reduce((sum, store) => sum + store.bytes, 0),
      copied: objectStores.reduce((sum, store) => sum + store.copied.bytes, 0),
    },
    ...(dumped ? { database: databaseOf(dumped, verified, snapped) } : {}),
    objectStores,
    verification: { database: verified.database, objects: verified.objects, at: verified.at },
    ...(immutability ? { immutability: lockFrom(immutability, verified.at) } : {}),
    leftovers: verified.leftovers,
    records: await recordsOf(run, [
      ...(snapped ? [snapshot.name] : []),
      ...(dumped ? [dumpStepOf(run)] : []),
      ...(caught ? [transfer.name, catchUp.name] : []),
      verify.name,
    ]),
    tool: record.tool,
  };
  const { manifest: sealed, text } = sealManifest(body, sha256);
  if (sealed.immutability) {
    const files = await lockFiles(run.storage, sealed, sealed.immutability);
    context.log.info({ files, ...sealed.immutability }, 'locked');
  }
  context.signal.throwIfAborted();
  return (await writeSeal(run, text)) ? sealed : standing(run);
};

/** Written once, and read by nobody after the seal: their digests are what tells that they are still those. */
const recordsOf = async ({ storage, stamp }: BackupRun, steps: readonly StepName[]): Promise<StoredFile[]> => {
  const records: StoredFile[] = [];
  for (const key of [layout.run(stamp), ...steps.map((step) => layout.step(stamp, step))]) {
    const measured = measure((await storage.get(key)).bytes);
    await drain(measured.bytes);
    records.push({ key, ...measured.result() });
  }
  return records;
};

const databaseOf = (
  dumped: DumpOutput,
  verified: VerifyOutput,
  snapped: SnapshotOutput | undefined,
): ManifestBody['database'] => {
  const { engine, version, major, service, systemId, globals, dumps } = dumped;
  return {
    engine,
    version,
    major,
    service,
    ...(snapped ? { snapshotId: snapped.snapshotId } : {}),
    ...(snapped?.location === undefined ? {} : { snapshotLocation: snapped.location }),
    ...(systemId === undefined ? {} : { systemId }),
    globals,
    dumps: dumps.map(({ version: _version, ...entry }) => {
      const tables = verified.tables[entry.database];
      const digest = entry.digest ?? verified.digests[entry.database];
      if (!tables || digest === undefined)
        throw new Lc2Error('VERIFICATION_FAILED', 'a dump was not verified', { where: entry.key });
      return { ...entry, digest, tables };
    }),
  };
};

const writeSeal = async (run: BackupRun, text: string): Promise<boolean> => {
  const bytes = Buffer.from(text);
  try {
    await run.storage.put(layout.manifest(run.stamp), bytes, {
      createOnly: true,
      size: bytes.byteLength,
      contentType: 'application/json',
    });
    return true;
  } catch (error) {
    if (hasCode(error, 'OBJECT_EXISTS')) return false;
    throw error;
  }
};

const standing = async (run: BackupRun): Promise<Manifest> => {
  const found = await tryReadManifest(run.storage, run.stamp);
  if (!found)
    throw new Lc2Error('STORE_FAILED', 'the manifest exists but cannot be read', { where: layout.manifest(run.stamp) });
  return found;
};
