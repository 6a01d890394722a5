import { Lc2Error } from '../core/errors.ts';
import type { Manifest } from '../core/manifest/manifest.ts';
import { tryStampOfId } from '../core/plan/backup-id.ts';
import type { ObjectStore } from '../core/ports/object-store.ts';
import { newestSealed, openStorage, tryReadManifest } from '../steps/runtime/storage.ts';
import type { Scene } from './command.ts';

export interface FoundBackup {
  readonly storage: ObjectStore;
  readonly stamp: string;
  readonly manifest: Manifest;
}

/** The stamp that an ID or `latest` means in this environment. */
export const resolveStamp = async (
  scene: Scene,
  id: string | undefined,
): Promise<{ storage: ObjectStore; stamp: string }> => {
  if (id === undefined) throw new Lc2Error('USAGE', 'give the id of a backup, or latest');
  const { environment } = scene;
  const storage = await openStorage(scene.adapters, environment, scene.secrets.storage);
  const stamp =
    id === 'latest'
      ? await newestSealed(storage)
      : tryStampOfId(id, { projectId: environment.spec.projectId, name: environment.name });
  if (stamp !== undefined) return { storage, stamp };
  if (id === 'latest') throw new Lc2Error('BACKUP_NOT_FOUND', 'there is no sealed backup', { where: storage.url });
  throw new Lc2Error(
    'BACKUP_OF_OTHER_ENVIRONMENT',
    `${JSON.stringify(id)} is not a backup of ${environment.spec.projectId}-${environment.name}`,
  );
};

export const findBackup = async (scene: Scene, id: string | undefined): Promise<FoundBackup> => {
  const { storage, stamp } = await resolveStamp(scene, id);
  const manifest = await tryReadManifest(storage, stamp);
  if (!manifest)
    throw new Lc2Error('BACKUP_NOT_FOUND', `backup ${id ?? ''} does not exist or was never sealed`, {
      where: storage.url,
    });
  return { storage, stamp, manifest };
};
