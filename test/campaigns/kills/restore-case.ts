// A restore in which something is killed: the live side is exactly before or exactly after, and the same restore again is good.
import { differences } from '../../oracle/compare.ts';
import type { DatabaseFacts, ObjectFact } from '../../oracle/facts.ts';
import { createDatabase, fill, libraryOf } from './data.ts';
import { hunt, requireClearEnd, type Shot, succeed } from './hunt.ts';
import type { Place } from './place.ts';
import { root } from './sealed.ts';
import type { World } from './world.ts';

export type DatabaseMode = 'swap' | 'in-place' | 'recreate';

/** From which backup what is restored, and how. */
export interface RestoreSetting {
  readonly from: 'folder' | 'bucket';
  readonly databases: readonly ('app' | 'hr')[];
  readonly mode: DatabaseMode;
  /** Undefined: the databases only. */
  readonly objects?: 'merge' | 'mirror';
  readonly mover?: 'copy' | 'stream' | 'rclone';
}

/** A sealed backup of two databases and a library, as it was then. */
export interface Source {
  readonly storage: Place;
  readonly library: Place;
  readonly objects: readonly ObjectFact[];
  readonly backupId: string;
  /** The environment with this mover. */
  file(mover: RestoreSetting['mover']): Promise<string>;
}

export const sourceOf = (world: World, from: RestoreSetting['from']): Promise<Source> =>
  world.once(`source ${from}`, async () => {
    const make = (name: string): Promise<Place> => (from === 'folder' ? world.folder(name) : world.bucket(name));
    const [storage, library] = await Promise.all([make(`source-${from}`), make(`live-${from}`)]);
    await fill(library, libraryOf('sealed'));
    await createSides(world);
    const objects = await library.facts();
    const file = (mover: RestoreSetting['mover']): Promise<string> =>
      world.once(`environment ${from} ${mover ?? 'auto'}`, () =>
        world.environment(`restore-${from}-${mover ?? 'auto'}`, {
          databases: ['app', 'hr'],
          library,
          storage,
          ...(mover !== undefined && { mover }),
        }),
      );
    for (const name of ['app', 'hr']) await become(world, name, 'sealed');
    const { stdout } = await succeed(world, ['backup', '-f', await file(undefined), '--json']);
    const { backupId } = JSON.parse(stdout) as { backupId: string };
    return { storage, library, objects, backupId, file };
  });

type Side = 'sealed' | 'changed' | 'kept';

/** What stands for each side of a database: sealed; changed since; changed only in what the dump holds, for in-place. */
const createSides = (world: World): Promise<void> =>
  world.once('sides', async () => {
    for (const name of ['app', 'hr']) {
      await createDatabase(world, `${name}_sealed`, name);
      await world.sql('postgres', `CREATE DATABASE ${name}_kept TEMPLATE ${name}_sealed`);
      await world.sql(
        `${name}_kept`,
        `DELETE FROM first WHERE n < 100; UPDATE second SET v = 'changed' WHERE n % 7 = 0; DROP TABLE third CASCADE;
         SELECT nextval('counter'); SELECT lo_unlink(4711)`,
      );
      await world.sql('postgres', `CREATE DATABASE ${name}_changed TEMPLATE ${name}_kept`);
      await world.sql(
        `${name}_changed`,
        'CREATE TABLE surplus AS SELECT 1 AS a; DROP VIEW halves; INSERT INTO first VALUES (-1)',
      );
    }
  });

