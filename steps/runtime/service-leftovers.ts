import { Lc2Error } from '../../core/errors.ts';
import { backupIdOf } from '../../core/plan/backup-id.ts';
import type { Environment } from '../../core/plan/environment.ts';
import { layout } from '../../core/plan/layout.ts';
import type { Asked, DatabaseService, Leftover } from '../../core/ports/database-service.ts';
import type { ObjectStore } from '../../core/ports/object-store.ts';
import { sha256 } from './bytes.ts';
import type { StepContext } from './context.ts';
import { askedJobs, cancelJobs } from './jobs.ts';
import { holdsServiceWork, removeDead, runsBefore, serviceSteps } from './sweep.ts';

/**
 * How the descriptions begin of what a run has a service make. Two installations may have an environment of the same name on
 * one server: the storage tells them apart.
 */
export const descriptionPrefix = (storage: ObjectStore, environment: Environment, stamp: string): string => {
  const backupId = backupIdOf({ projectId: environment.spec.projectId, environment: environment.name, stamp });
  return `lc2-backup ${backupId} ${sha256(storage.url).slice(0, 12)} `;
};

/**
 * What runs that died unsealed had the service do: exports are given up, snapshots and temporary servers go, and then their
 * files. Only of runs whose claim still stands: nothing is ever deleted because something is not in storage, which may itself
 * be what was lost. Each step that knows the service looks again: what is still being made cannot be deleted.
 */
export const sweepService = async (context: StepContext, storage: ObjectStore, own: string): Promise<void> => {
  const service = context.openService(context.environment, context.secrets.database);
  if (!service) return;
  for await (const found of runsBefore(context, storage, own)) {
    if ('sealed' in found || !found.dead.run) continue;
    const { stamp } = found.dead;
    if (!(await holdsServiceWork(storage, stamp))) continue;
    const ended = await cancelJobs(context, { service, storage, prefix: layout.jobs(stamp, 'export') });
    const left = await removeLeftovers(context, { service, storage, stamp });
    if (ended && left === 'none') await removeDead(context, storage, found.dead);
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
