import { ensureLc2Error, Lc2Error } from '../core/errors.ts';
import type { Manifest } from '../core/manifest/manifest.ts';
import type { ObjectStore } from '../core/ports/object-store.ts';
import type { CopyOutput } from '../core/steps/copy.ts';
import type { StepContext } from './runtime/context.ts';
import { copyBackup, type CopyTask } from './runtime/copy-backup.ts';
import { openRun } from './runtime/run.ts';
import { tryReadManifest } from './runtime/storage.ts';

/**
 * Copies a sealed backup to the other places of its environment, one after the other. What fails does not unseal it, and does not
 * keep it from the places that come after; a repetition goes on where no copy is sealed yet.
 */
export const copy = async (context: StepContext): Promise<CopyOutput> => {
  const { storage, stamp, environment } = await openRun(context);
  const manifest = await requireSealed(storage, stamp);
  const places = environment.spec.storage.copies;
  const copies: CopyOutput['copies'] = [];
  let failure: Lc2Error | undefined;
  for (const [index, place] of places.entries()) {
    const report = (fraction: number): void => context.progress.set((index + fraction) / places.length);
    const task: CopyTask = { context, environment, storage, stamp, manifest, place, report };
    try {
      copies.push(await copyBackup(task));
    } catch (thrown) {
      if (context.signal.aborted) throw thrown;
      const error = ensureLc2Error(thrown);
      context.log.warn({ copy: place.name, code: error.code }, error.message);
      failure ??= failed(place.name, error);
    }
  }
  if (failure) throw failure;
  return { backupId: manifest.backupId, copies };
};

const failed = (name: string, error: Lc2Error): Lc2Error => {
  const { code, what, where, remedy } = error;
  const details = { remedy: `${remedy}; the backup itself is sealed`, cause: error };
  return new Lc2Error(code, `copy ${name}: ${what}`, where === undefined ? details : { ...details, where });
};

const requireSealed = async (storage: ObjectStore, stamp: string): Promise<Manifest> => {
  const manifest = await tryReadManifest(storage, stamp);
  if (manifest) return manifest;
  throw new Lc2Error('BACKUP_NOT_FOUND', `backup ${stamp} is not sealed`, { where: storage.url });
};
