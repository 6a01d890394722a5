import { hasCode, Lc2Error } from '../../core/errors.ts';
import { runRecord } from '../../core/manifest/records.ts';
import { backupIdOf } from '../../core/plan/backup-id.ts';
import type { Environment } from '../../core/plan/environment.ts';
import { layout } from '../../core/plan/layout.ts';
import type { DatabaseService } from '../../core/ports/database-service.ts';
import type { ObjectStore } from '../../core/ports/object-store.ts';
import { sha256 } from './bytes.ts';
import type { StepContext } from './context.ts';
import { holdsSnapshots, isDead } from './sweep.ts';
import { listStamps, tryReadRecord } from './storage.ts';

/**
 * How the descriptions of a run's snapshots begin. Two installations may have an environment of the same name on one server:
 * the storage tells them apart.
 */
export const snapshotPrefix = (storage: ObjectStore, environment: Environment, stamp: string): string => {
  const backupId = backupIdOf({ projectId: environment.spec.projectId, environment: environment.name, stamp });
  return `lc2-backup ${backupId} ${sha256(storage.url).slice(0, 12)} `;
};

/**
 * Snapshots of runs that died unsealed go, as their files do. Only of runs whose claim still stands: a snapshot is never
 * deleted because something is not in storage, which may itself be what was lost.
 */
export const sweepSnapshots = async (context: StepContext, storage: ObjectStore, own: string): Promise<void> => {
  const service = context.openService(context.environment, context.secrets.database);
  if (!service) return;
  for (const stamp of (await listStamps(storage)).toReversed()) {
    if (stamp >= own) continue;
    if ((await storage.head(layout.manifest(stamp))) !== undefined) return;
    const run = await tryReadRecord(storage, layout.run(stamp), runRecord);
    if (!run || !isDead(context, run) || !(await holdsSnapshots(storage, stamp))) continue;
    if (await removeSnapshots(context, { service, storage, stamp })) await forgetSnapshots(context, storage, stamp);
  }
};

export interface SnapshotsOf {
  readonly service: DatabaseService;
  readonly storage: ObjectStore;
  readonly stamp: string;
}

/** False where one could not be deleted yet; the backup that we are here for is not lost over it. */
export const removeSnapshots = async (
  context: StepContext,
  { service, storage, stamp }: SnapshotsOf,
): Promise<boolean> => {
  try {
    for (const { id, state } of await service.snapshots(snapshotPrefix(storage, context.environment, stamp))) {
      if (state === 'running') return false;
      await service.removeSnapshot(id);
      context.log.info({ stamp, snapshot: id }, 'removed the snapshot of an unsealed run');
    }
    return true;
  } catch (error) {
    if (!(error instanceof Lc2Error) || context.signal.aborted) throw error;
    context.log.warn({ stamp, code: error.code }, 'the snapshot of an unsealed run could not be removed');
    return false;
  }
};

/** From here on the folder holds nothing that the sweep of files must wait for. */
const forgetSnapshots = async (context: StepContext, storage: ObjectStore, stamp: string): Promise<void> => {
  const keys: string[] = [];
  for await (const { key } of storage.list({ prefix: layout.jobs(stamp, 'snapshot') })) keys.push(key);
  try {
    await storage.delete(keys);
  } catch (error) {
    if (!hasCode(error, 'STORE_DENIED')) throw error;
    context.log.warn({ stamp }, 'records of a dead run stay: the storage credentials may not delete');
  }
};
