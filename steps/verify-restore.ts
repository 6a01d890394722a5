import type { NewServerAddress } from '../core/api/new-server.ts';
import { Lc2Error } from '../core/errors.ts';
import { restoreRecord } from '../core/manifest/records.ts';
import { layout } from '../core/plan/layout.ts';
import { mergeByKey } from '../core/plan/merge.ts';
import { cutsOf } from '../core/plan/split-listing.ts';
import type { ObjectInfo, ObjectStore } from '../core/ports/object-store.ts';
import type { InventoryLine } from '../core/manifest/inventory.ts';
import { verifyRestore as contract, type VerifyRestoreOutput } from '../core/steps/verify-restore.ts';
import { compareRows } from './runtime/compare-rows.ts';
import type { StepContext } from './runtime/context.ts';
import { readInventory } from './runtime/inventory-io.ts';
import { pagesOf } from './runtime/pages.ts';
import { checkNewServer } from './runtime/new-server.ts';
import {
  dumpOf,
  loadOrders,
  openRestore,
  type RestoreRun,
  restoreStepKey,
  storeEntryOf,
  withTarget,
} from './runtime/restore.ts';
import { compareWithLine } from './runtime/same-bytes.ts';
import { once } from './runtime/run.ts';
import { tryReadRecord } from './runtime/storage.ts';

/** Compares what is live now, or on a new server, with the manifest and the inventories. */
export const verifyRestore = async (context: StepContext): Promise<VerifyRestoreOutput> => {
  const run = await openRestore(context);
  const target = { storage: run.storage, key: restoreStepKey(context, contract.name), step: contract.name };
  return once(target, context, contract.output, async () => {
    const done = await tryReadRecord(run.storage, layout.restoreDone(run.plan.record), restoreRecord);
    const found = {
      restoreId: done?.restoreId ?? run.plan.restoreId,
      backupId: done?.backupId ?? run.plan.backupId,
      ...(done?.newServer && { newServer: done.newServer }),
    };
    const previous = (done?.previous ?? []).map(({ previous: name }) => name);
    // What was restored by an earlier run may have changed since, and rightly so.
    if (run.already) return { ...found, databases: 0, tables: 0, rows: 0, objects: 0, bytes: 0, previous };
    const rows = await (done?.newServer
      ? verifyNewServer(context, run, done.newServer)
      : verifyDatabases(context, run));
    const objects = await verifyStores(context, run);
    return { ...found, ...rows, ...objects, previous };
  });
};

interface Rows {
  readonly databases: number;
  readonly tables: number;
  readonly rows: number;
}

const verifyNewServer = async (context: StepContext, run: RestoreRun, address: NewServerAddress): Promise<Rows> => {
  const checked = await checkNewServer(context, run, address);
  return {
    databases: checked.length,
    tables: checked.reduce((sum, { database }) => sum + Object.keys(dumpOf(run.manifest, database).tables).length, 0),
    rows: checked.reduce((sum, { rows }) => sum + rows, 0),
  };
};

const verifyDatabases = async (context: StepContext, run: RestoreRun): Promise<Rows> => {
  const orders = loadOrders(run.manifest, run.plan);
  const total = { databases: orders.length, tables: 0, rows: 0 };
  // An environment of object stores alone has no database to open.
  if (orders.length === 0) return total;
  const database = context.openDatabase(context.environment, context.secrets.database);
  try {
    for (const order of orders) {
      const { rows, partial } = await database.countRows(order.as);
      // Live again, and written to by those who waited: what is more is theirs, what is missing would be ours.
      const found = atMost(rows, order.rows);
      compareRows({ expected: order.rows, found, partial, exact: false, where: order.as });
      total.tables += Object.keys(order.rows).length;
      total.rows += Object.values(order.rows).reduce((sum, count) => sum + count, 0);
    }
    return total;
  } finally {
    await database.close();
  }
};

const atMost = (
  found: Readonly<Record<string, number>>,
  expected: Readonly<Record<string, number>>,
): Record<string, number> =>
  Object.fromEntries(Object.entries(found).map(([table, rows]) => [table, Math.min(rows, expected[table] ?? rows)]));

const verifyStores = async (context: StepContext, run: RestoreRun): Promise<{ objects: number; bytes: number }> => {
  const total = { objects: 0, bytes: 0 };
  for (const name of run.plan.stores) {
    const { inventory } = storeEntryOf(run.manifest, name);
    const lines = readInventory(run.storage, inventory, run.plan.prefixes);
    await withTarget(context, name, async (target) => {
      for await (const pairs of mergeByKey(lines.pages, pagesOf(target.list({ cuts: cutsOf(inventory) })))) {
        for (const { left: line, right: object } of pairs) {
          if (!line) continue;
          await assertRestored(target, line, object);
          total.objects++;
          total.bytes += line.size;
        }
      }
    });
  }
  return total;
};

const assertRestored = async (
  target: ObjectStore,
  line: InventoryLine,
  object: ObjectInfo | undefined,
): Promise<void> => {
  const comparison = object ? await compareWithLine(target, line, object) : 'missing';
  if (comparison === 'same' || comparison === 'unknown') return;
  const how = comparison === 'missing' ? 'is missing' : `differs in its ${comparison}`;
  throw new Lc2Error('RESTORE_DIFFERS', `object ${line.key} ${how}`, { where: target.url });
};
