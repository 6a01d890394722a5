import { Lc2Error } from '../core/errors.ts';
import type { Manifest } from '../core/manifest/manifest.ts';
import { tryStampOfId } from '../core/plan/backup-id.ts';
import { layout } from '../core/plan/layout.ts';
import type { ObjectStore } from '../core/ports/object-store.ts';
import type { VerifyBackupOutput } from '../core/steps/verify-backup.ts';
import { checkBackup } from './runtime/check-backup.ts';
import type { ObjectsLevel } from './runtime/check-objects.ts';
import type { StepContext } from './runtime/context.ts';
import { createProblems, finding } from './runtime/problems.ts';
import { newestSealed, openStorage, tryReadManifest } from './runtime/storage.ts';
import { objectsLevel } from './verify.ts';

/** Checks a sealed backup, every file of it. Damage is the result and not an error: all of it is listed. */
export const verifyBackup = async (context: StepContext): Promise<VerifyBackupOutput> => {
  const storage = await openStorage(context, context.environment, context.secrets.storage);
  const stamp = await resolveStamp(context, storage);
  const problems = createProblems();
  let manifest: Manifest | undefined;
  await finding(problems, layout.manifest(stamp), async () => {
    manifest = await tryReadManifest(storage, stamp);
  });
  const { environment } = context;
  const backupId = manifest?.backupId ?? `${environment.spec.projectId}-${environment.name}-backup-${stamp}`;
  const url = `${storage.url}/${layout.manifest(stamp)}`;
  if (!manifest) {
    const sealed = problems.count > 0;
    if (!sealed)
      problems.add({
        code: 'BACKUP_NOT_FOUND',
        key: layout.manifest(stamp),
        message: 'there is no manifest, so there is no backup',
      });
    return { backupId, sealed, ok: false, url, problems: [...problems.list] };
  }
  assertOwn(context, manifest, url);
  if (context.parameters['level'] !== 'seal') {
    const level = levelOf(context);
    await checkBackup(context, { storage, stamp, manifest, problems }, { own: level, inherited: level });
  }
  return {
    backupId,
    sealed: true,
    ok: problems.count === 0,
    url,
    digest: manifest.digest,
    bytes: manifest.sizes.database + manifest.sizes.objects,
    objects: manifest.objectStores.reduce((sum, store) => sum + store.objectCount, 0),
    verified: manifest.verification.objects === 'none' ? manifest.verification.database : manifest.verification.objects,
    problems: [...problems.list],
  };
};

const resolveStamp = async ({ parameters, environment }: StepContext, storage: ObjectStore): Promise<string> => {
  const wanted = parameters['backup'] ?? 'latest';
  if (wanted === 'latest') {
    const newest = await newestSealed(storage);
    if (newest === undefined)
      throw new Lc2Error('BACKUP_NOT_FOUND', 'there is no sealed backup', { where: storage.url });
    return newest;
  }
  const stamp = tryStampOfId(wanted, { projectId: environment.spec.projectId, name: environment.name });
  if (stamp === undefined) {
    throw new Lc2Error(
      'BACKUP_OF_OTHER_ENVIRONMENT',
      `${wanted} is not a backup of ${environment.spec.projectId}-${environment.name}`,
    );
  }
  return stamp;
};

/** A manifest that was copied here from another environment is not this backup's. */
const assertOwn = ({ environment }: StepContext, manifest: Manifest, where: string): void => {
  if (manifest.environment === environment.name && manifest.projectId === environment.spec.projectId) return;
  throw new Lc2Error('BACKUP_OF_OTHER_ENVIRONMENT', `the manifest is of ${manifest.backupId}`, { where });
};

const levelOf = ({ parameters, environment }: StepContext): ObjectsLevel => {
  const wanted = parameters['objects'] ?? 'auto';
  return wanted === 'listed' || wanted === 'sampled' || wanted === 'full' ? wanted : objectsLevel(environment.spec);
};
