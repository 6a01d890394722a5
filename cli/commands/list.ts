import { humanBytes } from '../../core/human-bytes.ts';
import { hasCode, oneLine } from '../../core/errors.ts';
import { backupIdOf, timeOfStamp } from '../../core/plan/backup-id.ts';
import { listStamps, openStorage, tryReadManifest } from '../../steps/runtime/storage.ts';
import { type Command, openScene, printJson, readArgs } from '../command.ts';

export interface ListedBackup {
  readonly backupId: string;
  readonly timestamp: string;
  readonly phase: 'Succeeded' | 'Unsealed' | 'Damaged';
  readonly components?: readonly string[];
  readonly bytes?: number;
  readonly objects?: number;
  readonly verified?: string;
  readonly lockedUntil?: string;
}

export const list: Command = {
  usage: 'list -f FILE [-e NAME] [--json]',
  summary: 'the backups of an environment, newest first',
  run: async (args, io) => {
    const { values } = readArgs(args, {}, { max: 0 });
    const { environment, secrets, adapters } = openScene(values, io);
    const storage = await openStorage(adapters, environment, secrets.storage);
    const backups: ListedBackup[] = [];
    for (const stamp of (await listStamps(storage)).toReversed()) {
      const backupId = backupIdOf({ projectId: environment.spec.projectId, environment: environment.name, stamp });
      const row = { backupId, timestamp: timeOfStamp(stamp) };
      try {
        const manifest = await tryReadManifest(storage, stamp);
        backups.push(manifest ? { ...row, ...summary(manifest) } : { ...row, phase: 'Unsealed' });
      } catch (error) {
        if (!hasCode(error, 'MANIFEST_INVALID', 'MANIFEST_VERSION')) throw error;
        backups.push({ ...row, phase: 'Damaged' });
      }
    }
    if (values.json) printJson(io, { backups });
    else
      io.stdout(
        backups.length === 0 ? 'no backups yet\n' : `${backups.map((each) => oneLine(line(each))).join('\n')}\n`,
      );
    return 0;
  },
};

const summary = (
  manifest: NonNullable<Awaited<ReturnType<typeof tryReadManifest>>>,
): Omit<ListedBackup, 'backupId' | 'timestamp'> => ({
  phase: 'Succeeded',
  components: manifest.components,
  bytes: manifest.sizes.database + manifest.sizes.objects,
  objects: manifest.objectStores.reduce((sum, store) => sum + store.objectCount, 0),
  verified: manifest.verification.objects === 'none' ? manifest.verification.database : manifest.verification.objects,
  ...(manifest.immutability ? { lockedUntil: manifest.immutability.until } : {}),
});

const line = ({ backupId, phase, components = [], bytes, objects }: ListedBackup): string =>
  phase === 'Succeeded'
    ? `${backupId}  ${humanBytes(bytes ?? 0)}  ${objects ?? 0} objects  ${components.join(', ')}`
    : `${backupId}  ${phase.toLowerCase()}`;
