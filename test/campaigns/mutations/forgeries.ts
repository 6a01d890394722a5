// Changes of a clumsy attacker: something is changed, and the digests that stand in the way are made to fit.
import type { Random } from '../random.ts';
import { damaged, type Expected, type Restoring } from './expected.ts';
import { type Facts, type Line, type ManifestJson, manifestKey, type StoreEntry } from './facts.ts';
import type { Place } from './place.ts';
import { digestOf, type Json, type JsonObject, pack, seal, unpack } from './seal.ts';
import { newer } from './world.ts';

export interface ForgeryScene {
  readonly place: Place;
  readonly facts: Facts;
  readonly random: Random;
}

export type Forgery = (scene: ForgeryScene) => Promise<Expected>;

const noticed = (restoring: Restoring, ...problems: readonly string[]): Expected => ({
  listed: problems,
  full: problems,
  restoring,
});
const invalid = `MANIFEST_INVALID ${manifestKey}`;
const refused = noticed('refuses', invalid);
const unnoticed = (harmless: string): Expected => ({ listed: [], full: [], restoring: 'accepts', harmless });
const word = 'only the manifest knows it: who can write it anew can lie';

const readManifest = async (place: Place): Promise<ManifestJson> =>
  JSON.parse(String(await place.read(manifestKey))) as ManifestJson;

const forge =
  (change: (manifest: ManifestJson, scene: ForgeryScene) => Expected): Forgery =>
  async (scene) => {
    const manifest = await readManifest(scene.place);
    const expected = change(manifest, scene);
    await scene.place.write(manifestKey, seal(manifest));
    return expected;
  };

interface Spot {
  readonly of: JsonObject;
  readonly field: string;
  readonly expected: Expected;
}

const spotsOf = (manifest: ManifestJson): readonly Spot[] => {
  const sizes = manifest['sizes'] as JsonObject;
  const { dumps, globals } = manifest.database;
  const spot = (of: JsonObject, field: string, expected: Expected): Spot => ({ of, field, expected });
  return [
    ...['database', 'objects', 'copied'].map((field) => spot(sizes, field, refused)),
    ...dumps.flatMap((dump) => [
      spot(dump, 'size', refused),
      spot(dump['tables'] as JsonObject, dump.database === 'app' ? 'public.t' : 'public.u', {
        ...noticed('fails', damaged(dump.key)),
      }),
      spot(dump, 'connectionLimit', unnoticed(word)),
      spot(dump, 'bytes', unnoticed(word)),
    ]),
    spot(globals, 'size', noticed('accepts', damaged(globals.key))),
    ...manifest.objectStores.flatMap((store) => [
      ...['objectCount', 'bytes'].map((field) => spot(store, field, refused)),
      spot(store['excluded'] as JsonObject, 'count', unnoticed(word)),
      spot(store.deletedSincePoint, 'count', unnoticed(word)),
      ...store.inventory.flatMap((part) => [
        spot(part, 'objects', refused),
        spot(part, 'bytes', refused),
        spot(part, 'size', noticed('refuses', damaged(part.key))),
      ]),
      ...store.deletedSincePoint.parts.map((part) => spot(part, 'size', noticed('accepts', damaged(part.key)))),
    ]),
  ];
};

const number = forge((manifest, { random }) => {
  const { of, field, expected } = random.pick(spotsOf(manifest));
  of[field] = Math.max(0, Number(of[field]) + random.pick([1, 1000, 1]));
  return expected;
});

const dropReference = forge((manifest) => {
  const [store] = manifest.objectStores;
  if (store) store.references = [];
  return { ...noticed('accepts', invalid) };
});

const outside = forge((manifest, { random }) => {
  const entries = [...manifest.database.dumps, manifest.database.globals, ...manifest.objectStores.flatMap(partsOf)];
  const entry = random.pick(entries);
  entry.key = random.pick([
    '../../../../etc/passwd',
    '/etc/passwd',
    `${newer.stamp}/../../../outside`,
    entry.key.replace(newer.stamp, '20251108-010000'),
    entry.key.replace('/', '//'),
    'owner.json',
    `${newer.stamp}/run.json`,
  ]);
  return refused;
});

const partsOf = (store: StoreEntry): StoreEntry['inventory'] => [...store.inventory, ...store.deletedSincePoint.parts];

const exchangeDumps = forge(({ database: { dumps } }) => {
  const [a, b] = dumps;
  if (!a || !b) throw new Error('there are no two dumps');
  for (const field of ['key', 'digest', 'size', 'tables']) {
    const kept = a[field] as Json;
    a[field] = b[field] as Json;
    b[field] = kept;
  }
  return refused;
});

const listPartTwice = forge((manifest, { random }) => {
  const store = random.pick(manifest.objectStores);
  const index = random.int(store.inventory.length);
  const part = store.inventory[index];
  if (part) store.inventory.splice(index, 0, { ...part });
  mend(manifest);
  return refused;
});

const exchangeParts = forge((manifest) => {
  manifest.objectStores[0]?.inventory.reverse();
  return refused;
});

const otherTime = forge((manifest, { random }) => {
  const field = random.pick(['timestamp', 'backupId', 'environment', 'projectId']);
  manifest[field] = field === 'timestamp' ? '2025-11-08T01:00:00Z' : 'another';
  return refused;
});

/** The sums that the manifest has of its parts. */
const mend = (manifest: ManifestJson): void => {
  const sum = (list: readonly JsonObject[], field: string): number =>
    list.reduce((total, each) => total + Number(each[field]), 0);
  for (const store of manifest.objectStores) {
    store['objectCount'] = sum(store.inventory, 'objects');
    store['bytes'] = sum(store.inventory, 'bytes');
  }
  const sizes = manifest['sizes'] as JsonObject;
  sizes['objects'] = sum(manifest.objectStores, 'bytes');
  sizes['database'] = sum(manifest.database.dumps, 'size');
};

