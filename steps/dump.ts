import { layout } from '../core/plan/layout.ts';
import type { DatabasePoint } from '../core/ports/database.ts';
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
import { once } from './runtime/run.ts';

/** Streams every database at its point into storage. Nothing is written before server and storage are known to be usable. */
export const dump = async (context: StepContext): Promise<DumpOutput> => {
  const run = await claimDatabaseRun(context);
  const target = { storage: run.storage, key: layout.step(run.stamp, contract.name), step: contract.name };
  return once(target, context, contract.output, () =>
    withDatabase(context, run.environment, async (database) => {
      const facts = await database.inspect();
      await dropExpired(context, database);
      const names = facts.databases.map(({ name }) => name);
      return database.withPoints(names, (points) => dumpAll({ context, run, database, facts }, points));
    }),
  );
};

const dumpAll = async (task: DumpTask, points: readonly DatabasePoint[]): Promise<DumpOutput> => {
  const { context } = task;
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
