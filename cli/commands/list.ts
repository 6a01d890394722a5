import { humanBytes } from '../../core/human-bytes.ts';
import { hasCode, oneLine } from '../../core/errors.ts';
import { backupIdOf, timeOfStamp } from '../../core/plan/backup-id.ts';
import { layout } from '../../core/plan/layout.ts';
import { type Environment, wantsCopies } from '../../core/plan/environment.ts';
import type { ObjectStore } from '../../core/ports/object-store.ts';
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
  /** Names of other places that hold it. */
  readonly copies?: readonly string[];
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
        if (manifest) backups.push({ ...row, ...summary(manifest), ...(await copiesOf(environment, storage, stamp)) });
        // What a copy of a newer backup shares with this one is no backup by itself.
        else if ((await storage.head(layout.copied(stamp))) === undefined) backups.push({ ...row, phase: 'Unsealed' });
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

/** One more listing for each backup: only where there may be some. */
const copiesOf = async (
  { spec }: Environment,
  storage: ObjectStore,
  stamp: string,
): Promise<Pick<ListedBackup, 'copies'>> => {
  if (!wantsCopies(spec)) return {};
  const prefix = layout.copies(stamp);
  const names: string[] = [];
  for await (const { key } of storage.list({ prefix })) names.push(key.slice(prefix.length).replace(/\.json$/, ''));
  return { copies: names };
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

const line = ({ backupId, phase, components = [], bytes, objects, copies = [] }: ListedBackup): string =>
  phase === 'Succeeded'
    ? `${backupId}  ${humanBytes(bytes ?? 0)}  ${objects ?? 0} objects  ${components.join(', ')}${copies.length > 0 ? `  copies: ${copies.join(', ')}` : ''}`
    : `${backupId}  ${phase.toLowerCase()}`;
