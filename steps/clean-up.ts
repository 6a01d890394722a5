import { runRecord } from '../core/manifest/records.ts';
import { stampOf } from '../core/plan/backup-id.ts';
import { layout } from '../core/plan/layout.ts';
import type { CleanUpOutput } from '../core/steps/clean-up.ts';
import type { ObjectStore } from '../core/ports/object-store.ts';
import { cancelTransfers } from './runtime/bulk-transfer.ts';
import { sha256 } from './runtime/bytes.ts';
import type { StepContext } from './runtime/context.ts';
import { cancelJobs } from './runtime/jobs.ts';
import { removeNewServer } from './runtime/new-server.ts';
import { lookUntil } from './runtime/patience.ts';
import { recordNameOf } from './runtime/restore.ts';
import { openStorage, tryReadRecord } from './runtime/storage.ts';
import { endUploads, removeUnsealed } from './runtime/sweep.ts';
import { type Left, removeLeftovers } from './runtime/service-leftovers.ts';

/** After a run that did not succeed. Touches only what is this run's own, and nothing of a sealed backup. */
export const cleanUp = async (context: StepContext): Promise<CleanUpOutput> => {
  if (context.flow.name === 'lc2-restore') {
    if (context.parameters['database-mode'] === 'new-server') {
      await removeNewServer(context);
      return { uploads: 0, databases: [] };
    }
    await cancelImports(context);
    return { uploads: 0, databases: await dropTemporary(context) };
  }
  const storage = await openStorage(context, context.environment, context.secrets.storage);
  const stamp = stampOf(context.timestamp);
  const claim = await tryReadRecord(storage, layout.run(stamp), runRecord);
  if (claim?.runUid !== context.runUid) return { uploads: 0, databases: [] };
  if ((await storage.head(layout.manifest(stamp))) !== undefined) return { uploads: 0, databases: [] };
  const environment = { name: claim.environment, spec: claim.spec };
  const copied = await cancelTransfers(context, { storage, stamp, environment });
  if (!(await endServiceWork(context, storage, stamp)) || !copied)
    return { uploads: await endUploads(context, storage, stamp), databases: [] };
  return { uploads: await removeUnsealed(context, storage, stamp), databases: [] };
};

/**
 * What the service goes on with would be nobody's: exports are given up, snapshots and temporary servers go. False where one
 * is still there: then the files stay too, and the next run's sweep finds both.
 */
const endServiceWork = async (context: StepContext, storage: ObjectStore, stamp: string): Promise<boolean> => {
  const service = context.openService(context.environment, context.secrets.database);
  if (!service) return true;
  const ended = await cancelJobs(context, { service, storage, prefix: layout.jobs(stamp, 'export') });
  const remove = (): Promise<Left> => removeLeftovers(context, { service, storage, stamp });
  // What is still being made costs money until it can be deleted.
  const left = await lookUntil(remove, (each) => each !== 'some', context.signal);
  return left === 'none' && ended;
};

const cancelImports = async (context: StepContext): Promise<void> => {
  const service = context.openService(context.environment, context.secrets.database);
  if (!service) return;
  const storage = await openStorage(context, context.source, context.secrets.storage);
  const prefix = layout.restoreWork(recordNameOf(context), context.runUid, 'import/');
  await cancelJobs(context, { service, storage, prefix });
};

const dropTemporary = async (context: StepContext): Promise<string[]> => {
  if (!context.environment.spec.database) return [];
  const database = context.openDatabase(context.environment, context.secrets.database);
  try {
    const restoreId = sha256(`${recordNameOf(context)}\n${context.runUid}`).slice(0, 10);
    return [...(await database.sweep(context.environment.name, restoreId))];
  } finally {
    await database.close();
  }
};
