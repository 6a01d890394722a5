// A backup in a cloud, in which something is killed while the cloud works: nothing is asked for twice, nothing is left there,
// and what is sealed holds what it should.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ObjectFact } from '../../oracle/facts.ts';
import type { CloudScene } from './clouds.ts';
import type { CloudWorld } from './cloud-world.ts';
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
  unsealedIn,
} from './scene.ts';
import { judgeSealed } from './sealed.ts';

/** A database, or a library; both at once would only take longer. */
export const isOfDatabase = (scene: CloudScene): boolean => scene !== 'copy' && scene !== 'storage-transfer';

const makeScene = async (world: CloudWorld, name: CloudScene, number: number): Promise<Scene> => {
  const { cloud } = world;
  const storage = await cloud.bucket(`storage-${name}-${number}`);
  const library = isOfDatabase(name)
    ? undefined
    : await world.once(`library ${name}`, async () => {
        const place = await cloud.bucket(`library-${name}`);
        await fill(place, libraryOf('first'));
        return place;
      });
  const databases = await captured(world, isOfDatabase(name) ? ['shop'] : []);
  const parts = { scene: name, databases: [...databases.keys()], library, storage };
  const file = await world.environment(`backup-${name}-${number}`, parts);
  return { file, storage, library, databases, started: 0, runs: 0 };
};

type Asked = Readonly<Record<string, number>>;

/** What was asked for since. */
export const askedSince = ({ cloud }: CloudWorld, before: Asked): Asked =>
  Object.fromEntries(Object.entries(cloud.asked()).map(([kind, count]) => [kind, count - (before[kind] ?? 0)]));

/** `most`: a run that was killed may not have come so far. */
export const requireAsked = (asked: Asked, once: Asked, how: 'exactly' | 'most'): void => {
  const wrong = Object.entries(asked).filter(([kind, count]) =>
    how === 'most' ? count > (once[kind] ?? 0) : count !== (once[kind] ?? 0),
  );
  const said = wrong.map(([kind, count]) => `${count} ${kind} in place of ${once[kind] ?? 0}`);
  if (said.length > 0) throw new Error(`asked for: ${said.join(', ')}`);
};

export const killCloudBackup = async (world: CloudWorld, name: CloudScene, shot: Shot): Promise<string> => {
  const { cloud } = world;
  const scene = await sceneFor(world, name, (number) => makeScene(world, name, number));
  const { storage, file, databases } = scene;
  const library = await change(scene);
  const before = { facts: await storage.facts(), asked: cloud.asked(), snapshots: cloud.snapshots() };
  await ownSecond(scene);
  const args = ['backup', '-f', file, '--json'];
  const hunted = await hunt(world, args, shot);
  requireClearEnd(hunted, shot);
  const { status, stderr } = hunted.result;
  const stamp = stampOf(stderr) ?? '';
  scene.started = Date.now();
  requireAsked(askedSince(world, before.asked), cloud.once(name), status === 0 ? 'exactly' : 'most');
  const after = await storage.facts();
  requireUnchanged(before.facts, after);
  const wasSealed = isSealed(after, stamp);
  if (status === 0 && !wasSealed) throw new Error(`the run ended with 0 and sealed nothing: ${stderr}`);
  const judge = async (sealed: string, stored: readonly ObjectFact[]): Promise<void> =>
    judgeSealed(world, { storage, stamp: sealed, stored }, { databases, library });
  if (wasSealed) await judge(stamp, after);
  let last = after;
  if (status !== 0) {
    await ownSecond(scene);
    const asked = cloud.asked();
    const next = stampOf((await succeed(world, args)).stderr) ?? '';
    // After a seal a library has nothing new.
    const isDone = wasSealed && library.length > 0;
    requireAsked(askedSince(world, asked), cloud.once(name), isDone ? 'most' : 'exactly');
    last = await storage.facts();
    requireUnchanged(wasSealed ? after : before.facts, last);
    await judge(next, last);
  }
  await requireNothingLeft(world, scene);
  const sealedNow = seals(await storage.facts()) - seals(before.facts);
  await requireSnapshots(world, before.snapshots, sealedNow * (cloud.once(name)['snapshots'] ?? 0));
  cloud.forget();
  return `${hunted.hit ? 'in flight' : 'missed'}, ended ${status}`;
};

/** Also of what worked on after the run had died. */
export const requireNothingLeft = async (world: CloudWorld, { storage }: Pick<Scene, 'storage'>): Promise<void> => {
  await world.idle();
  const left = [
    ...unsealedIn(await storage.facts()),
    ...(await world.leftInServer()),
    ...(await world.lab.leftBehind()),
    ...world.cloud.violations(),
  ];
  if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
};

const seals = (facts: readonly ObjectFact[]): number =>
  facts.filter(({ key }) => key.endsWith('/manifest.json')).length;

const patience = 10_000;

/** So many more than before, and those that there were. The cloud deletes in its own time. */
const requireSnapshots = async ({ cloud }: CloudWorld, before: readonly string[], wanted: number): Promise<void> => {
  for (const deadline = Date.now() + patience; ; await sleep(50)) {
    const now = cloud.snapshots();
    const lost = before.filter((id) => !now.includes(id));
    if (lost.length > 0) throw new Error(`snapshots of earlier backups are gone: ${lost.join(', ')}`);
    const more = now.length - before.length;
    if (more === wanted) return;
    if (Date.now() > deadline) throw new Error(`${more} more snapshots in place of ${wanted}`);
  }
};
