import { z } from 'zod';
import { durationSeconds } from '../../core/api/common.ts';
import { Lc2Error } from '../../core/errors.ts';
import { atServer, type Environment, tryService } from '../../core/plan/environment.ts';
import { layout } from '../../core/plan/layout.ts';
import type { Database } from '../../core/ports/database.ts';
import type { ChosenService } from '../../core/services/index.ts';
import { snapshot } from '../../core/steps/snapshot.ts';
import type { StepContext } from './context.ts';
import { point, pointOf, requireService } from './database-run.ts';
import { createFence } from './fence.ts';
import { runJob } from './jobs.ts';
import { type BackupRun, requireStepOutput } from './run.ts';
import { descriptionPrefix, removeLeftovers } from './service-leftovers.ts';

/** A server that the service made, of the run's snapshot or point: one for a run, however often its step begins anew. */
export interface TemporaryServer {
  /** The environment, with this server in place of the live one. */
  readonly environment: Environment;
  /** The point's, by the live server's clock. */
  readonly time: string;
  /** Throws where the log was not restored up to the point. */
  readonly assertPoint: (database: Database) => Promise<void>;
  /** Throws when it has cost enough. */
  readonly assertTime: () => void;
}

type TemporaryServerOptions = NonNullable<ChosenService['temporary']>;

export const openTemporaryServer = async (
  context: StepContext,
  run: BackupRun,
  { deadline, asOf }: TemporaryServerOptions,
): Promise<TemporaryServer> => {
  const taken = await snapshotOf(context, run, asOf);
  const { facts, result } = await runJob({
    context,
    service: requireService(context, run.environment),
    storage: run.storage,
    folder: layout.jobs(run.stamp, context.step),
    facts: point.extend({ until: z.string() }),
    make: async (number) => {
      const { snapshotId, ...moment }: Moment = taken ?? (await pointOf(context, run.environment));
      const time = asOf === 'time' ? nextSecond(moment.time) : moment.time;
      const until = new Date(context.clock.now().getTime() + durationSeconds(deadline) * 1000).toISOString();
      const description = `${descriptionPrefix(run.storage, run.environment, run.stamp)}${context.runUid} server ${number}`;
      const of = { time, ...(snapshotId === undefined ? {} : { snapshotId }) };
      const job = { kind: 'temporary-server', description, point: of, until } as const;
      return { job, facts: { until, time, ...(moment.position === undefined ? {} : { position: moment.position }) } };
    },
    mayStart: () => createFence(context, run).check(),
  });
  if (!result.server) throw new Lc2Error('BUG', 'a temporary server has no address', { where: result.id });
  context.log.info({ server: result.id, ...result.server, until: facts.until }, 'dumping from a temporary server');
  return {
    environment: atServer(run.environment, result.server),
    time: facts.time,
    assertPoint: async (database) => {
      // What a service says it restored to is not what it had logs of.
      if (asOf === 'snapshot' || facts.position === undefined || (await database.reaches(facts.position))) return;
      throw new Lc2Error('TEMPORARY_SERVER_FAILED', `the server was not restored as far as ${facts.time}`, {
        where: result.id,
        remedy: 'raise temporary.logDelay, or dump the live server',
      });
    },
    assertTime: () => {
      if (context.clock.now().getTime() <= new Date(facts.until).getTime()) return;
      throw new Lc2Error('TEMPORARY_SERVER_FAILED', `the dump did not end in time (${facts.until})`, {
        where: result.id,
        remedy: 'raise temporary.deadline, choose a larger class, or dump the live server',
      });
    },
  };
};

type Moment = z.output<typeof point> & { readonly snapshotId?: string };

/** Where a snapshot was taken, it is the point. */
const snapshotOf = async (
  context: StepContext,
  run: BackupRun,
  asOf: TemporaryServerOptions['asOf'],
): Promise<Moment | undefined> => {
  if (asOf === 'time' && tryService(run.environment.spec)?.uses.snapshot !== true) return undefined;
  const key = layout.step(run.stamp, snapshot.name);
  return requireStepOutput(run.storage, key, { schema: snapshot.output, runUid: context.runUid });
};

/** Services may know whole seconds only. The next one has all that was committed by the moment. */
export const nextSecond = (time: string): string =>
  new Date(Math.floor(new Date(time).getTime() / 1000 + 1) * 1000).toISOString();

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
