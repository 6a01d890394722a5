// A backup in which something is killed: what it says is true, what was sealed stays, and the next one is good.
import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseFacts, ObjectFact } from '../../oracle/facts.ts';
import { createDatabase, createLargeDatabase, fill, libraryOf } from './data.ts';
import { hunt, requireClearEnd, type Shot, succeed } from './hunt.ts';
import type { Place } from './place.ts';
import { judgeSealed, root } from './sealed.ts';
import type { World } from './world.ts';

export const backupScenes = ['folder', 'bucket', 'copy', 'rclone', 'large'] as const;
export type BackupScene = (typeof backupScenes)[number];

interface Scene {
  readonly file: string;
  readonly storage: Place;
  readonly library: Place | undefined;
  readonly databases: ReadonlyMap<string, DatabaseFacts>;
  /** Backups have a second of their own. */
  started: number;
  runs: number;
}

const captured = async (world: World, names: readonly string[]): Promise<Map<string, DatabaseFacts>> => {
  const found = new Map<string, DatabaseFacts>();
  for (const name of names) {
    await world.once(`database ${name}`, () =>
      name === 'large' ? createLargeDatabase(world, name) : createDatabase(world, name),
    );
    found.set(name, await world.once(`capture ${name}`, () => world.capture(name)));
  }
  return found;
};

/** A storage is left after so many backups: every one of them is read in every case. */
const runsPerStorage = 10;

const sceneOf = async (world: World, name: BackupScene): Promise<Scene> => {
  const slot = await world.once(`backup scene ${name}`, async () => ({
    number: 0,
    scene: await makeScene(world, name, 0),
  }));
  if (slot.scene.runs >= runsPerStorage) {
    slot.number++;
    slot.scene = await makeScene(world, name, slot.number);
  }
  slot.scene.runs++;
  return slot.scene;
};

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

/** Each backup finds some objects changed, one new and one gone since the last. */
const change = async ({ library, runs }: Scene): Promise<ObjectFact[]> => {
  if (library === undefined) return [];
  const keys = [...libraryOf('').keys()].filter((_, index) => index % 4 === runs % 4);
  for (const key of keys) await library.put(key, `run ${runs} of ${key};`.repeat(key.length % 2 === 0 ? 40 : 3000));
  await library.put(`new/${runs}.bin`, `new in run ${runs}`);
  await library.remove(`new/${runs - 2}.bin`);
  return library.facts();
};

const ownSecond = async (scene: Scene): Promise<void> => {
  while (Math.floor(Date.now() / 1000) <= Math.floor(scene.started / 1000)) await sleep(10);
  scene.started = Date.now();
};

const stampOf = (stderr: string): string | undefined => /retail-prd-backup-(\d{8}-\d{6})/.exec(stderr)?.[1];

const isSeal = (key: string): boolean => key.endsWith('/manifest.json');

export const killBackup = async (world: World, name: BackupScene, shot: Shot, full: boolean): Promise<string> => {
  const scene = await sceneOf(world, name);
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
  const isSealed = after.some(({ key }) => key === `${root}${stamp}/manifest.json`);
  if (status === 0 && !isSealed) throw new Error(`the run ended with 0 and sealed nothing: ${stderr}`);
  const runnerLives = !['runner', 'tree'].includes(shot.victim);
  if (status !== 0 && isSealed && runnerLives) throw new Error(`the run ended with ${status} over a seal: ${stderr}`);
  if (isSealed) {
    await judgeSealed(world, { storage, stamp, stored: after }, { databases, library });
    await succeed(world, ['verify', `retail-prd-backup-${stamp}`, '-f', file, '--objects', 'full', '--json']);
  }
  let last = after;
  if (status !== 0) {
    await ownSecond(scene);
    const next = stampOf((await succeed(world, args)).stderr) ?? '';
    await world.quiet();
    last = await storage.facts();
    requireUnchanged(isSealed ? after : before, last);
    await judgeSealed(world, { storage, stamp: next, stored: last }, { databases, library });
  }
  await requireNothingLeft(world, scene, last);
  return `${hunted.hit ? 'in flight' : 'missed'}, ended ${status}`;
};

/** Every file of a folder that was sealed is what it was. */
const requireUnchanged = (before: readonly ObjectFact[], after: readonly ObjectFact[]): void => {
  const sealed = new Set(
    before.filter(({ key }) => isSeal(key)).map(({ key }) => key.slice(0, -'manifest.json'.length)),
  );
  const now = new Map(after.map((fact) => [fact.key, fact]));
  const folderOf = (key: string): string => key.split('/').slice(0, 3).join('/').concat('/');
  const changed = before.filter(({ key, sha256 }) => sealed.has(folderOf(key)) && now.get(key)?.sha256 !== sha256);
  const added = after.filter(({ key }) => sealed.has(folderOf(key)) && !before.some((fact) => fact.key === key));
  const wrong = [...changed, ...added].map(({ key }) => key);
  if (wrong.length > 0) throw new Error(`files of a sealed backup changed: ${wrong.slice(0, 5).join(', ')}`);
};

const requireNothingLeft = async (
  world: World,
  { storage, library }: Scene,
  facts: readonly ObjectFact[],
): Promise<void> => {
  const stamps = new Set(facts.flatMap(({ key }) => /^retail\/prd\/(\d{8}-\d{6})\//.exec(key)?.[1] ?? []));
  const unsealed = [...stamps].filter((stamp) => !facts.some(({ key }) => key === `${root}${stamp}/manifest.json`));
  const left = [
    ...unsealed.map((stamp) => `unsealed ${stamp}`),
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
