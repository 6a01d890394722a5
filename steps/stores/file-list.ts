import { isUtf8 } from 'node:buffer';
import type { BigIntStats, Dirent } from 'node:fs';
import { lstat, readdir, unlink } from 'node:fs/promises';
import { Lc2Error } from '../../core/errors.ts';
import type { ObjectInfo } from '../../core/ports/object-store.ts';
import { compareUtf8 } from '../../core/utf8.ts';
import { isAlive } from '../runtime/process.ts';
import { throwIfCancelled } from './bodies.ts';
import { errnoOf, linkError } from './file-errors.ts';
import { type FilePlace, isOwnFolder, kindOf, missingRoot, temporaryPrefix, versionOf } from './file-paths.ts';

export interface WalkOptions {
  readonly prefix: string;
  readonly startAfter?: string | undefined;
  readonly signal: AbortSignal;
}

interface Entry {
  /** Key of a file; of a folder with a final slash, which is what its place in the order is. */
  readonly key: string;
  readonly isFolder: boolean;
  readonly order: Buffer;
}

/** How many files are looked at together. */
const batch = 64;
const slash = Buffer.from('/');

/** Files as objects, in the order of the UTF-8 bytes of their keys; one folder's names at a time are in memory. */
export async function* listFiles(place: FilePlace, options: WalkOptions): AsyncGenerator<ObjectInfo, void, undefined> {
  // A prefix that no name can hold lists nothing.
  if (options.prefix.includes('\0')) return;
  const start = options.prefix.slice(0, options.prefix.lastIndexOf('/') + 1);
  if (!(await canEnter(place, start))) return;
  yield* walk(place, start, options);
}

/** Whether the folder that a prefix names is there, and is no link. */
const canEnter = async (place: FilePlace, folder: string): Promise<boolean> => {
  const segments = folder.split('/').slice(0, -1);
  const isNormal = segments.every(
    (part) => part !== '' && part !== '.' && part !== '..' && Buffer.byteLength(part) <= 255,
  );
  if (!isNormal) {
    if (await isOwnFolder(place, place.base)) return false;
    return false;
  }
  return isOwnFolder(place, [place.base === '/' ? '' : place.base, ...segments].join('/') || '/');
};

async function* walk(
  place: FilePlace,
  folder: string,
  options: WalkOptions,
): AsyncGenerator<ObjectInfo, void, undefined> {
  const entries = await readEntries(place, folder, options);
  for (let at = 0; at < entries.length;) {
    throwIfCancelled(options.signal);
    const entry = entries[at];
    if (entry === undefined) return;
    if (entry.isFolder) {
      yield* walk(place, entry.key, options);
      at++;
      continue;
    }
    const files: Entry[] = [];
    for (let next = entries[at]; next !== undefined && !next.isFolder && files.length < batch; next = entries[++at])
      files.push(next);
    for (const info of await Promise.all(files.map(({ key }) => infoOf(place, key))))
      if (info !== undefined) yield info;
  }
}

const pathTo = (place: FilePlace, key: string): string => `${place.base === '/' ? '' : place.base}/${key}`;

const infoOf = async (place: FilePlace, key: string): Promise<ObjectInfo | undefined> => {
  const path = pathTo(place, key);
  try {
    return toInfo(key, await lstat(path, { bigint: true }), path);
  } catch (error) {
    // Deleted since its folder was read.
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
};

/** Undefined for a folder. Anything but a file is an error that names it. */
export const toInfo = (key: string, stats: BigIntStats, path: string): ObjectInfo | undefined => {
  if (stats.isDirectory()) return undefined;
  if (!stats.isFile()) throw linkError(kindOf(stats), path);
  return {
    key,
    size: Number(stats.size),
    mtime: new Date(Number(stats.mtimeMs)).toISOString(),
    version: versionOf(stats),
  };
};

const readFolder = async (place: FilePlace, folder: string): Promise<Dirent<Buffer>[]> => {
  try {
    return await readdir(pathTo(place, folder), { withFileTypes: true, encoding: 'buffer' });
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== 'ENOENT' && errno !== 'ENOTDIR') throw error;
    // The root vanished: a listing that was cut short must not look complete.
    if (!(await isOwnFolder(place, place.base)) && folder !== '') throw missingRoot(place);
    return [];
  }
};

const readEntries = async (place: FilePlace, folder: string, options: WalkOptions): Promise<Entry[]> => {
  const entries: Entry[] = [];
  for (const dirent of await readFolder(place, folder)) {
    const name = dirent.name.toString('utf8');
    const isFolder = dirent.isDirectory();
    const key = `${folder}${name}${isFolder ? '/' : ''}`;
    if (name.startsWith(temporaryPrefix) || !isWanted(key, isFolder, options)) continue;
    if (!isUtf8(dirent.name)) throw badName(place, `${folder}${name}`);
    if (!isFolder && !dirent.isFile()) throw linkError(kindOf(dirent), pathTo(place, key));
    entries.push({ key, isFolder, order: isFolder ? Buffer.concat([dirent.name, slash]) : dirent.name });
  }
  return entries.sort((a, b) => Buffer.compare(a.order, b.order));
};

const badName = (place: FilePlace, name: string): Lc2Error =>
  new Lc2Error('KEY_UNSUPPORTED', 'the name of a file is not UTF-8', {
    where: `${place.url}/${name}`,
    remedy: 'rename the file or leave it out by prefix',
  });

const isWanted = (key: string, isFolder: boolean, { prefix, startAfter }: WalkOptions): boolean => {
  if (!key.startsWith(prefix) && !(isFolder && prefix.startsWith(key))) return false;
  if (startAfter === undefined || compareUtf8(key, startAfter) > 0) return true;
  return isFolder && startAfter.startsWith(key);
};

/** A working file whose writer still lives is not left. */
const isLeft = (name: string): boolean => {
  if (!name.startsWith(temporaryPrefix)) return false;
  const writer = /^(\d+)-/.exec(name.slice(temporaryPrefix.length))?.[1];
  return writer === undefined || !isAlive(Number(writer));
};

/** Removes working files of dead writers in the folders below a prefix; returns how many. */
export const removeTemporaries = async (place: FilePlace, options: WalkOptions): Promise<number> => {
  const start = options.prefix.slice(0, options.prefix.lastIndexOf('/') + 1);
  return (await canEnter(place, start)) ? sweep(place, start, options) : 0;
};

const sweep = async (place: FilePlace, folder: string, options: WalkOptions): Promise<number> => {
  let count = 0;
  for (const dirent of await readFolder(place, folder)) {
    throwIfCancelled(options.signal);
    const name = dirent.name.toString('utf8');
    const key = `${folder}${name}`;
    if (dirent.isDirectory() && isUtf8(dirent.name) && isWanted(`${key}/`, true, options))
      count += await sweep(place, `${key}/`, options);
    else if (dirent.isFile() && isLeft(name) && folder.startsWith(options.prefix)) {
      await unlink(pathTo(place, key)).catch((error: unknown) => {
        if (errnoOf(error) !== 'ENOENT') throw error;
      });
      count++;
    }
  }
  return count;
};
