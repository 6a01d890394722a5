// What each stored file is, said by the layout that the documentation gives and by the lists in the backup itself.
import type { Place } from './place.ts';
import { type JsonObject, unpack } from './seal.ts';
import { newer, older } from './world.ts';

export const kinds = [
  'manifest.json',
  'run.json',
  'steps/*.json',
  'draft of an attempt',
  'dump',
  'globals',
  'inventory part',
  'list of deleted objects',
  'object',
  'object under a made name',
  'object of an older backup',
  'empty object',
  'object in parts',
  'file of a dead attempt',
  'owner.json',
  'older backup, not referred to',
] as const;
export type Kind = (typeof kinds)[number];

export interface Line extends JsonObject {
  readonly key: string;
  readonly at: string;
  readonly size: number;
}

export interface Facts {
  readonly manifest: JsonObject;
  /** Of both stores, by where the bytes are. */
  readonly lines: ReadonlyMap<string, Line>;
  readonly keys: readonly string[];
  kindOf(key: string): Kind | undefined;
  of(kind: Kind): readonly string[];
}

export const manifestKey = `${newer.stamp}/manifest.json`;

type Entry = JsonObject & { key: string };
export type StoreEntry = JsonObject & {
  name: string;
  inventory: Entry[];
  deletedSincePoint: { parts: Entry[] };
  references: string[];
};
export type ManifestJson = JsonObject & {
  database: JsonObject & { dumps: (Entry & { database: string })[]; globals: Entry };
  objectStores: StoreEntry[];
  leftovers: string[];
};

export const readFacts = async (place: Place): Promise<Facts> => {
  const bytesOf = async (key: string): Promise<Buffer> => {
    const bytes = await place.original(key);
    if (!bytes) throw new Error(`${key} is not there`);
    return bytes;
  };
  const manifest = JSON.parse(String(await bytesOf(manifestKey))) as ManifestJson;
  const lines = new Map<string, Line>();
  const known = new Map<string, Kind>([
    [manifestKey, 'manifest.json'],
    [`${newer.stamp}/run.json`, 'run.json'],
    ['owner.json', 'owner.json'],
    [manifest.database.globals.key, 'globals'],
  ]);
  for (const { key } of manifest.database.dumps) known.set(key, 'dump');
  for (const key of manifest.leftovers) known.set(key, 'file of a dead attempt');
  for (const store of manifest.objectStores) {
    for (const { key } of store.deletedSincePoint.parts) known.set(key, 'list of deleted objects');
    for (const { key } of store.inventory) {
      known.set(key, 'inventory part');
      for (const line of unpack(await bytesOf(key)) as Line[]) {
        lines.set(line.at, line);
        known.set(line.at, kindOfObject(line));
      }
    }
  }
  const keys = await place.keys();
  const kindOf = (key: string): Kind | undefined => known.get(key) ?? kindByPath(key);
  return { manifest, lines, keys, kindOf, of: (kind) => keys.filter((key) => kindOf(key) === kind) };
};

const kindOfObject = ({ at, size, key }: Line): Kind => {
  if (size === 0) return 'empty object';
  if (key.startsWith('parts/')) return 'object in parts';
  if (at.startsWith(older.stamp)) return 'object of an older backup';
  return /\/~[0-9a-f]{2}\/[0-9a-f]{62}$/u.test(at) ? 'object under a made name' : 'object';
};

const kindByPath = (key: string): Kind | undefined => {
  if (key.startsWith(`${older.stamp}/`)) return 'older backup, not referred to';
  if (new RegExp(`^${newer.stamp}/steps/[^/]+\\.json$`, 'u').test(key)) return 'steps/*.json';
  return key.startsWith(`${newer.stamp}/steps/`) ? 'draft of an attempt' : undefined;
};
