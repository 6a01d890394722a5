import { z } from 'zod';
import { Lc2Error } from '../core/errors.ts';
import { dumpEntry } from '../core/manifest/manifest.ts';
import { layout } from '../core/plan/layout.ts';
import type { DatabasePoint } from '../core/ports/database.ts';
import type { DatabaseService } from '../core/ports/database-service.ts';
import type { DumpOutput } from '../core/steps/dump.ts';
import { exportStep as contract } from '../core/steps/export.ts';
import type { StepContext } from './runtime/context.ts';
import {
  claimDatabaseRun,
  dropExpired,
  dumpResult,
  type DumpTask,
  propertiesOf,
  requireService,
  withDatabase,
} from './runtime/database-run.ts';
import { createFence } from './runtime/fence.ts';
import { runJob } from './runtime/jobs.ts';
import { once } from './runtime/run.ts';

/** Has the service export every database into storage, one after the other: it does one thing at a time. */
export const exportDatabases = async (context: StepContext): Promise<DumpOutput> => {
  const run = await claimDatabaseRun(context);
  const target = { storage: run.storage, key: layout.step(run.stamp, contract.name), step: contract.name };
  return once(target, context, contract.output, () =>
    withDatabase(context, run.environment, async (database) => {
      const facts = await database.inspect();
      await dropExpired(context, database);
      const service = requireService(context, run.environment);
      const task: DumpTask = { context, run, database, facts };
      const done: Exported[] = [];
      for (const { name } of facts.databases) {
        done.push(await database.withPoints([name], (points) => exportOne(task, service, points)));
        context.progress.set(done.length / facts.databases.length);
      }
      return dumpResult(
        task,
        done.map(({ point }) => point),
        done.map(({ dump }) => dump),
      );
    }),
  );
};

/** The point is taken before the export is asked for, and stays that of the export however many attempts wait for it. */
const pointFacts = z.object({
  key: z.string(),
  database: z.string(),
  time: z.string(),
  position: z.string().optional(),
  properties: dumpEntry.omit({ database: true, key: true, size: true, digest: true, tables: true, format: true }),
});

interface Exported {
  readonly point: Pick<DatabasePoint, 'database' | 'time' | 'position'>;
  readonly dump: DumpOutput['dumps'][number];
}

const exportOne = async (
  task: DumpTask,
  service: DatabaseService,
  [point]: readonly DatabasePoint[],
): Promise<Exported> => {
  const { context, run } = task;
  if (!point) throw new Lc2Error('BUG', 'a database without a point');
  const { database, time, position } = point;
  const { facts } = await runJob({
    context,
    service,
    storage: run.storage,
    folder: layout.jobs(run.stamp, contract.name, database),
    facts: pointFacts,
    make: () => {
      // A new name each time: the service refuses to write over an object.
      const key = layout.plainDump(run.stamp, database, context.attempt);
      const properties = propertiesOf(point);
      return Promise.resolve({
        job: { kind: 'export', database, url: `${run.storage.url}/${key}` },
        facts: { key, database, time, ...(position === undefined ? {} : { position }), properties },
      });
    },
    mayStart: () => createFence(context, run).check(),
  });
  const stored = await run.storage.head(facts.key);
  if (!stored) {
    throw new Lc2Error('EXPORT_FAILED', 'the export ended well, but the storage does not show its file', {
      where: `${run.storage.url}/${facts.key}`,
      remedy: 'check that storage.url names the bucket that the instance writes to',
    });
  }
  context.log.info({ database, bytes: stored.size }, 'exported');
  const { key, properties } = facts;
  return {
    point: { database, time: facts.time, ...(facts.position === undefined ? {} : { position: facts.position }) },
    dump: { ...properties, database, key, size: stored.size, version: stored.version, format: 'plain' },
  };
};
