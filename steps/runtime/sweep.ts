import { hostname } from 'node:os';
import { durationSeconds } from '../../core/api/common.ts';
import { hasCode, Lc2Error } from '../../core/errors.ts';
import { runRecord, type RunRecord } from '../../core/manifest/records.ts';
import { layout } from '../../core/plan/layout.ts';
import type { ObjectStore } from '../../core/ports/object-store.ts';
import { cancelTransfers } from './bulk-transfer.ts';
import type { StepContext } from './context.ts';
import { isAlive } from './process.ts';
import { listStamps, tryReadRecord } from './storage.ts';

/** Sealed backups, counted from the newest, beyond which nobody looks for what dead runs left. */
const mostSealed = 5;

/** A run that died unsealed; without its claim, where it died before it. */
interface DeadRun {
  readonly stamp: string;
  readonly run: RunRecord | undefined;
}

/**
 * Runs before this one that died without their clean-up (kill -9, `argo terminate`, a lost node), the newest first, and the stamps
 * of sealed backups among them. What a service still works on cannot be removed yet: so runs are looked for behind some
 * sealed backups too. A run that may still live is left alone.
 */
export const runsBefore = async function* (
  context: StepContext,
  storage: ObjectStore,
  own: string,
): AsyncIterable<{ readonly sealed: string } | { readonly dead: DeadRun }> {
  let sealed = 0;
  for (const stamp of (await listStamps(storage)).toReversed()) {
    if (stamp >= own) continue;
    if ((await storage.head(layout.manifest(stamp))) !== undefined) {
      yield { sealed: stamp };
      if (++sealed === mostSealed) return;
      continue;
    }
    const run = await tryReadRecord(storage, layout.run(stamp), runRecord);
    if (!run || isDead(context, run)) yield { dead: { stamp, run } };
  }
};

/** Removes what dead runs left in storage: open uploads and files of folders without a seal. */
export const sweepDeadRuns = async (context: StepContext, storage: ObjectStore, own: string): Promise<void> => {
  let looked = false;
  for await (const found of runsBefore(context, storage, own)) {
    if ('sealed' in found) {
      // All of a run may have died in the act of sealing.
      if (!looked) await endUploads(context, storage, found.sealed);
      looked = true;
      continue;
    }
    // Only steps that know the database service can remove those, and then find them by these records.
    if (!(await holdsServiceWork(storage, found.dead.stamp))) await removeDead(context, storage, found.dead);
  }
};

/** Once no database service holds anything of it; later, where something is still copied into it. */
export const removeDead = async (
  context: StepContext,
  storage: ObjectStore,
  { stamp, run }: DeadRun,
): Promise<void> => {
  const environment = run && { name: run.environment, spec: run.spec };
  if (environment && !(await cancelTransfers(context, { storage, stamp, environment }))) return;
  await removeUnsealed(context, storage, stamp);
};

/** The mutex of a cluster lets one run live; on a host the process tells; for all others only time does. */
export const isDead = ({ runner, clock, environment }: StepContext, run: RunRecord): boolean => {
  if (runner === 'argo' && run.runner === 'argo') return true;
  const [, host, pid] = /^local:(.*):(\d+)$/.exec(run.runner) ?? [];
  if (host === hostname() && pid !== undefined) return !isAlive(Number(pid));
  const age = clock.now().getTime() - new Date(run.timestamp).getTime();
  return age > durationSeconds(environment.spec.scheduling.deadline) * 1000;
};

/** Steps that have a database service do something. */
export const serviceSteps = ['snapshot', 'export', 'dump'] as const;

/** Whether a run has written down what it had a database service do. */
export const holdsServiceWork = async (storage: ObjectStore, stamp: string): Promise<boolean> => {
  for (const step of serviceSteps)
    for await (const _ of storage.list({ prefix: layout.jobs(stamp, step) })) return true;
  return false;
};

/** Ends what attempts left open when they died. No backup is lost because a store does not let us. */
export const endUploads = async (context: StepContext, storage: ObjectStore, stamp: string): Promise<number> => {
  try {
    return await storage.abortUploads(`${stamp}/`);
  } catch (error) {
    if (!(error instanceof Lc2Error) || context.signal.aborted) throw error;
    context.log.warn({ stamp, code: error.code }, 'uploads of dead attempts could not be ended');
    return 0;
  }
};

const batch = 1000;

/** Ends the uploads and deletes the files of a run without a seal, the claim last; says how many uploads there were. */
export const removeUnsealed = async (context: StepContext, storage: ObjectStore, stamp: string): Promise<number> => {
  const uploads = await endUploads(context, storage, stamp);
  const claim = layout.run(stamp);
  let files = 0;
  let keys: string[] = [];
  try {
    for await (const { key } of storage.list({ prefix: `${stamp}/` })) {
      if (key !== claim) keys.push(key);
      if (keys.length < batch) continue;
      files += keys.length;
      await storage.delete(keys);
      keys = [];
    }
    await storage.delete([...keys, claim]);
    context.log.info({ stamp, uploads, files: files + keys.length + 1 }, 'removed an unsealed run');
  } catch (error) {
    // A writer that may not delete still makes backups; what is left is part of none.
    if (!hasCode(error, 'STORE_DENIED', 'OBJECT_LOCKED')) throw error;
    const why =
      error.code === 'OBJECT_LOCKED' ? 'it died when they were locked' : 'the storage credentials may not delete';
    context.log.warn({ stamp }, `files of a dead run stay: ${why}`);
  }
  return uploads;
};
