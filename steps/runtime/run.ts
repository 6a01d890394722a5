import type { z } from 'zod';
import { hasCode, Lc2Error } from '../../core/errors.ts';
import { splitList } from '../../core/flow/flow.ts';
import type { Json } from '../../core/manifest/canonical.ts';
import { ownerRecord, runRecord, type RunRecord, stepRecord } from '../../core/manifest/records.ts';
import { backupIdOf, stampOf } from '../../core/plan/backup-id.ts';
import { chooseComponents, type Environment } from '../../core/plan/environment.ts';
import { layout } from '../../core/plan/layout.ts';
import type { ObjectStore } from '../../core/ports/object-store.ts';
import type { StepName } from '../../core/steps/index.ts';
import type { StepContext } from './context.ts';
import { requireLocks } from './lock-backup.ts';
import { sweepDeadRuns } from './sweep.ts';
import { newestSealed, openStorage, tryReadRecord, writeOnce } from './storage.ts';

/** A backup in the making. Everything comes from the claim, so an edit of the environment never reaches a running run. */
export interface BackupRun {
  readonly record: RunRecord;
  readonly stamp: string;
  readonly environment: Environment;
  readonly storage: ObjectStore;
}

const runOf = (record: RunRecord, stamp: string, storage: ObjectStore): BackupRun => ({
  record,
  stamp,
  environment: { name: record.environment, spec: record.spec },
  storage,
});

/** Claims the id of this run, or finds that an earlier step did. Another run's claim is an error. */
export const claimRun = async (context: StepContext): Promise<BackupRun> => {
  const { environment, timestamp } = context;
  const stamp = stampOf(timestamp);
  const storage = await openStorage(context, environment, context.secrets.storage);
  const key = layout.run(stamp);
  const found = await tryReadRecord(storage, key, runRecord);
  if (!found) {
    // Before there is anything that could not be locked in the end.
    if (environment.spec.storage.immutability) await requireLocks(storage);
    const record = await claimOf(context, storage, stamp);
    if (await writeOnce(storage, key, record)) {
      context.log.info({ backupId: record.backupId, base: record.base }, 'claimed');
      await sweepDeadRuns(context, storage, stamp);
      return runOf(record, stamp, storage);
    }
  }
  const claimed = found ?? (await tryReadRecord(storage, key, runRecord));
  return runOf(mine(context, claimed, `${storage.url}/${key}`), stamp, storage);
};

/** The run that an earlier step claimed. */
export const openRun = async (context: StepContext): Promise<BackupRun> => {
  const stamp = stampOf(context.timestamp);
  const storage = await openStorage(context, context.environment, context.secrets.storage);
  const key = layout.run(stamp);
  const claimed = await tryReadRecord(storage, key, runRecord);
  return runOf(mine(context, claimed, `${storage.url}/${key}`), stamp, storage);
};

const mine = (context: StepContext, record: RunRecord | undefined, where: string): RunRecord => {
  if (!record) throw new Lc2Error('RUN_MISSING', 'this run has claimed no backup', { where });
  if (record.runUid === context.runUid) return record;
  throw new Lc2Error('BACKUP_ID_TAKEN', `backup ${record.backupId} belongs to another run (${record.runUid})`, {
    where,
  });
};

const claimOf = async (context: StepContext, storage: ObjectStore, stamp: string): Promise<RunRecord> => {
  const { environment, parameters, timestamp } = context;
  const base = await newestSealed(storage);
  return {
    version: '1',
    runUid: context.runUid,
    backupId: backupIdOf({ projectId: environment.spec.projectId, environment: environment.name, stamp }),
    timestamp: `${timestamp.toISOString().slice(0, 19)}Z`,
    environment: environment.name,
    components: chooseComponents(environment.spec, splitList(parameters['components'] ?? ''), environment.name),
    full: parameters['full'] === 'true',
    creationType: parameters['creation-type'] ?? 'manual',
    creator: { name: parameters['creator-name'] ?? '', email: parameters['creator-email'] ?? '' },
    spec: environment.spec,
    ...(base === undefined ? {} : { base }),
    runner: context.runner,
    tool: context.tool,
  };
};

/** Refuses a folder of storage that another installation writes to; the first writer owns it. */
export const assertOwner = async (run: Pick<BackupRun, 'storage' | 'environment'>, owner: string): Promise<void> => {
  const { storage, environment } = run;
  const record = { version: '1', projectId: environment.spec.projectId, environment: environment.name, owner } as const;
  const found = await tryReadRecord(storage, layout.owner, ownerRecord);
  if (found?.owner === owner) return;
  if (!found && (await writeOnce(storage, layout.owner, record))) return;
  const standing = found ?? (await tryReadRecord(storage, layout.owner, ownerRecord));
  if (standing?.owner === owner) return;
  const where = `${storage.url}/${layout.owner}`;
  if (!environment.spec.storage.adopt) {
    throw new Lc2Error(
      'STORAGE_OWNED',
      `the storage belongs to another installation (${standing?.owner ?? 'unknown'})`,
      { where },
    );
  }
  await storage.put(layout.owner, Buffer.from(JSON.stringify(record)), { contentType: 'application/json' });
};

/**
 * Runs `work` unless an attempt of this step has already finished; the first result is everybody's result.
 * An attempt that comes late throws its own away.
 */
export const once = async <S extends z.ZodType>(
  target: { readonly storage: ObjectStore; readonly key: string; readonly step: StepName },
  context: StepContext,
  schema: S,
  work: () => Promise<z.output<S>>,
): Promise<z.output<S>> => {
  const { storage, key, step } = target;
  const earlier = await tryStepOutput(storage, key, { schema, runUid: context.runUid });
  if (earlier !== undefined) {
    context.log.info({ key }, 'an earlier attempt has finished this step');
    // It may have died in the act of saying so.
    if (storage.capabilities.ownUploads) await storage.abortUploads(key.slice(0, key.lastIndexOf('/') + 1));
    return earlier;
  }
  let output: z.output<S>;
  try {
    output = await work();
  } catch (error) {
    const other = hasCode(error, 'OBJECT_EXISTS')
      ? await tryStepOutput(storage, key, { schema, runUid: context.runUid })
      : undefined;
    if (other === undefined) throw error;
    context.log.info({ key }, 'another attempt has finished this step meanwhile');
    return other;
  }
  context.signal.throwIfAborted();
  const record = { step, runUid: context.runUid, attempt: context.attempt, output: output as Json };
  if (await writeOnce(storage, key, record)) return output;
  return requireStepOutput(storage, key, { schema, runUid: context.runUid });
};

export interface Expected<S extends z.ZodType> {
  readonly schema: S;
  readonly runUid: string;
}

export const tryStepOutput = async <S extends z.ZodType>(
  storage: ObjectStore,
  key: string,
  { schema, runUid }: Expected<S>,
): Promise<z.output<S> | undefined> => {
  const record = await tryReadRecord(storage, key, stepRecord);
  if (record === undefined) return undefined;
  if (record.runUid !== runUid)
    throw new Lc2Error('BACKUP_ID_TAKEN', 'a step record of another run stands here', { where: key });
  return schema.parse(record.output);
};

export const requireStepOutput = async <S extends z.ZodType>(
  storage: ObjectStore,
  key: string,
  expected: Expected<S>,
): Promise<z.output<S>> => {
  const output = await tryStepOutput(storage, key, expected);
  if (output === undefined)
    throw new Lc2Error('RUN_MISSING', 'the result of an earlier step is missing', { where: `${storage.url}/${key}` });
  return output;
};
