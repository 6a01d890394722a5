import { engines } from '../core/engines/index.ts';
import { Lc2Error } from '../core/errors.ts';
import { type Environment, tryService } from '../core/plan/environment.ts';
import { layout } from '../core/plan/layout.ts';
import type { Database, DatabasePoint, ServerFacts } from '../core/ports/database.ts';
import { dump as contract, type DumpOutput } from '../core/steps/dump.ts';
import { measure } from './runtime/bytes.ts';
import type { StepContext } from './runtime/context.ts';
import { assertOwner, type BackupRun, claimRun, once } from './runtime/run.ts';
import { openStorage } from './runtime/storage.ts';

/** Streams every database at its point into storage. Nothing is written before server and storage are known to be usable. */
export const dump = async (context: StepContext): Promise<DumpOutput> => {
  await withDatabase(context, context.environment, async (database) => {
    const facts = await database.inspect();
    const storage = await openStorage(context, context.environment, context.secrets.storage);
    await assertOwner({ storage, environment: context.environment }, ownerOf(facts, context));
  });
  const run = await claimRun(context);
  const target = { storage: run.storage, key: layout.step(run.stamp, contract.name), step: contract.name };
  return once(target, context, contract.output, () =>
    withDatabase(context, run.environment, async (database) => {
      const facts = await database.inspect();
      await dropExpired(context, database);
      const names = facts.databases.map(({ name }) => name);
      return database.withPoints(names, (points) => dumpAll({ context, run, database, facts, points }));
    }),
  );
};

const withDatabase = async <T>(
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

const ownerOf = (facts: ServerFacts, { environment }: StepContext): string =>
  facts.systemId ?? `host:${environment.spec.database?.server?.host ?? ''}`;

/** Databases that a restore kept leave when their time is over. A user who may not drop them does not lose the backup. */
const dropExpired = async (context: StepContext, database: Database): Promise<void> => {
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

interface DumpTask {
  readonly context: StepContext;
  readonly run: BackupRun;
  readonly database: Database;
  readonly facts: ServerFacts;
  readonly points: readonly DatabasePoint[];
}

const dumpAll = async (task: DumpTask): Promise<DumpOutput> => {
  const { context, run, database, facts, points } = task;
  const dumps: DumpOutput['dumps'] = [];
  const total = Math.max(
    1,
    points.reduce((sum, { properties }) => sum + properties.bytes, 0),
  );
  let done = 0;
  for (const point of points) {
    const report = (fraction: number): void => context.progress.set((done + fraction * point.properties.bytes) / total);
    dumps.push(await dumpOne(task, point, report));
    done += point.properties.bytes;
  }
  const globals = layout.globals(run.stamp, context.attempt);
  const service = tryService(run.environment.spec);
  return {
    engine: run.environment.spec.database?.server?.engine ?? engines.postgresql.name,
    service: service?.name ?? 'server',
    version: facts.version,
    major: facts.major,
    ...(facts.systemId === undefined ? {} : { systemId: facts.systemId }),
    points: points.map(({ database: name, time, position }) => ({
      database: name,
      time,
      ...(position === undefined ? {} : { position }),
    })),
    globals: { key: globals, ...(await store(task, globals, database.globals())) },
    dumps,
  };
};

const dumpOne = async (
  task: DumpTask,
  point: DatabasePoint,
  report: (fraction: number) => void,
): Promise<DumpOutput['dumps'][number]> => {
  const { context, run, database } = task;
  const key = layout.dump(run.stamp, point.database, context.attempt);
  const stored = await store(task, key, counted(database.dump(point), point.properties.bytes, report));
  context.log.info({ database: point.database, bytes: stored.size, digest: stored.digest }, 'dumped');
  const { acl, settings, extensions, roles, ...properties } = point.properties;
  return {
    ...properties,
    ...(acl === undefined ? {} : { acl: [...acl] }),
    settings: [...settings],
    extensions: [...extensions],
    roles: [...roles],
    database: point.database,
    key,
    ...stored,
  };
};

const counted = async function* (
  source: AsyncIterable<Uint8Array>,
  expected: number,
  report: (fraction: number) => void,
): AsyncIterable<Uint8Array> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.byteLength;
    // Compressed bytes of a database of known size: an estimate, which is what progress is.
    report(Math.min(0.95, (bytes * 4) / Math.max(1, expected)));
    yield chunk;
  }
};

/**
 * Uploads under a key of this attempt alone. Before the upload is completed it looks whether another attempt has
 * finished the step: one that wakes up late must not add files to a sealed backup.
 */
const store = async (
  { run }: DumpTask,
  key: string,
  bytes: AsyncIterable<Uint8Array>,
): Promise<{ size: number; digest: string }> => {
  const measured = measure(bytes);
  const guarded = async function* (): AsyncIterable<Uint8Array> {
    yield* measured.bytes;
    if ((await run.storage.head(layout.step(run.stamp, contract.name))) !== undefined) {
      throw new Lc2Error('OBJECT_EXISTS', 'another attempt has finished this step', { where: key });
    }
  };
  await run.storage.put(key, guarded(), { createOnly: true });
  return measured.result();
};
