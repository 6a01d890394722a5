// What docs/explanation/consistency.md promises of a backup that was made while the application worked.
import { zstdDecompressSync } from 'node:zlib';
import type { Place } from './place.ts';
import type { Sealing, Stage } from './restores.ts';
import { type Log, restoredRows, writerPrefix } from './writer.ts';

interface Pair {
  readonly stage: Stage;
  readonly sealing: Sealing;
  readonly storage: Place;
  readonly log: Log;
  /** Restored from the backup, beside the target. */
  readonly database: string;
}

/** Digests by key. */
type Digests = ReadonlyMap<string, string>;

/**
 * Every row has its document, but for what was deleted after the point and before transfer came to it. What was deleted
 * later is in the backup, and named as deleted since the point. Returns how many fell into that gap.
 */
export const assertConsistent = async (pair: Pair): Promise<number> => {
  const { stage, log, database } = pair;
  const rows = await restoredRows(stage.world.source, database);
  const documents = new Map((await stage.target.capture()).map(({ key, sha256 }) => [key, sha256]));
  for (const key of log.steady) if (!rows.has(key)) wrong('a row that stood all the time is missing', key);
  for (const key of log.gone) if (rows.has(key)) wrong('a row that was gone before is there', key);
  for (const [key, digest] of documents)
    if (key.startsWith(writerPrefix) && log.documents.get(key)?.digest !== digest)
      wrong('a document is not what was written', key);
  await assertNamed(pair, documents);
  return assertGap(pair, rows, documents);
};

const wrong = (what: string, key: string): never => {
  throw new Error(`${what}: ${JSON.stringify(key)}`);
};

const rootOf = ({ environments }: Stage): string => `retail/${environments.live}`;

interface Manifest {
  readonly objectStores: readonly {
    readonly deletedSincePoint: { readonly parts: readonly { readonly key: string }[] };
  }[];
}

const assertNamed = async ({ stage, sealing, storage, log }: Pair, documents: Digests): Promise<void> => {
  const { lab, file, environments } = stage;
  const manifest = await lab.json<Manifest>('show', sealing.id, '-f', file, '-e', environments.live);
  for (const { key } of manifest.objectStores.flatMap(({ deletedSincePoint }) => deletedSincePoint.parts)) {
    const lines = zstdDecompressSync(await storage.read(`${rootOf(stage)}/${key}`)).toString('utf8');
    for (const line of lines.split('\n').filter(Boolean)) {
      const { key: named } = JSON.parse(line) as { key: string };
      if (log.documents.get(named)?.removed === undefined)
        wrong('deletedSincePoint names what was never deleted', named);
      if (!documents.has(named)) wrong('deletedSincePoint names what is not in the backup', named);
    }
  }
};

const assertGap = async (
  { stage, sealing, storage, log }: Pair,
  rows: Digests,
  documents: Digests,
): Promise<number> => {
  const ended = (step: string): Promise<number> =>
    storage.writtenBefore(`${rootOf(stage)}/${sealing.id.slice(-15)}/steps/${step}.json`);
  const [transferred, caughtUp] = [await ended('transfer'), await ended('catch-up')];
  const lonely = [...rows].filter(([key, digest]) => documents.get(key) !== digest).map(([key]) => key);
  for (const key of lonely) {
    const { removed } = log.documents.get(key) ?? {};
    if (removed === undefined) wrong('a row has no document, though that was never deleted', key);
    else if (removed > (log.early.has(key) ? transferred : caughtUp))
      wrong('a row has no document, though that was deleted after it was transferred', key);
  }
  return lonely.length;
};
