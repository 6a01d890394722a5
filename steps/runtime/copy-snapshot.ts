import { durationSeconds } from '../../core/api/common.ts';
import { Lc2Error } from '../../core/errors.ts';
import type { Manifest } from '../../core/manifest/manifest.ts';
import { copyRecord, type CopyRecord } from '../../core/manifest/records.ts';
import { type Environment, tryService } from '../../core/plan/environment.ts';
import { layout } from '../../core/plan/layout.ts';
import type { ChosenSnapshotCopy } from '../../core/services/index.ts';
import { type CopyTask, writeCopyRecord } from './copy-backup.ts';
import { requireService } from './database-run.ts';
import { runNamedJob } from './jobs.ts';
import { descriptionPrefix } from './service-leftovers.ts';
import { tryReadRecord } from './storage.ts';

/** The snapshot of a sealed backup in another region: the service copies it by itself, once. */

export interface SnapshotCopy {
  readonly place: ChosenSnapshotCopy;
  readonly snapshotId: string;
}

/** What the environment wants of this backup; nothing where it took no snapshot. */
export const snapshotCopiesOf = ({ spec }: Environment, { database }: Manifest): SnapshotCopy[] => {
  const snapshotId = database?.snapshotId;
  if (snapshotId === undefined) return [];
  return (tryService(spec)?.snapshotCopies ?? []).map((place) => ({ place, snapshotId }));
};

type SnapshotCopyTask = SnapshotCopy & Omit<CopyTask, 'place'>;

export const copySnapshot = async (task: SnapshotCopyTask): Promise<CopyRecord> => {
  const { context, environment, storage, stamp, manifest, place, snapshotId, report } = task;
  const done = await tryReadRecord(storage, layout.copy(stamp, place.name), copyRecord);
  if (done?.manifest === manifest.digest) return done;
  const service = requireService(context, environment).snapshotCopies;
  if (!service) throw new Lc2Error('BUG', 'this service copies no snapshots');
  const { region, deadline } = place;
  const description = `${descriptionPrefix(storage, environment, stamp)}${manifest.runUid} copy`;
  const until = new Date(context.clock.now().getTime() + durationSeconds(deadline) * 1000).toISOString();
  const { id } = await runNamedJob(
    { context, service, mayStart: () => Promise.resolve() },
    { kind: 'snapshot-copy', region, snapshotId, description, until },
    report,
  );
  const at = context.clock.now().toISOString();
  const record: CopyRecord = { version: '1', name: place.name, url: id, manifest: manifest.digest, at };
  await writeCopyRecord(storage, stamp, record);
  context.log.info({ copy: place.name, snapshot: id }, 'the snapshot was copied');
  return record;
};
