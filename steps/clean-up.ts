import { runRecord } from '../core/manifest/records.ts';
import { stampOf } from '../core/plan/backup-id.ts';
import { layout } from '../core/plan/layout.ts';
import type { CleanUpOutput } from '../core/steps/clean-up.ts';
import { sha256 } from './runtime/bytes.ts';
import type { StepContext } from './runtime/context.ts';
import { recordNameOf } from './runtime/restore.ts';
import { openStorage, tryReadRecord } from './runtime/storage.ts';
import { removeUnsealed } from './runtime/sweep.ts';

/** After a run that did not succeed. Touches only what is this run's own, and nothing of a sealed backup. */
export const cleanUp = async (context: StepContext): Promise<CleanUpOutput> => {
  if (context.flow.name === 'lc2-restore') return { uploads: 0, databases: await dropTemporary(context) };
  const storage = await openStorage(context, context.environment, context.secrets.storage);
  const stamp = stampOf(context.timestamp);
  const claim = await tryReadRecord(storage, layout.run(stamp), runRecord);
  if (claim?.runUid !== context.runUid) return { uploads: 0, databases: [] };
  if ((await storage.head(layout.manifest(stamp))) !== undefined) return { uploads: 0, databases: [] };
  return { uploads: await removeUnsealed(context, storage, stamp), databases: [] };
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
