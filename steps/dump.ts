import { asOutage, Lc2Error } from '../core/errors.ts';
import { tryService } from '../core/plan/environment.ts';
import { layout } from '../core/plan/layout.ts';
import type { Database, DatabasePoint } from '../core/ports/database.ts';
import type { ChosenService } from '../core/services/index.ts';
import { dump as contract, type DumpOutput } from '../core/steps/dump.ts';
import type { StepContext } from './runtime/context.ts';
import {
  claimDatabaseRun,
  dropExpired,
  dumpResult,
  type DumpTask,
  propertiesOf,
  storeOnce,
  withDatabase,
} from './runtime/database-run.ts';
import { createFence } from './runtime/fence.ts';
import { isAtPoint } from './runtime/past.ts';
import { type BackupRun, once } from './runtime/run.ts';
import { openTemporaryServer, removeTemporaryServers } from './runtime/temporary-server.ts';

/** Streams every database at its point into storage. Nothing is written before server and storage are known to be usable. */
export const dump = async (context: StepContext): Promise<DumpOutput> => {
  const run = await claimDatabaseRun(context);
  const target = { storage: run.storage, key: layout.step(run.stamp, contract.name), step: contract.name };
  const temporary = tryService(run.environment.spec)?.temporary;
  const output = await once(target, context, contract.output, () =>
    temporary ? dumpSnapshot(context, run, temporary) : dumpLive(context, run),
  );
  if (temporary) await removeTemporaryServers(context, run);
  return output;
};

type Temporary = NonNullable<ChosenService['temporary']>;

interface ServerTask extends Omit<DumpTask, 'facts'> {
  /** Throws when the dump has taken too long. */
  readonly assertTime: () => void;
}

const dumpLive = (context: StepContext, run: BackupRun): Promise<DumpOutput> =>
  withDatabase(context, run.environment, async (database) => {
    await dropExpired(context, database);
    return dumpServer({ context, run, database, assertTime: () => undefined });
  });

/** From a server made for it, whose point is the dump's. */
const dumpSnapshot = async (context: StepContext, run: BackupRun, spec: Temporary): Promise<DumpOutput> => {
  await withDatabase(context, run.environment, (database) => dropExpired(context, database));
  try {
    const { environment, time, assertPoint, assertTime } = await openTemporaryServer(context, run, spec);
    const use = async (database: Database): Promise<DumpOutput> => {
      await assertPoint(database);
      return dumpServer({ context, run, database, assertTime });
    };
    const output = await withDatabase(context, environment, use);
    // Its own clock and log have gone on.
    return { ...output, points: output.points.map(({ database }) => ({ database, time })) };
  } catch (error) {
    // Whoever finishes first removes the server under the others.
    await createFence(context, run).check();
    // The service says that it is there: so it will be.
    throw error instanceof Lc2Error ? asOutage(error) : error;
  }
};

const dumpServer = async (task: ServerTask): Promise<DumpOutput> => {
  const facts = await task.database.inspect();
  const names = facts.databases.map(({ name }) => name);
  return task.database.withPoints(names, async (points) => {
    const { run } = task;
    const isAsked = run.environment.spec.objectStores.some((store) => isAtPoint(run, store));
    const pointsBy = isAsked ? await run.storage.time() : undefined;
    const output = await dumpAll({ ...task, facts }, points);
    return { ...output, ...(pointsBy !== undefined && { pointsBy }) };
  });
};

const dumpAll = async (task: DumpTask & ServerTask, points: readonly DatabasePoint[]): Promise<DumpOutput> => {
  const { context, assertTime } = task;
  const dumps: DumpOutput['dumps'] = [];
  const total = Math.max(
    1,
    points.reduce((sum, { properties }) => sum + properties.bytes, 0),
  );
  let done = 0;
  for (const point of points) {
    const report = (fraction: number): void => {
      assertTime();
      context.progress.set((done + fraction * point.properties.bytes) / total);
    };
    dumps.push(await dumpOne(task, point, report));
    done += point.properties.bytes;
  }
  return dumpResult(task, points, dumps);
};

const dumpOne = async (
  task: DumpTask,
  point: DatabasePoint,
  report: (fraction: number) => void,
): Promise<DumpOutput['dumps'][number]> => {
  const { context, run, database } = task;
  const key = layout.dump(run.stamp, point.database, context.attempt);
  const stored = await storeOnce(task, key, counted(database.dump(point), point.properties.bytes, report));
  context.log.info({ database: point.database, bytes: stored.size, digest: stored.digest }, 'dumped');
  return { ...propertiesOf(point), database: point.database, key, ...stored };
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
