import { layout } from '../core/plan/layout.ts';
import { snapshot as contract, type SnapshotOutput } from '../core/steps/snapshot.ts';
import type { StepContext } from './runtime/context.ts';
import { claimDatabaseRun, point, pointOf, requireService } from './runtime/database-run.ts';
import { createFence } from './runtime/fence.ts';
import { runJob } from './runtime/jobs.ts';
import { once } from './runtime/run.ts';
import { descriptionPrefix } from './runtime/service-leftovers.ts';

/** Has the service take a snapshot of the whole server; its id goes into the manifest. */
export const snapshot = async (context: StepContext): Promise<SnapshotOutput> => {
  const run = await claimDatabaseRun(context);
  const target = { storage: run.storage, key: layout.step(run.stamp, contract.name), step: contract.name };
  return once(target, context, contract.output, async () => {
    const { facts, result } = await runJob({
      context,
      service: requireService(context, run.environment),
      storage: run.storage,
      folder: layout.jobs(run.stamp, contract.name),
      facts: point,
      make: async (number) => ({
        job: {
          kind: 'snapshot',
          description: `${descriptionPrefix(run.storage, run.environment, run.stamp)}${context.runUid} ${number}`,
        },
        facts: await pointOf(context, run.environment),
      }),
      mayStart: () => createFence(context, run).check(),
      report: (fraction) => context.progress.set(fraction),
    });
    context.log.info({ snapshot: result.id }, 'the server was snapshot');
    const { id: snapshotId, location } = result;
    return { snapshotId, ...(location === undefined ? {} : { location }), ...facts };
  });
};
