import { z } from 'zod';
import type { NewServerAddress } from '../../core/api/new-server.ts';
import { durationSeconds } from '../../core/api/common.ts';
import { Lc2Error } from '../../core/errors.ts';
import type { Manifest } from '../../core/manifest/manifest.ts';
import { restoreRecord, runRecord } from '../../core/manifest/records.ts';
import { atServer, tryService } from '../../core/plan/environment.ts';
import { layout } from '../../core/plan/layout.ts';
import type { RestorePlan } from '../../core/plan/restore-plan.ts';
import type { Problem } from '../../core/ports/database.ts';
import type { DatabaseService, NewServerJob } from '../../core/ports/database-service.ts';
import type { ObjectStore } from '../../core/ports/object-store.ts';
import type { ChosenService } from '../../core/services/index.ts';
import type { LoadDatabaseOutput } from '../../core/steps/load-database.ts';
import { sha256 } from './bytes.ts';
import { compareRows } from './compare-rows.ts';
import type { StepContext } from './context.ts';
import { requireService, withDatabase } from './database-run.ts';
import { askedJobs, runJob } from './jobs.ts';
import { lookUntil } from './patience.ts';
import { dumpOf, recordNameOf, type RestoreRun, restoreStepKey } from './restore.ts';
import { openStorage, tryReadRecord, writeOnce } from './storage.ts';
import { nextSecond } from './temporary-server.ts';

/**
 * A server that the service makes beside the live one, with what the snapshot of the backup holds. Until the restore is
 * committed it is the run's, and goes when the run fails; from then on it is the user's, and nobody here removes it.
 */

interface Wanted {
  readonly storage: ObjectStore;
  readonly manifest: Manifest;
  readonly plan: Pick<RestorePlan, 'stamp' | 'databases' | 'stores'>;
  readonly name: string;
}

export interface NewServerPreview {
  readonly problems: readonly Problem[];
  readonly lines: readonly string[];
}

/** What would be made of the backup, and what stands in the way. Asks the service only, and changes nothing. */
export const previewNewServer = async (context: StepContext, wanted: Wanted): Promise<NewServerPreview> => {
  const service = tryService(context.environment.spec);
  const from = service?.capabilities.newServer ?? false;
  if (!service || from === false)
    throw new Lc2Error('INPUT_INVALID', `nobody makes new servers for environment ${context.environment.name}`, {
      where: 'databaseMode',
      remedy: 'restore the dumps of this backup: databaseMode: swap',
    });
  const claimed = await claimedService(wanted);
  const why = misfitOf(wanted, { service, from, claimed });
  if (why !== undefined) {
    const message = `${wanted.manifest.backupId} ${why}`;
    return { problems: [{ code: 'SNAPSHOT_MISSING', message, severity: 'error' }], lines: [] };
  }
  const job = jobOf(context, wanted);
  const { time, snapshotId = '' } = job.point;
  return {
    problems: await requireService(context, context.environment).problems(job),
    lines: linesOf(wanted, {
      of: from === 'snapshot' ? `snapshot ${snapshotId}` : `the live server at ${time}`,
      isOneMoment: isOneMoment(claimed),
    }),
  };
};

interface Fit {
  readonly service: ChosenService;
  readonly from: 'snapshot' | 'time';
  readonly claimed: ChosenService | undefined;
}

/** Why nothing can be made of this backup there, whatever the service says. */
const misfitOf = ({ manifest }: Wanted, { service, from, claimed }: Fit): string | undefined => {
  const { service: other, snapshotId } = manifest.database ?? {};
  if (other !== service.name) return `is of ${other ?? 'no database'}, and the target is ${service.name}`;
  if (from === 'snapshot' && snapshotId === undefined) return 'has no snapshot';
  const backedUp = claimed?.identity;
  // Snapshots go where they are wanted; a time is one of that server.
  if (from === 'time' && backedUp !== service.identity)
    return `is of the server ${backedUp ?? 'unknown'}, and the target is ${service.identity}`;
  return undefined;
};

/** What a person reads before confirming. */
const linesOf = (
  { name, plan }: Wanted,
  { of, isOneMoment: comparable }: { readonly of: string; readonly isOneMoment: boolean },
): string[] => {
  const databases = plan.databases.map(({ database }) => database).join(', ');
  const lines = [
    `database: new server ${name} of ${of}, beside the live one, which stays as it is`,
    `${name} will have all databases of that server, ${databases} among them`,
  ];
  if (!comparable)
    lines.push(`${name} is of another moment than the dumps of this backup: its rows are not compared with theirs`);
  if (plan.stores.length > 0)
    lines.push('objects are live at once, while the application uses the live database until it is switched over');
  return [...lines, 'to switch over (DNS, Secret, environment) is yours, when the restore has ended'];
};

/** Dumps of a temporary server hold what the snapshot or point does; those of the live one are a little younger or older. */
const isOneMoment = (claimed: ChosenService | undefined): boolean => claimed?.temporary !== undefined;

/** Of the environment as it was when it was backed up. */
const claimedService = async ({
  storage,
  plan,
}: Pick<Wanted, 'storage' | 'plan'>): Promise<ChosenService | undefined> => {
  const claim = await tryReadRecord(storage, layout.run(plan.stamp), runRecord);
  return claim && tryService(claim.spec);
};

/** A backup that was dumped as of a time has a whole second already. */
const wholeSecond = (time: string): string => (/:\d\d(\.0+)?Z$/.test(time) ? time : nextSecond(time));

