import { hasCode, Lc2Error } from '../../core/errors.ts';
import { runRecord } from '../../core/manifest/records.ts';
import { backupIdOf } from '../../core/plan/backup-id.ts';
import type { Environment } from '../../core/plan/environment.ts';
import { layout } from '../../core/plan/layout.ts';
import type { Asked, DatabaseService, Leftover } from '../../core/ports/database-service.ts';
import type { ObjectStore } from '../../core/ports/object-store.ts';
import { sha256 } from './bytes.ts';
import type { StepContext } from './context.ts';
import { askedJobs } from './jobs.ts';
import { holdsServiceWork, isDead, serviceRecords, serviceSteps } from './sweep.ts';
import { listStamps, tryReadRecord } from './storage.ts';

/**
 * How the descriptions begin of what a run has a service make. Two installations may have an environment of the same name on
 * one server: the storage tells them apart.
 */
export const descriptionPrefix = (storage: ObjectStore, environment: Environment, stamp: string): string => {
  const backupId = backupIdOf({ projectId: environment.spec.projectId, environment: environment.name, stamp });
  return `lc2-backup ${backupId} ${sha256(storage.url).slice(0, 12)} `;
};

/**
 * Snapshots and temporary servers of runs that died unsealed go, as their files do. Only of runs whose claim still stands:
 * nothing is ever deleted because something is not in storage, which may itself be what was lost.
 */
export const sweepService = async (context: StepContext, storage: ObjectStore, own: string): Promise<void> => {
  const service = context.openService(context.environment, context.secrets.database);
  if (!service) return;
  for (const stamp of (await listStamps(storage)).toReversed()) {
    if (stamp >= own) continue;
    if ((await storage.head(layout.manifest(stamp))) !== undefined) return;
    const run = await tryReadRecord(storage, layout.run(stamp), runRecord);
    if (!run || !isDead(context, run) || !(await holdsServiceWork(storage, stamp))) continue;
    const left = await removeLeftovers(context, { service, storage, stamp });
    if (left === 'none') await forgetServiceWork(context, storage, stamp);
  }
};

export interface LeftoversOf {
  readonly service: DatabaseService;
  readonly storage: ObjectStore;
  readonly stamp: string;
  /** Without it all. */
  readonly kind?: Leftover['kind'];
}

/** What is left after an attempt to remove it: `some` may go later, `refused` not by trying again. */
export type Left = 'none' | 'some' | 'refused';

/** The backup that we are here for is not lost over what could not be removed. */
export const removeLeftovers = async (
  context: StepContext,
  { service, storage, stamp, kind }: LeftoversOf,
): Promise<Left> => {
  const lefts: Left[] = [];
  const tryTo = async (what: Pick<Leftover, 'kind' | 'id'> | undefined, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Lc2Error) || context.signal.aborted) throw error;
      context.log.warn({ stamp, ...what, code: error.code }, error.what);
      lefts.push(error.kind === 'retry' ? 'some' : 'refused');
    }
  };
  await tryTo(undefined, async () => {
    const asked = await askedOf(storage, stamp, kind);
    for (const left of await service.leftovers(descriptionPrefix(storage, context.environment, stamp), asked)) {
      if (kind !== undefined && left.kind !== kind) continue;
      if (left.state === 'running') lefts.push('some');
      else
        await tryTo({ kind: left.kind, id: left.id }, async () => {
          await service.remove(left);
          context.log.info({ stamp, kind: left.kind, id: left.id }, 'removed what a run had left at the service');
        });
    }
  });
  return lefts.includes('some') ? 'some' : (lefts[0] ?? 'none');
};

/** By the run's own records; of `kind`, or all. */
const askedOf = async (storage: ObjectStore, stamp: string, kind: Leftover['kind'] | undefined): Promise<Asked[]> => {
  const asked: Asked[] = [];
  for (const step of serviceSteps)
    for await (const { job, handle } of askedJobs(storage, layout.jobs(stamp, step)))
      if ((job.kind === 'snapshot' || job.kind === 'temporary-server') && (kind ?? job.kind) === job.kind)
        asked.push({ job, handle });
  return asked;
};

/** From here on the folder holds nothing that the sweep of files must wait for. */
const forgetServiceWork = async (context: StepContext, storage: ObjectStore, stamp: string): Promise<void> => {
  const keys: string[] = [];
  for await (const key of serviceRecords(storage, stamp)) keys.push(key);
  try {
    await storage.delete(keys);
  } catch (error) {
    if (!hasCode(error, 'STORE_DENIED')) throw error;
    context.log.warn({ stamp }, 'records of a dead run stay: the storage credentials may not delete');
  }
};
