// A backup in which something is killed: what it says is true, what was sealed stays, and the next one is good.
import type { ObjectFact } from '../../oracle/facts.ts';
import { fill, libraryOf } from './data.ts';
import { hunt, requireClearEnd, type Shot, succeed } from './hunt.ts';
import {
  captured,
  change,
  isSealed,
  ownSecond,
  requireUnchanged,
  type Scene,
  sceneFor,
  stampOf,
  stampsIn,
  unsealedIn,
} from './scene.ts';
import { judgeSealed, root } from './sealed.ts';
import type { World } from './world.ts';

export const backupScenes = ['folder', 'bucket', 'copy', 'rclone', 'large'] as const;
export type BackupScene = (typeof backupScenes)[number];

const makeScene = async (world: World, name: BackupScene, number: number): Promise<Scene> => {
  const storageName = `storage-${name}-${number}`;
  const storage = await (name === 'folder' ? world.folder(storageName) : world.bucket(storageName));
  const inBucket = name === 'copy' || name === 'rclone';
  const library =
    name === 'large'
      ? undefined
      : await world.once(`library ${name}`, () =>
          inBucket ? world.bucket(`library-${name}`) : world.folder(`library-${name}`),
        );
  if (library && number === 0) await fill(library, libraryOf('first'));
  const databases = await captured(world, name === 'large' ? ['large'] : inBucket ? ['shop'] : ['shop', 'crm']);
  const file = await world.environment(`backup-${name}-${number}`, {
    databases: [...databases.keys()],
    ...(library && { library }),
    ...(inBucket && { mover: name }),
    storage,
  });
  return { file, storage, library, databases, started: 0, runs: 0 };
};

export const killBackup = async (world: World, name: BackupScene, shot: Shot, full: boolean): Promise<string> => {
  const scene = await sceneFor(world, name, (number) => makeScene(world, name, number));
  const { storage, file, databases } = scene;
  const library = await change(scene);
  const before = await storage.facts();
  world.s3.rewritten();
  await ownSecond(scene);
  const args = ['backup', '-f', file, '--json', ...(full ? ['--full'] : [])];
  const folderOf = (stderr: string): string | undefined => {
    const stamp = stampOf(stderr);
    return storage.folder !== undefined && stamp !== undefined ? `${storage.folder}/${root}${stamp}` : undefined;
  };
  const hunted = await hunt(world, args, shot, folderOf);
  await world.quiet();
  requireClearEnd(hunted, shot);
  const { status, stderr } = hunted.result;
  const stamp = stampOf(stderr) ?? '';
  // The second of a backup is that of its claim, not of the start of its program.
  scene.started = Date.now();
  const after = await storage.facts();
  requireUnchanged(before, after);
  const twice = world.s3.rewritten();
  if (twice.length > 0) throw new Error(`written twice: ${twice.join(', ')}`);
  const wasSealed = isSealed(after, stamp);
  if (status === 0 && !wasSealed) throw new Error(`the run ended with 0 and sealed nothing: ${stderr}`);
  const runnerLives = !['runner', 'tree'].includes(shot.victim);
  if (status !== 0 && wasSealed && runnerLives) throw new Error(`the run ended with ${status} over a seal: ${stderr}`);
  if (wasSealed) {
    await judgeSealed(world, { storage, stamp, stored: after }, { databases, library });
    await succeed(world, ['verify', `retail-prd-backup-${stamp}`, '-f', file, '--objects', 'full', '--json']);
  }
  let last = after;
  if (status !== 0) {
    await ownSecond(scene);
    const next = stampOf((await succeed(world, args)).stderr) ?? '';
    await world.quiet();
    last = await storage.facts();
    requireUnchanged(wasSealed ? after : before, last);
    await judgeSealed(world, { storage, stamp: next, stored: last }, { databases, library });
  }
  await requireNothingLeft(world, scene, last);
  return `${hunted.hit ? 'in flight' : 'missed'}, ended ${status}`;
};

const requireNothingLeft = async (
  world: World,
  { storage, library }: Scene,
  facts: readonly ObjectFact[],
): Promise<void> => {
  const stamps = stampsIn(facts);
  const left = [
    ...unsealedIn(facts),
    ...(await storage.unfinished()).filter((name) => !isUnmadeClaim(name, stamps)),
    ...((await library?.unfinished()) ?? []),
    ...(await world.leftInServer()),
    ...(await world.lab.leftBehind()),
  ];
  if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
};

/** A folder lists its files only: nobody finds one in which a run died before it had named its claim. */
const isUnmadeClaim = (name: string, stamps: ReadonlySet<string>): boolean => {
  const stamp = /^retail\/prd\/(\d{8}-\d{6})\/[^/]+$/.exec(name)?.[1];
  return stamp !== undefined && !stamps.has(stamp);
};
