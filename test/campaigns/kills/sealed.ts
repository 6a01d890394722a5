// Whether a sealed backup is what it should be: judged from its stored bytes, without the product.
import { createHash } from 'node:crypto';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { differences } from '../../oracle/compare.ts';
import type { DatabaseFacts, ObjectFact } from '../../oracle/facts.ts';
import type { Place } from './place.ts';
import type { DatabaseSide } from './database-side.ts';

/** Of an environment, in its storage. */
export const root = 'retail/prd/';

interface StoredFile {
  readonly key: string;
  readonly digest: string;
}

interface Manifest {
  readonly backupId: string;
  readonly database?: {
    readonly globals: StoredFile;
    readonly dumps: readonly (StoredFile & { readonly database: string })[];
  };
  readonly objectStores: readonly { readonly inventory: readonly StoredFile[] }[];
}

export interface Sealed {
  readonly storage: Place;
  readonly stamp: string;
  /** All that is in the storage. */
  readonly stored: readonly ObjectFact[];
}

export interface Expected {
  readonly databases: ReadonlyMap<string, DatabaseFacts>;
  readonly library: readonly ObjectFact[];
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Throws the first thing that is wrong. */
export const judgeSealed = async (
  { restored }: Pick<DatabaseSide, 'restored'>,
  sealed: Sealed,
  expected: Expected,
): Promise<void> => {
  const { storage, stamp } = sealed;
  const text = (await storage.read(`${root}${stamp}/manifest.json`)).toString('utf8');
  const manifest = JSON.parse(text) as Manifest;
  const dumps = manifest.database?.dumps ?? [];
  const names = dumps.map(({ database }) => database).sort();
  if (names.join() !== [...expected.databases.keys()].sort().join())
    throw new Error(`the manifest has the databases ${names.join()}`);
  if (manifest.database) await readStored(storage, manifest.database.globals);
  for (const dump of dumps) {
    const stored = await readStored(storage, dump);
    const found = dump.key.endsWith('.gz')
      ? await restored(gunzipSync(stored), 'plain')
      : await restored(zstdDecompressSync(stored), 'custom');
    const wanted = expected.databases.get(dump.database);
    const lines = wanted
      ? differences({ format: 1, database: wanted }, { format: 1, database: found }, { renameDatabase: 'judge' })
      : [];
    if (lines.length > 0)
      throw new Error(`the dump of ${dump.database} is another database: ${lines.slice(0, 5).join('\n')}`);
  }
  await judgeObjects(sealed, manifest, expected.library);
};

const readStored = async (storage: Place, { key, digest }: StoredFile): Promise<Buffer> => {
  const bytes = await storage.read(`${root}${key}`);
  if (sha256(bytes) !== digest) throw new Error(`${key} is not what the manifest says`);
  return bytes;
};

const judgeObjects = async (
  { storage, stored: facts }: Sealed,
  manifest: Manifest,
  library: readonly ObjectFact[],
): Promise<void> => {
  const stored = new Map(facts.map((fact) => [fact.key, fact]));
  const lines: { key: string; size: number; at: string }[] = [];
  for (const { inventory } of manifest.objectStores)
    for (const part of inventory) {
      const text = zstdDecompressSync(await readStored(storage, part)).toString('utf8');
      lines.push(
        ...text
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line) as (typeof lines)[number]),
      );
    }
  const found = lines.map(({ key, size, at }) => `${key} ${size} ${stored.get(`${root}${at}`)?.sha256 ?? 'missing'}`);
  const wanted = library.map(({ key, size, sha256: digest }) => `${key} ${size} ${digest}`);
  const wrong = [
    ...wanted.filter((line) => !found.includes(line)).map((line) => `- ${line}`),
    ...found.filter((line) => !wanted.includes(line)).map((line) => `+ ${line}`),
  ];
  if (wrong.length > 0 || found.length !== wanted.length)
    throw new Error(`the backup holds other objects than the library: ${wrong.slice(0, 5).join('; ')}`);
};