const jobOf = (context: StepContext, { storage, manifest, name }: Wanted): NewServerJob => {
  const { clock, environment, runUid } = context;
  const { snapshotId } = manifest.database ?? {};
  const [time = manifest.timestamp] = manifest.points.map((point) => point.time).toSorted((a, b) => (a < b ? 1 : -1));
  const until = clock.now().getTime() + durationSeconds(environment.spec.scheduling.deadline) * 1000;
  return {
    kind: 'new-server',
    description: `lc2-backup new-server ${sha256(storage.url).slice(0, 12)} ${runUid} ${name}`,
    name,
    point: { time: wholeSecond(time), ...(snapshotId === undefined ? {} : { snapshotId }) },
    until: new Date(until).toISOString(),
  };
};

const folderOf = (context: StepContext): string =>
  layout.restoreWork(recordNameOf(context), context.runUid, 'new-server/');

/** Written by the cleaner: whoever wakes up after it makes no server, and commits none. */
const endedKey = (context: StepContext): string =>
  layout.restoreWork(recordNameOf(context), context.runUid, 'ended.json');

/** One for a run, however often the step begins anew. */
export const makeNewServer = async (context: StepContext, run: RestoreRun, name: string): Promise<NewServerAddress> => {
  const { result } = await runJob({
    context,
    service: requireService(context, context.environment),
    storage: run.storage,
    folder: folderOf(context),
    facts: z.object({}),
    make: () => Promise.resolve({ job: jobOf(context, { ...run, name }), facts: {} }),
    mayStart: () => assertNotEnded(context, run),
  });
  if (!result.server) throw new Lc2Error('BUG', 'a new server has no address', { where: result.id });
  context.log.info({ server: result.id, ...result.server }, 'the service has made the new server');
  return { name, ...result.server };
};

export const assertNotEnded = async (context: StepContext, { storage }: Pick<RestoreRun, 'storage'>): Promise<void> => {
  if ((await storage.head(endedKey(context))) === undefined) return;
  throw new Lc2Error('RUN_MISSING', 'this restore has failed before, and what it had made was removed', {
    where: recordNameOf(context),
    remedy: 'start the restore again',
  });
};

/** The rows of every database of the backup, read on the new server with the credentials of the environment. */
export const checkNewServer = async (
  context: StepContext,
  run: RestoreRun,
  address: NewServerAddress,
): Promise<LoadDatabaseOutput['databases']> => {
  const comparable = isOneMoment(await claimedService(run));
  const trusting = await trustNewServer(context, address);
  return withDatabase(trusting, atServer(context.environment, address), async (database) => {
    const checked: LoadDatabaseOutput['databases'] = [];
    for (const { database: name } of run.plan.databases) {
      const { tables } = dumpOf(run.manifest, name);
      const { rows: found, partial } = await database.countRows(name);
      if (comparable)
        compareRows({ expected: tables, found, partial, exact: true, where: `${name} on ${address.name}` });
      const rows = Object.values(comparable ? tables : found).reduce((sum, count) => sum + count, 0);
      context.log.info({ database: name, server: address.name, rows, comparable }, 'read on the new server');
      checked.push({ database: name, as: name, rows });
      context.progress.set(checked.length / run.plan.databases.length);
    }
    return checked;
  });
};

/** The Secret says whom to trust of the live server; where servers have each an authority of their own, the service says it of this one. */
const trustNewServer = async (context: StepContext, { name }: NewServerAddress): Promise<StepContext> => {
  const { database } = context.secrets;
  const given = database['ca.crt'];
  if (given === undefined) return context;
  const own = await requireService(context, context.environment).authorityOf?.(name);
  if (own === undefined) return context;
  return {
    ...context,
    secrets: { ...context.secrets, database: { ...database, 'ca.crt': `${given.trim()}\n${own}` } },
  };
};

/** After a run that did not succeed. What was committed stays. */
export const removeNewServer = async (context: StepContext): Promise<void> => {
  const service = context.openService(context.environment, context.secrets.database);
  if (!service) return;
  const storage = await openStorage(context, context.source, context.secrets.storage);
  // Refused at the preview, nothing was made and nothing is written.
  if ((await storage.head(restoreStepKey(context, 'preview'))) === undefined) return;
  await writeOnce(storage, endedKey(context), { at: context.clock.now().toISOString() });
  const done = await tryReadRecord(storage, layout.restoreDone(recordNameOf(context)), restoreRecord);
  if (done?.runUid === context.runUid) return;
  for await (const { job } of askedJobs(storage, folderOf(context))) {
    if (job.kind !== 'new-server') continue;
    const removal = { context, service, job, missed: 0 };
    const isOver = await lookUntil(() => tryRemove(removal), Boolean, context.signal);
    if (!isOver) context.log.error({ server: job.name }, 'the new server could not be removed, and costs money');
  }
};

interface Removal {
  readonly context: StepContext;
  readonly service: DatabaseService;
  readonly job: NewServerJob;
  /** Looks that found nothing: what was just asked for may show late. */
  missed: number;
}

/** Whether there is nothing more to do: it is gone, or was never made, or may not be removed. */
const tryRemove = async (removal: Removal): Promise<boolean> => {
  const { context, service, job } = removal;
  try {
    const id = await service.find(job);
    if (id === undefined) return ++removal.missed > 5;
    await service.remove({ kind: job.kind, id });
    context.log.info({ server: id }, 'removed the new server of a restore that failed');
    return true;
  } catch (error) {
    if (!(error instanceof Lc2Error) || context.signal.aborted) throw error;
    context.log.warn({ server: job.name, code: error.code }, `the new server was not removed: ${error.what}`);
    return error.kind !== 'retry';
  }
};
