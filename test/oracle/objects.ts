// Every object of a library with its size and sha256, in the order of UTF-8 bytes: from a folder, or from a bucket
// or container of S3, Google Cloud Storage or Azure.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Dirent } from 'node:fs';
import { lstat, readFile, readdir, readlink } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { type AzblobLocation, getAzblob, listAzblob } from './azblob.ts';
import { byUtf8 } from './facts.ts';
import type { ObjectFact } from './facts.ts';
import { getGs, type GsLocation, listGs } from './gs.ts';
import { getObject, listKeys } from './s3.ts';
import type { S3Location } from './s3.ts';

const parallel = 16;
/** Up to this size a file is read at once: most are, and it is several times faster. */
const small = 1_048_576;

/** A file name is bytes; one that is no UTF-8 is named by its bytes, so that no two names become one. */
function keyOf(path: Buffer): string {
  const text = path.toString('utf8');
  return Buffer.from(text).equals(path) ? text : `bytes:${path.toString('hex')}`;
}

function joined(folder: Buffer, name: Buffer): Buffer {
  return folder.length === 0 ? name : Buffer.concat([folder, Buffer.from('/'), name]);
}

async function* walk(
  root: Buffer,
  folder: Buffer,
): AsyncGenerator<{ readonly entry: Dirent<Buffer>; readonly path: Buffer }> {
  const entries = await readdir(joined(root, folder), { withFileTypes: true, encoding: 'buffer' });
  for (const entry of entries) {
    const path = joined(folder, entry.name);
    if (entry.isDirectory()) yield* walk(root, path);
    else yield { entry, path };
  }
}

async function fileFact(root: Buffer, entry: Dirent<Buffer>, path: Buffer): Promise<ObjectFact> {
  const whole = joined(root, path);
  const hash = createHash('sha256');
  if (entry.isSymbolicLink()) {
    const target = await readlink(whole, { encoding: 'buffer' });
    return { key: keyOf(path), size: target.length, sha256: `link:${hash.update(target).digest('hex')}` };
  }
  if (!entry.isFile()) throw new Error(`${JSON.stringify(keyOf(path))} is neither a file nor a link`);
  const { size } = await lstat(whole);
  if (size > small) await pipeline(createReadStream(whole), hash);
  else hash.update(await readFile(whole));
  return { key: keyOf(path), size, sha256: hash.digest('hex') };
}

async function inParallel<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) results.push(await work(item));
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return results;
}

function inOrder(objects: readonly ObjectFact[]): ObjectFact[] {
  return [...objects].sort((a, b) => byUtf8(a.key, b.key));
}

/** Files below a folder. Empty folders are no objects. Links are recorded, not followed. */
export async function captureFiles(root: string): Promise<ObjectFact[]> {
  const found: { readonly entry: Dirent<Buffer>; readonly path: Buffer }[] = [];
  const base = Buffer.from(root);
  for await (const file of walk(base, Buffer.alloc(0))) found.push(file);
  return inOrder(await inParallel(found, ({ entry, path }) => fileFact(base, entry, path)));
}

async function captureAll(
  keys: AsyncIterable<string>,
  read: (key: string) => Promise<ObjectFact>,
): Promise<ObjectFact[]> {
  const all: string[] = [];
  for await (const key of keys) all.push(key);
  return inOrder(await inParallel(all, read));
}

/** Every object below `prefix`, read whole. Keys keep the prefix. */
export const captureS3 = (location: S3Location): Promise<ObjectFact[]> =>
  captureAll(listKeys(location), (key) => getObject(location, key));

export const captureGs = (location: GsLocation): Promise<ObjectFact[]> =>
  captureAll(listGs(location), (key) => getGs(location, key));

export const captureAzblob = (location: AzblobLocation): Promise<ObjectFact[]> =>
  captureAll(listAzblob(location), (key) => getAzblob(location, key));