const become = async (world: World, name: string, side: Side): Promise<void> => {
  await world.sql('postgres', `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  await world.sql('postgres', `CREATE DATABASE ${name} TEMPLATE ${name}_${side}`);
};

/** As the oracle sees a database that has become a side. */
const seen = (world: World, name: string, side: Side): Promise<DatabaseFacts> =>
  world.once(`${name} ${side}`, async () => {
    await become(world, name, side);
    return world.capture(name);
  });

export const changedObjects = libraryOf('changed since', 12);
export const surplus = new Map(
  Array.from({ length: 6 }, (_, n) => [`folder 1/surplus-${n}.bin`, `surplus ${n}`] as const),
);
export const missing = 'folder 0/object-0.bin';

interface Stage {
  readonly source: Source;
  readonly file: string;
  readonly objects: readonly ObjectFact[];
  readonly before: ReadonlyMap<string, DatabaseFacts>;
  readonly after: ReadonlyMap<string, DatabaseFacts>;
}

/** Makes the live side one that the restore has to change. */
const prepare = async (world: World, setting: RestoreSetting): Promise<Stage> => {
  const source = await sourceOf(world, setting.from);
  const file = await source.file(setting.mover);
  const changed = setting.mode === 'in-place' ? 'kept' : 'changed';
  const [before, after] = [new Map<string, DatabaseFacts>(), new Map<string, DatabaseFacts>()];
  await dropKept(world);
  for (const name of setting.databases) {
    after.set(name, await seen(world, name, 'sealed'));
    before.set(name, await seen(world, name, changed));
    await become(world, name, changed);
  }
  if (setting.objects === undefined) return { source, file, before, after, objects: [] };
  const { library } = source;
  await fill(library, changedObjects);
  await fill(library, surplus);
  await library.remove(missing);
  return { source, file, before, after, objects: await library.facts() };
};

const keptDatabases = async (world: Pick<World, 'sql'>): Promise<string[]> =>
  (await world.sql('postgres', `SELECT datname FROM pg_database WHERE datname ~ '_before_[0-9a-f]{10}$' ORDER BY 1`))
    .split('\n')
    .filter(Boolean);

export const dropKept = async (world: Pick<World, 'sql'>): Promise<void> => {
  for (const name of await keptDatabases(world)) await world.sql('postgres', `DROP DATABASE "${name}"`);
};

export const isEqual = (before: DatabaseFacts, after: DatabaseFacts): boolean =>
  differences({ format: 1, database: before }, { format: 1, database: after }, { limit: 1 }).length === 0;

/** The one side on which all databases are; throws when they are between. */
const sideOf = async (world: World, { before, after }: Stage): Promise<'before' | 'after'> => {
  const sides = new Map<string, string>();
  for (const [name, wanted] of after) {
    const now = await world.capture(name);
    const old = before.get(name);
    if (isEqual(wanted, now)) sides.set(name, 'after');
    else if (old && isEqual(old, now)) sides.set(name, 'before');
    else {
      const lines = differences({ format: 1, database: wanted }, { format: 1, database: now }, { limit: 5 });
      throw new Error(`database ${name} is neither before nor after: ${lines.join('\n')}`);
    }
  }
  const distinct = new Set(sides.values());
  if (distinct.size > 1) throw new Error(`the databases are on two sides: ${JSON.stringify([...sides])}`);
  return distinct.has('before') ? 'before' : 'after';
};

/** Bytes of one key: now, before the restore, and in the backup; undefined where there are none. */
interface Bytes {
  readonly now: string | undefined;
  readonly old: string | undefined;
  readonly sealed: string | undefined;
}

interface Judgement {
  readonly isDone: boolean;
  readonly side: 'before' | 'after';
}

/** Every object is its old or its new bytes, and a surplus one goes only once the databases have changed. */
const isGood = ({ now, old, sealed }: Bytes, mode: 'merge' | 'mirror', { isDone, side }: Judgement): boolean => {
  if (sealed !== undefined) return now === sealed || (now === old && !isDone);
  const mayGo = mode === 'mirror' && side === 'after';
  return now === undefined ? mayGo : now === old && !(mayGo && isDone);
};

interface Objects {
  readonly now: readonly ObjectFact[];
  readonly old: readonly ObjectFact[];
  readonly sealed: readonly ObjectFact[];
}

export const judgeObjects = (facts: Objects, objects: 'merge' | 'mirror', judgement: Judgement): void => {
  const byKey = (list: readonly ObjectFact[]) => new Map(list.map(({ key, sha256 }) => [key, sha256]));
  const [now, old, sealed] = [byKey(facts.now), byKey(facts.old), byKey(facts.sealed)];
  const wrong = [...new Set([...now.keys(), ...old.keys(), ...sealed.keys()])].filter(
    (key) => !isGood({ now: now.get(key), old: old.get(key), sealed: sealed.get(key) }, objects, judgement),
  );
  const when = judgement.isDone ? 'the restore' : 'the kill';
  if (wrong.length > 0) throw new Error(`objects that ${when} left wrong: ${wrong.slice(0, 5).join('; ')}`);
};

const judgeStage = async ({ source, objects: old }: Stage, setting: RestoreSetting, done: Judgement): Promise<void> => {
  if (setting.objects === undefined) return;
  const { library, objects: sealed } = source;
  judgeObjects({ now: await library.facts(), old, sealed }, setting.objects, done);
};

const restoreArgs = ({ source, file }: Stage, setting: RestoreSetting): string[] => {
  const components = [...(setting.databases.length > 0 ? ['database'] : []), ...(setting.objects ? ['documents'] : [])];
  const what = ['--backup', source.backupId, '--components', components.join(',')];
  const how = ['--database-mode', setting.mode, '--objects-mode', setting.objects ?? 'merge'];
  const databases = setting.databases.flatMap((name) => ['--database', name]);
  return ['restore', '-f', file, '--json', '--confirm', 'prd', ...what, ...how, ...databases];
};

export const killRestore = async (world: World, setting: RestoreSetting, shot: Shot): Promise<string> => {
  const stage = await prepare(world, setting);
  const { storage, library } = stage.source;
  const sealed = await sealedFacts(storage);
  const args = restoreArgs(stage, setting);
  const folderOf = (): string | undefined =>
    storage.folder === undefined ? undefined : `${storage.folder}/${root}restores`;
  const hunted = await hunt(world, args, shot, folderOf);
  await world.quiet();
  requireClearEnd(hunted, shot);
  const { status, stderr } = hunted.result;
  const side = await sideOf(world, stage);
  if (status === 0 && side === 'before') throw new Error(`the restore ended with 0 and did nothing: ${stderr}`);
  await judgeStage(stage, setting, { isDone: status === 0, side });
  if (status !== 0) {
    await succeed(world, args);
    await world.quiet();
    if ((await sideOf(world, stage)) === 'before') throw new Error('the same restore again did nothing');
    await judgeStage(stage, setting, { isDone: true, side: 'after' });
  }
  await requireKept(world, setting);
  if (JSON.stringify(await sealedFacts(storage)) !== JSON.stringify(sealed))
    throw new Error('the backup that was restored is another one now');
  const left = [
    ...(await storage.unfinished()),
    ...(await library.unfinished()),
    ...(await world.leftInServer()),
    ...(await world.lab.leftBehind()),
  ];
  if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
  return `${hunted.hit ? 'in flight' : 'missed'}, ended ${status}`;
};

const sealedFacts = async (storage: Place): Promise<ObjectFact[]> =>
  (await storage.facts()).filter(({ key }) => !key.startsWith(`${root}restores/`));

/** A swap keeps what it replaced: one of each database, or two when a run died after its commit. Nothing else does. */
const requireKept = async (world: World, { mode, databases }: RestoreSetting): Promise<void> => {
  const kept = await keptDatabases(world);
  for (const name of databases) {
    const count = kept.filter((each) => each.startsWith(`${name}_before_`)).length;
    const good = mode === 'swap' ? count === 1 || count === 2 : count === 0;
    if (!good) throw new Error(`${count} databases are kept of ${name}: ${kept.join(', ')}`);
  }
};
