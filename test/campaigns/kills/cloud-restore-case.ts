// A restore in a cloud, in which something is killed while the cloud imports or copies: the live side is before or after,
// nothing is imported twice, and the same restore again is good.
import type { DatabaseFacts, ObjectFact } from '../../oracle/facts.ts';
import { askedSince, isOfDatabase, requireAsked, requireNothingLeft } from './cloud-case.ts';
import type { CloudScene } from './clouds.ts';
import type { CloudWorld } from './cloud-world.ts';
import { createDatabase, fill, libraryOf } from './data.ts';
import { hunt, requireClearEnd, type Shot, succeed } from './hunt.ts';
import type { Place } from './place.ts';
import { changedObjects, dropKept, isEqual, judgeObjects, missing, surplus } from './restore-case.ts';

interface Source {
  readonly file: string;
  readonly storage: Place;
  readonly library: Place | undefined;
  readonly objects: readonly ObjectFact[];
  readonly database: DatabaseFacts | undefined;
}

const live = 'live';

/** A sealed backup of a database or of a library, as it was then. */
const sourceOf = (world: CloudWorld, scene: CloudScene): Promise<Source> =>
  world.once(`source ${scene}`, async () => {
    const { cloud } = world;
    const storage = await cloud.bucket(`source-${scene}`);
    const library = isOfDatabase(scene) ? undefined : await cloud.bucket(`${live}-${scene}`);
    if (library) await fill(library, libraryOf('sealed'));
    else await createDatabase(world, live);
    const objects = (await library?.facts()) ?? [];
    const database = library ? undefined : await world.capture(live);
    const file = await world.environment(`restore-${scene}`, {
      scene,
      databases: library ? [] : [live],
      library,
      storage,
    });
    await succeed(world, ['backup', '-f', file, '--json']);
    return { file, storage, library, objects, database };
  });

const damage = `DELETE FROM first WHERE n < 100; UPDATE second SET v = 'changed' WHERE n % 7 = 0; DROP TABLE third;
  SELECT lo_unlink(4711)`;

/** What is live before the restore. */
interface Live {
  readonly objects: readonly ObjectFact[];
  readonly database: DatabaseFacts | undefined;
}

const upset = async (world: CloudWorld, { library }: Source): Promise<Live> => {
  if (library) {
    await fill(library, changedObjects);
    await fill(library, surplus);
    await library.remove(missing);
    return { objects: await library.facts(), database: undefined };
  }
  await dropKept(world);
  await world.sql(live, damage);
  return { objects: [], database: await world.capture(live) };
};

/** Throws when the live side is between; an undone restore has changed no database. */
const judge = async (world: CloudWorld, source: Source, before: Live, isDone: boolean): Promise<void> => {
  const { library } = source;
  if (library) {
    const now = await library.facts();
    return judgeObjects({ now, old: before.objects, sealed: source.objects }, 'merge', { isDone, side: 'after' });
  }
  const now = await world.capture(live);
  const isOld = before.database !== undefined && isEqual(before.database, now);
  const isNew = source.database !== undefined && isEqual(source.database, now);
  if (!isNew && !(isOld && !isDone)) throw new Error(`the live database is ${isOld ? 'as before' : 'between'}`);
};

/** Once for a restore that was not interrupted. */
const imports = ({ library }: Source): Readonly<Record<string, number>> => (library ? {} : { imports: 1 });

export const killCloudRestore = async (world: CloudWorld, scene: CloudScene, shot: Shot): Promise<string> => {
  const source = await sourceOf(world, scene);
  const before = await upset(world, source);
  const stored = JSON.stringify(await sealedFacts(source));
  const args = ['restore', '-f', source.file, '--backup', 'latest', '--confirm', 'prd', '--json'];
  const asked = world.cloud.asked();
  const hunted = await hunt(world, args, shot);
  requireClearEnd(hunted, shot);
  const { status } = hunted.result;
  requireAsked(askedSince(world, asked), imports(source), status === 0 ? 'exactly' : 'most');
  await judge(world, source, before, status === 0);
  if (status !== 0) {
    const again = world.cloud.asked();
    await succeed(world, args);
    // A restore that died after its swap has nothing to import any more.
    requireAsked(askedSince(world, again), imports(source), 'most');
    await judge(world, source, before, true);
  }
  await requireNothingLeft(world, source);
  if (JSON.stringify(await sealedFacts(source)) !== stored) throw new Error('the backup is another one now');
  return `${hunted.hit ? 'in flight' : 'missed'}, ended ${status}`;
};

const sealedFacts = async ({ storage }: Source): Promise<ObjectFact[]> =>
  (await storage.facts()).filter(({ key }) => !key.includes('/restores/'));
