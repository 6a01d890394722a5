import type { ObjectStoreSpec } from '../../core/api/backup-environment.ts';
import { Lc2Error } from '../../core/errors.ts';
import { spanOfPoints } from '../../core/plan/at-point.ts';
import { layout } from '../../core/plan/layout.ts';
import type { ObjectPast, ObjectStore } from '../../core/ports/object-store.ts';
import { exportStep } from '../../core/steps/export.ts';
import { dump } from '../../core/steps/dump.ts';
import type { StepContext } from './context.ts';
import { type BackupRun, tryStepOutput } from './run.ts';

/** Whether a backup takes an object store as it was at the point of the databases: without them there is none. */
export const isAtPoint = ({ record }: Pick<BackupRun, 'record'>, { versions }: ObjectStoreSpec): boolean =>
  versions === 'atPoint' && record.components.includes('database');

/** The past of a store that keeps it, or VERSIONS_UNAVAILABLE. */
export const requirePast = async ({ past, url }: Pick<ObjectStore, 'past' | 'url'>): Promise<ObjectPast> => {
  if (!past) throw new Lc2Error('VERSIONS_UNAVAILABLE', 'this store keeps no versions', { where: url });
  await past.probe();
  return past;
};

/** The object store as it was when the points of this run were taken. */
export const storeAtPoint = async (context: StepContext, run: BackupRun, source: ObjectStore): Promise<ObjectStore> => {
  const { storage, stamp } = run;
  const past = await requirePast(source);
  const begun = await timeOf(storage, layout.run(stamp));
  const pointsBy = await pointsTaken(context, run);
  const readings = { before: await storage.time(), source: await source.time(), after: await storage.time() };
  const span = spanOfPoints({ begun, pointsBy, ...readings });
  context.log.info({ store: source.url, ...span }, 'objects are taken as they were then');
  return past.at(span);
};

/** By storage's clock. A service that exports reads the database while the step waits for it. */
const pointsTaken = async ({ runUid }: StepContext, { storage, stamp }: BackupRun): Promise<string> => {
  const dumped = await tryStepOutput(storage, layout.step(stamp, dump.name), { schema: dump.output, runUid });
  return dumped?.pointsBy ?? timeOf(storage, layout.step(stamp, exportStep.name));
};

const timeOf = async (storage: ObjectStore, key: string): Promise<string> => {
  const found = await storage.head(key);
  if (found) return found.mtime;
  throw new Lc2Error('RUN_MISSING', 'the result of an earlier step is missing', { where: `${storage.url}/${key}` });
};
