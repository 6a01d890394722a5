import { z } from 'zod';
import { Lc2Error } from '../core/errors.ts';
import { tryService } from '../core/plan/environment.ts';
import { layout } from '../core/plan/layout.ts';
import type { Database, LoadOrder, StoredDump } from '../core/ports/database.ts';
import { loadDatabase as contract, type LoadDatabaseOutput } from '../core/steps/load-database.ts';
import { tryParseUrl } from '../core/stores/index.ts';
import { measure } from './runtime/bytes.ts';
import type { StepContext } from './runtime/context.ts';
import { requireService } from './runtime/database-run.ts';
import { runJob } from './runtime/jobs.ts';
import { checkNewServer, makeNewServer } from './runtime/new-server.ts';
import { dumpOf, loadOrders, markOf, openRestore, type RestoreRun, restoreStepKey } from './runtime/restore.ts';
import { compareRows } from './runtime/compare-rows.ts';
import { once } from './runtime/run.ts';

/**
 * Loads every dump beside the live database, or has a new server made. Preview has read each dump; one that changed since ends
 * the load.
 */
export const loadDatabase = async (context: StepContext): Promise<LoadDatabaseOutput> => {
  const run = await openRestore(context);
  if (run.already) return { databases: [] };
  const target = { storage: run.storage, key: restoreStepKey(context, contract.name), step: contract.name };
  return once(target, context, contract.output, async () => {
    if (run.plan.newServer !== undefined) {
      const newServer = await makeNewServer(context, run, run.plan.newServer);
      return { databases: await checkNewServer(context, run, newServer), newServer };
    }
    const database = context.openDatabase(context.environment, context.secrets.database);
    try {
      const orders = loadOrders(run.manifest, run.plan);
      const done: LoadDatabaseOutput['databases'] = [];
      for (const order of orders) {
        done.push(await loadOne(context, run, { database, order }));
        context.progress.set(done.length / orders.length);
      }
      return { databases: done };
    } finally {
      await database.close();
    }
  });
};

/**
 * The service fills the database by itself where it reads such dumps from this storage, and where they may be loaded as they
 * are: owners and grants of another environment are taken out on the way, which only we can do.
 */
const fillOf = (context: StepContext, run: RestoreRun, order: LoadOrder): StoredDump['fill'] => {
  const { environment, source } = context;
  const target = tryService(environment.spec);
  const store = tryParseUrl(source.spec.storage.url)?.store;
  const reads = target?.capabilities.import === true && store !== undefined && target.exchange.includes(store);
  if (!reads || order.format !== 'plain' || !order.sameEnvironment || order.mode === 'in-place') return undefined;
  return async (into, empty) => {
    const { key } = dumpOf(run.manifest, order.database);
    await runJob({
      context,
      service: requireService(context, environment),
      storage: run.storage,
      folder: layout.restoreJobs(run.plan.record, context.runUid, order.as),
      facts: z.object({}),
      make: async (_, ignore) => {
        await empty();
        return {
          job: { kind: 'import', database: into, url: `${run.storage.url}/${key}`, ignore: [...ignore] },
          facts: {},
        };
      },
      mayStart: () => Promise.resolve(),
    });
    context.log.info({ database: order.database, into }, 'imported by the service');
  };
};

const loadOne = async (
  context: StepContext,
  run: RestoreRun,
  { database, order }: { database: Database; order: LoadOrder },
): Promise<LoadDatabaseOutput['databases'][number]> => {
  const entry = dumpOf(run.manifest, order.database);
  const stored = async (): Promise<AsyncIterable<Uint8Array>> => {
    const measured = measure((await run.storage.get(entry.key)).bytes);
    const checked = async function* (): AsyncIterable<Uint8Array> {
      yield* measured.bytes;
      // Between preview and now the file may have changed under us.
      if (measured.result().digest !== entry.digest) {
        throw new Lc2Error('BACKUP_DAMAGED', 'the file does not match its digest', { where: entry.key });
      }
    };
    return checked();
  };
  const fill = fillOf(context, run, order);
  const loaded = await database.load(order, { bytes: stored, ...(fill && { fill }) }, markOf(run.plan));
  const { rows, partial } = await database.countRows(loaded.name);
  compareRows({ expected: order.rows, found: rows, partial, exact: order.mode !== 'in-place', where: order.as });
  const total = Object.values(order.rows).reduce((sum, count) => sum + count, 0);
  context.log.info({ database: order.database, as: order.as, into: loaded.name, rows: total }, 'loaded');
  return { database: order.database, as: order.as, rows: total };
};