type LineChange = (lines: Line[], scene: ForgeryScene & { readonly part: string }) => Expected;

/** Changes the lines of a part and makes every digest and count fit. */
const forgeLines =
  (change: LineChange): Forgery =>
  async (scene) => {
    const manifest = await readManifest(scene.place);
    const store = scene.random.pick(manifest.objectStores);
    const part = scene.random.pick(store.inventory.filter(({ objects }) => Number(objects) > 2));
    const packed = await scene.place.read(part.key);
    if (!packed) throw new Error(`${part.key} is not there`);
    const lines = unpack(packed) as Line[];
    const expected = change(lines, { ...scene, part: part.key });
    const bytes = pack(lines);
    Object.assign(part, {
      digest: digestOf(bytes),
      size: bytes.byteLength,
      objects: lines.length,
      bytes: lines.reduce((sum, { size }) => sum + size, 0),
      first: lines[0]?.key ?? '',
      last: lines.at(-1)?.key ?? '',
    });
    mend(manifest);
    await scene.place.write(part.key, bytes);
    await scene.place.write(manifestKey, seal(manifest));
    return expected;
  };

const duplicateLine = forgeLines((lines, { random, part }) => {
  const index = random.int(lines.length);
  lines.splice(index, 0, ...lines.slice(index, index + 1));
  return noticed('refuses', damaged(part));
});

const reorderLines = forgeLines((lines, { random, part }) => {
  const index = 1 + random.int(lines.length - 1);
  lines.splice(index - 1, 0, ...lines.splice(index, 1));
  // Out of order at an edge, the part says something else than its neighbours, or than itself.
  return noticed('refuses', damaged(part));
});

const dropLine = forgeLines((lines, { random }) => {
  const [line] = lines.splice(random.int(lines.length), 1);
  if (!line) throw new Error('there is no line');
  return line.at.startsWith(newer.stamp) ? noticed('accepts', damaged(line.at)) : unnoticed(word);
});

const changeSize = forgeLines((lines, { random }) => {
  const index = random.int(lines.length);
  const line = lines[index];
  if (!line) throw new Error('there is no line');
  lines[index] = { ...line, size: line.size + 1 };
  return noticed('refuses', damaged(line.at));
});

const changeLineDigest = forgeLines((lines, { random }) => {
  const index = random.pick([...lines.keys()].filter((n) => lines[n]?.['digest'] !== undefined || n === 0));
  const line = lines[index];
  if (!line || line['digest'] === undefined) return unnoticed('copied by the store: it has no digest to change');
  lines[index] = { ...line, digest: 'f'.repeat(64) };
  return { listed: [], full: [damaged(line.at)], restoring: 'fails' };
});

const pointElsewhere = forgeLines((lines, { random, part }) => {
  const index = random.int(lines.length);
  const line = lines[index];
  const other = lines[(index + 1) % lines.length];
  if (!line || !other) throw new Error('there are no two lines');
  const at = random.pick([
    other.at,
    '../../../etc/passwd',
    '/etc/passwd',
    'owner.json',
    `${newer.stamp}/run.json`,
    line.at.replace('/objects/', '/objects/../objects/'),
    `${line.at}/../x`,
    line.at.replace(/\/objects\/[^/]+\//u, '/objects/nobody/'),
  ]);
  lines[index] = { ...line, at };
  return noticed('refuses', damaged(part));
});

const breakPart: Forgery = async ({ place, random }) => {
  const manifest = await readManifest(place);
  const part = random.pick(manifest.objectStores.flatMap(({ inventory }) => inventory));
  const packed = (await place.read(part.key)) ?? Buffer.alloc(0);
  const bytes = random.pick([packed.subarray(0, packed.length - 3), Buffer.from('no zstd'), Buffer.alloc(0)]);
  Object.assign(part, { digest: digestOf(bytes), size: bytes.byteLength });
  await place.write(part.key, bytes);
  await place.write(manifestKey, seal(manifest));
  return noticed('refuses', damaged(part.key));
};

const breakDump: Forgery = async ({ place, random }) => {
  const manifest = await readManifest(place);
  const [a, b] = random.shuffle(manifest.database.dumps);
  if (!a || !b) throw new Error('there are no two dumps');
  const [mine, theirs] = [await place.read(a.key), await place.read(b.key)];
  if (!mine || !theirs) throw new Error('a dump is not there');
  const bytes = random.pick([mine.subarray(0, mine.length - random.between(1, 400)), theirs, Buffer.alloc(0)]);
  Object.assign(a, { digest: digestOf(bytes), size: bytes.byteLength });
  mend(manifest);
  await place.write(a.key, bytes);
  await place.write(manifestKey, seal(manifest));
  return noticed('fails', damaged(a.key));
};

export const forgeries = {
  'a number': number,
  'no references': dropReference,
  'a key elsewhere': outside,
  'two dumps exchanged': exchangeDumps,
  'a part listed twice': listPartTwice,
  'parts in another order': exchangeParts,
  'another name or time': otherTime,
  'a line twice': duplicateLine,
  'lines in another order': reorderLines,
  'a line less': dropLine,
  'a size of a line': changeSize,
  'a digest of a line': changeLineDigest,
  'a line that points elsewhere': pointElsewhere,
  'a part that is none': breakPart,
  'a dump that is none': breakDump,
} as const satisfies Readonly<Record<string, Forgery>>;
