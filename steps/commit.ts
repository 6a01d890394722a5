import type { z } from 'zod';
import { layout } from '../core/plan/layout.ts';
import { restoreRecord } from '../core/manifest/records.ts';
import type { PreviousDatabase } from '../core/ports/database.ts';
import { commit as contract, type CommitOutput } from '../core/steps/commit.ts';
import { loadDatabase, type LoadDatabaseOutput } from '../core/steps/load-database.ts';
import { restoreObjects, type RestoreObjectsOutput } from '../core/steps/restore-objects.ts';
import type { StepContext } from './runtime/context.ts';
import { readPart } from './runtime/inventory-io.ts';
import { assertNotEnded } from './runtime/new-server.ts';
import { loadOrders, markOf, openRestore, type RestoreRun, restoreStepKey, withTarget } from './runtime/restore.ts';
import { once, requireStepOutput } from './runtime/run.ts';
import { tryReadRecord, writeOnce } from './runtime/storage.ts';

/** The one moment at which anything live changes: all databases in one transaction; then the deletions of mirror. */
export const commit = async (context: StepContext): Promise<CommitOutput> => {
  const run = await openRestore(context);
  if (run.already) return { previous: [], deleted: 0 };
  const target = { storage: run.storage, key: restoreStepKey(context, contract.name), step: contract.name };
  return once(target, context, contract.output, async () => {
    // Before the swap: a database never goes live beside objects that were not restored.
    const stores = run.plan.stores.length > 0 ? await restoredStores(context, run) : [];
    const loaded = run.plan.databases.length > 0 ? await loadedDatabases(context, run) : undefined;
    if (loaded?.newServer) await assertNotEnded(context, run);
    const previous = loaded && !loaded.newServer ? await commitDatabases(context, run) : [];
    let deleted = 0;
    for (const store of stores) deleted += await deleteSurplus(context, run, store);
    const kept = previous.map(({ database, previous: name, restoreId }) => ({ database, previous: name, restoreId }));
    await remember(context, run, { previous: kept, ...(loaded?.newServer && { newServer: loaded.newServer }) });
    return { previous: kept, deleted };
  });
};

const loadedDatabases = (context: StepContext, run: RestoreRun): Promise<LoadDatabaseOutput> => {
  const expected = { schema: loadDatabase.output, runUid: context.runUid };
  return requireStepOutput(run.storage, restoreStepKey(context, loadDatabase.name), expected);
};

const commitDatabases = async (context: StepContext, run: RestoreRun): Promise<readonly PreviousDatabase[]> => {
  const database = context.openDatabase(context.environment, context.secrets.database);
  try {
    const previous = await database.commit(loadOrders(run.manifest, run.plan), markOf(run.plan));
    for (const { database: name, previous: kept } of previous) context.log.info({ database: name, kept }, 'swapped');
    return previous;
  } finally {
    await database.close();
  }
};

const restoredStores = async (context: StepContext, run: RestoreRun): Promise<RestoreObjectsOutput['stores']> => {
  const expected = { schema: restoreObjects.output, runUid: context.runUid };
  return (await requireStepOutput(run.storage, restoreStepKey(context, restoreObjects.name), expected)).stores;
};

const deleteSurplus = async (
  context: StepContext,
  run: RestoreRun,
  store: RestoreObjectsOutput['stores'][number],
): Promise<number> => {
  if (store.surplus.count === 0) return 0;
  return withTarget(context, store.name, async (target) => {
    let deleted = 0;
    for (const part of store.surplus.parts) {
      const keys = (await readPart(run.storage, part)).map(({ key }) => key);
      for (const key of keys) context.log.info({ store: store.name, key }, 'deleting');
      await target.delete(keys);
      deleted += keys.length;
    }
    return deleted;
  });
};

/** From here on this request has happened, whoever applies it again. */
const remember = async (
  context: StepContext,
  run: RestoreRun,
  result: Pick<z.output<typeof restoreRecord>, 'previous' | 'newServer'>,
): Promise<void> => {
  const key = layout.restoreDone(run.plan.record);
  const { record, restoreId, backupId, into, components } = run.plan;
  const at = context.clock.now().toISOString();
  const done = {
    version: '1',
    request: record,
    restoreId,
    runUid: context.runUid,
    backupId,
    into,
    components,
    ...result,
    at,
  } as const;
  // What killed restores left beside their records: nobody else comes by.
  if (run.storage.capabilities.ownUploads) await run.storage.abortUploads('restores/');
  if (await writeOnce(run.storage, key, done)) return;
  const standing = await tryReadRecord(run.storage, key, restoreRecord);
  if (standing?.runUid !== context.runUid)
    context.log.warn({ key }, 'the same request was restored by another run meanwhile');
};
