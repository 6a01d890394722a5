import { z } from 'zod';
import { engines } from '../../core/engines/index.ts';
import { Lc2Error } from '../../core/errors.ts';
import { type Environment, tryService } from '../../core/plan/environment.ts';
import { stampOf } from '../../core/plan/backup-id.ts';
import { layout } from '../../core/plan/layout.ts';
import type { Database, DatabasePoint, ServerFacts } from '../../core/ports/database.ts';
import type { DatabaseService } from '../../core/ports/database-service.ts';
import type { DumpOutput } from '../../core/steps/dump.ts';
import { measure } from './bytes.ts';
import type { StepContext } from './context.ts';
import { assertOwner, type BackupRun, claimRun } from './run.ts';
import { openStorage } from './storage.ts';
import { sweepService } from './service-leftovers.ts';

/** What every step does that backs a server up, whoever moves the bytes. */

export const withDatabase = async <T>(
  context: StepContext,
  environment: Environment,
  use: (database: Database) => Promise<T>,
): Promise<T> => {
  const database = context.openDatabase(environment, context.secrets.database);
  try {
    return await use(database);
  } finally {
    await database.close();
  }
};

/** Nothing is written before server and storage are known to be usable. */
export const claimDatabaseRun = async (context: StepContext): Promise<BackupRun> => {
  await withDatabase(context, context.environment, async (database) => {
    const facts = await database.inspect();
    const storage = await openStorage(context, context.environment, context.secrets.storage);
    await assertOwner({ storage, environment: context.environment }, ownerOf(facts, context));
    await sweepService(context, storage, stampOf(context.timestamp));
  });
  return claimRun(context);
};

export const point = z.object({ time: z.string(), position: z.string().optional() });

/** A moment of the server: its time, by its own clock, and what its log held shortly before. */
export const pointOf = (context: StepContext, environment: Environment): Promise<z.output<typeof point>> =>
  withDatabase(context, environment, async (database) => {
    const { now, position } = await database.inspect();
    return { time: now, ...(position === undefined ? {} : { position }) };
  });

/** The service of an environment whose flow asks for one. */
export const requireService = (context: StepContext, environment: Environment): DatabaseService => {
  const service = context.openService(environment, context.secrets.database);
  if (!service) throw new Lc2Error('BUG', 'a step of a database service runs for an environment without one');
  return service;
};

const ownerOf = (facts: ServerFacts, { environment }: StepContext): string =>
  facts.systemId ?? `host:${tryService(environment.spec)?.spec.host ?? ''}`;

/** Databases that a restore kept leave when their time is over. A user who may not drop them does not lose the backup. */
export const dropExpired = async (context: StepContext, database: Database): Promise<void> => {
  const now = context.clock.now().toISOString();
  for (const previous of await database.previous()) {
    if (previous.keepUntil === undefined || previous.keepUntil > now) continue;
    try {
      await database.dropPrevious(previous);
      context.log.info({ database: previous.previous }, 'dropped a database that a restore had kept');
    } catch (error) {
      if (!(error instanceof Lc2Error)) throw error;
      context.log.warn(
        { database: previous.previous, code: error.code },
        'could not drop a database that a restore had kept',
      );
    }
  }
};

export interface DumpTask {
  readonly context: StepContext;
  readonly run: BackupRun;
  readonly database: Database;
  readonly facts: ServerFacts;
}

/** The step's result around its dumps, with the globals of the server. */
export const dumpResult = async (
  task: DumpTask,
  points: readonly Pick<DatabasePoint, 'database' | 'time' | 'position'>[],
  dumps: DumpOutput['dumps'],
): Promise<DumpOutput> => {
  const { context, run, database, facts } = task;
  const globals = layout.globals(run.stamp, context.attempt);
  const service = tryService(run.environment.spec);
  return {
    engine: service?.spec.engine ?? engines.postgresql.name,
    service: service?.name ?? 'server',
    version: facts.version,
    major: facts.major,
    ...(facts.systemId === undefined ? {} : { systemId: facts.systemId }),
    points: points.map(({ database: name, time, position }) => ({
      database: name,
      time,
      ...(position === undefined ? {} : { position }),
    })),
    globals: { key: globals, ...(await storeOnce(task, globals, database.globals())) },
    dumps,
  };
};

/** The point's properties as the manifest holds them. */
export const propertiesOf = ({ properties }: Pick<DatabasePoint, 'properties'>) => {
  const { acl, settings, extensions, roles, ...plain } = properties;
  return {
    ...plain,
    ...(acl === undefined ? {} : { acl: [...acl] }),
    settings: [...settings],
    extensions: [...extensions],
    roles: [...roles],
  };
};

/**
 * Uploads under a key of this attempt alone. Before the upload is completed it looks whether another attempt has
 * finished the step: one that wakes up late must not add files to a sealed backup.
 */
export const storeOnce = async (
  { run, context }: Pick<DumpTask, 'run' | 'context'>,
  key: string,
  bytes: AsyncIterable<Uint8Array>,
): Promise<{ size: number; digest: string }> => {
  const measured = measure(bytes);
  const guarded = async function* (): AsyncIterable<Uint8Array> {
    yield* measured.bytes;
    if ((await run.storage.head(layout.step(run.stamp, context.step))) !== undefined) {
      throw new Lc2Error('OBJECT_EXISTS', 'another attempt has finished this step', { where: key });
    }
  };
  await run.storage.put(key, guarded(), { createOnly: true });
  return measured.result();
};
