// What backups of a case go from and to, and what holds for storage whoever dies.
import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseFacts, ObjectFact } from '../../oracle/facts.ts';
import { createDatabase, createLargeDatabase, libraryOf } from './data.ts';
import type { DatabaseSide } from './database-side.ts';
import type { Place } from './place.ts';
import { root } from './sealed.ts';

export interface Scene {
  readonly file: string;
  readonly storage: Place;
  readonly library: Place | undefined;
  readonly databases: ReadonlyMap<string, DatabaseFacts>;
  /** Backups have a second of their own. */
  started: number;
  runs: number;
}

/** Keeps what is made between the cases of a world. */
export interface Keeper {
  once<T>(name: string, make: () => Promise<T>): Promise<T>;
}

/** A storage is left after so many backups: every one of them is read in every case. */
const runsPerStorage = 10;

/** The scene of this name; every few cases with a storage of its own, which `make` gets the number of. */
export const sceneFor = async (
  keeper: Keeper,
  name: string,
  make: (number: number) => Promise<Scene>,
): Promise<Scene> => {
  const slot = await keeper.once(`backup scene ${name}`, async () => ({ number: 0, scene: await make(0) }));
  if (slot.scene.runs >= runsPerStorage) {
    slot.number++;
    slot.scene = await make(slot.number);
  }
  slot.scene.runs++;
  return slot.scene;
};

/** Databases of these names, made on first use, as the oracle sees them. */
export const captured = async (
  side: Keeper & DatabaseSide,
  names: readonly string[],
): Promise<Map<string, DatabaseFacts>> => {
  const found = new Map<string, DatabaseFacts>();
  for (const name of names) {
    const make = name === 'large' ? createLargeDatabase : createDatabase;
    await side.once(`database ${name}`, () => make(side, name));
    found.set(name, await side.once(`capture ${name}`, () => side.capture(name)));
  }
  return found;
};

/** Each backup finds some objects changed, one new and one gone since the last. */
export const change = async ({ library, runs }: Scene): Promise<ObjectFact[]> => {
  if (library === undefined) return [];
  const keys = [...libraryOf('').keys()].filter((_, index) => index % 4 === runs % 4);
  for (const key of keys) await library.put(key, `run ${runs} of ${key};`.repeat(key.length % 2 === 0 ? 40 : 3000));
  await library.put(`new/${runs}.bin`, `new in run ${runs}`);
  await library.remove(`new/${runs - 2}.bin`);
  return library.facts();
};

export const ownSecond = async (scene: Scene): Promise<void> => {
  while (Math.floor(Date.now() / 1000) <= Math.floor(scene.started / 1000)) await sleep(10);
  scene.started = Date.now();
};

export const stampOf = (stderr: string): string | undefined => /retail-prd-backup-(\d{8}-\d{6})/.exec(stderr)?.[1];

const isSeal = (key: string): boolean => key.endsWith('/manifest.json');

/** Every file of a folder that was sealed is what it was. */
export const requireUnchanged = (before: readonly ObjectFact[], after: readonly ObjectFact[]): void => {
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

export const stampsIn = (facts: readonly ObjectFact[]): Set<string> =>
  new Set(facts.flatMap(({ key }) => /^retail\/prd\/(\d{8}-\d{6})\//.exec(key)?.[1] ?? []));

export const isSealed = (facts: readonly ObjectFact[], stamp: string): boolean =>
  facts.some(({ key }) => key === `${root}${stamp}/manifest.json`);

/** Folders without a seal. */
export const unsealedIn = (facts: readonly ObjectFact[]): string[] =>
  [...stampsIn(facts)].filter((stamp) => !isSealed(facts, stamp)).map((stamp) => `unsealed ${stamp}`);
