import { ensureLc2Error, Lc2Error } from '../core/errors.ts';
import type { Manifest } from '../core/manifest/manifest.ts';
import type { CopyRecord } from '../core/manifest/records.ts';
import type { ObjectStore } from '../core/ports/object-store.ts';
import type { CopyOutput } from '../core/steps/copy.ts';
import type { StepContext } from './runtime/context.ts';
import { copyBackup } from './runtime/copy-backup.ts';
import { copySnapshot, snapshotCopiesOf } from './runtime/copy-snapshot.ts';
import { openRun } from './runtime/run.ts';
import { tryReadManifest } from './runtime/storage.ts';

/**
 * Copies a sealed backup to the other places of its environment, one after the other; meanwhile the service copies its snapshot to
 * other regions. What fails does not unseal it, and does not keep it from the other places; a repetition goes on where no copy is
 * recorded yet.
 */
export const copy = async (context: StepContext): Promise<CopyOutput> => {
  const { record, storage, stamp, environment: claimed } = await openRun(context);
  // Whoever makes up for it later means the environment as it is now, which may be what was wrong.
  const environment = record.runner === context.runner ? claimed : context.environment;
  const manifest = await requireSealed(storage, stamp);
  const source = { context, environment, storage, stamp, manifest };
  const places = environment.spec.storage.copies;
  const regions = snapshotCopiesOf(environment, manifest);
  const reportFor = createReports(context, places.length + regions.length);
  const toPlaces = async (): Promise<Outcome[]> => {
    const outcomes: Outcome[] = [];
    for (const [index, place] of places.entries())
      outcomes.push(await tryTo(context, place.name, () => copyBackup({ ...source, place, report: reportFor(index) })));
    return outcomes;
  };
  const toRegions = regions.map(({ place, snapshotId }, index) =>
    tryTo(context, place.name, () =>
      copySnapshot({ ...source, place, snapshotId, report: reportFor(places.length + index) }),
    ),
  );
  const [first, ...rest] = await Promise.all([toPlaces(), ...toRegions]);
  const copies: CopyRecord[] = [];
  for (const outcome of [...first, ...rest]) {
    if (outcome instanceof Lc2Error) throw outcome;
    copies.push(outcome);
  }
  return { backupId: manifest.backupId, copies };
};

type Outcome = CopyRecord | Lc2Error;

const tryTo = async (context: StepContext, name: string, work: () => Promise<CopyRecord>): Promise<Outcome> => {
  try {
    return await work();
  } catch (thrown) {
    if (context.signal.aborted) throw thrown;
    const error = ensureLc2Error(thrown);
    context.log.warn({ copy: name, code: error.code }, error.message);
    return failed(name, error);
  }
};

/** One for each copy; all count alike. */
const createReports = (context: StepContext, count: number): ((index: number) => (fraction: number) => void) => {
  const fractions = new Map<number, number>();
  return (index) => (fraction) => {
    fractions.set(index, fraction);
    context.progress.set([...fractions.values()].reduce((sum, each) => sum + each, 0) / count);
  };
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
