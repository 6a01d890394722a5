import { z } from 'zod';
import { durationSeconds } from '../../core/api/common.ts';
import { Lc2Error } from '../../core/errors.ts';
import { atServer, type Environment } from '../../core/plan/environment.ts';
import { layout } from '../../core/plan/layout.ts';
import type { TemporaryServerSpec } from '../../core/services/index.ts';
import { snapshot } from '../../core/steps/snapshot.ts';
import type { StepContext } from './context.ts';
import { requireService } from './database-run.ts';
import { createFence } from './fence.ts';
import { runJob } from './jobs.ts';
import { type BackupRun, requireStepOutput } from './run.ts';
import { descriptionPrefix, removeLeftovers } from './service-leftovers.ts';

/** A server that the service made out of the run's snapshot: one for a run, however often its step begins anew. */
export interface TemporaryServer {
  /** The environment, with this server in place of the live one. */
  readonly environment: Environment;
  /** The snapshot's, by the live server's clock. */
  readonly time: string;
  /** Throws when it has cost enough. */
  readonly assertTime: () => void;
}

export const openTemporaryServer = async (
  context: StepContext,
  run: BackupRun,
  { deadline }: TemporaryServerSpec,
): Promise<TemporaryServer> => {
  const { clock, runUid } = context;
  const { snapshotId, time } = await requireStepOutput(run.storage, layout.step(run.stamp, snapshot.name), {
    schema: snapshot.output,
    runUid,
  });
  const { facts, result } = await runJob({
    context,
    service: requireService(context, run.environment),
    storage: run.storage,
    folder: layout.jobs(run.stamp, context.step),
    facts: z.object({ until: z.string() }),
    make: (number) => {
      const until = new Date(clock.now().getTime() + durationSeconds(deadline) * 1000).toISOString();
      const description = `${descriptionPrefix(run.storage, run.environment, run.stamp)}${runUid} server ${number}`;
      const job = { kind: 'temporary-server', description, snapshot: { id: snapshotId, time }, until } as const;
      return Promise.resolve({ job, facts: { until } });
    },
    mayStart: () => createFence(context, run).check(),
  });
  if (!result.server) throw new Lc2Error('BUG', 'a temporary server has no address', { where: result.id });
  context.log.info({ server: result.id, ...result.server, until: facts.until }, 'dumping from a temporary server');
  return {
    environment: atServer(run.environment, result.server),
    time,
    assertTime: () => {
      if (clock.now().getTime() <= new Date(facts.until).getTime()) return;
      throw new Lc2Error('TEMPORARY_SERVER_FAILED', `the dump did not end in time (${facts.until})`, {
        where: result.id,
        remedy: 'raise temporary.deadline, choose a larger class, or dump the live server',
      });
    },
  };
};

/** After the step has its result: before, an attempt that follows would need it again. */
export const removeTemporaryServers = async (context: StepContext, run: BackupRun): Promise<void> => {
  const service = requireService(context, run.environment);
  const { storage, stamp } = run;
  const left = await removeLeftovers(context, { service, storage, stamp, kind: 'temporary-server' });
  if (left === 'none') return;
  throw new Lc2Error(
    left === 'some' ? 'SERVICE_FAILED' : 'SERVICE_DENIED',
    'the temporary server could not be deleted and costs money',
    { where: run.record.backupId },
  );
};
