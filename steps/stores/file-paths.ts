import type { BigIntStats } from 'node:fs';
import { lstat, mkdir, open, readdir, realpath, rmdir } from 'node:fs/promises';
import { Lc2Error } from '../../core/errors.ts';
import { utf8Length } from '../../core/utf8.ts';
import { errnoOf, linkError } from './file-errors.ts';

/** Working files that stand beside what they will become. Never listed, refused as keys. */
export const temporaryPrefix = '.lc2-tmp-';

const segmentBytes = 255;
/** PATH_MAX with its final NUL, less room for the name of a working file. */
const pathBytes = 4095 - 48;

/** Where the keys of one store are on the disk. */
export interface FilePlace {
  /** The location itself; made by the first put. */
  readonly root: string;
  /** Root with the subfolder: keys are relative to it. */
  readonly base: string;
  readonly url: string;
}

export const holdsKey = (place: FilePlace, key: string): boolean => {
  if (!key.isWellFormed() || key.includes('\0') || utf8Length(place.base) + 1 + utf8Length(key) > pathBytes)
    return false;
  return key
    .split('/')
    .every(
      (part) =>
        part !== '' &&
        part !== '.' &&
        part !== '..' &&
        utf8Length(part) <= segmentBytes &&
        !part.startsWith(temporaryPrefix),
    );
};

export const pathOf = (place: FilePlace, key: string): string =>
  place.base === '/' ? `/${key}` : `${place.base}/${key}`;

export const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';

export const versionOf = (stats: BigIntStats): string => `${stats.size}-${stats.mtimeNs}-${stats.ctimeNs}-${stats.ino}`;

export const kindOf = (stats: { isSymbolicLink(): boolean; isFIFO(): boolean; isSocket(): boolean }): string => {
  if (stats.isSymbolicLink()) return 'a symbolic link';
  if (stats.isFIFO()) return 'a named pipe';
  return stats.isSocket() ? 'a socket' : 'a device';
};

/** Real path of the root, so that a link above it is fine and one below it is found. Undefined: there is no root. */
const realRoot = async (place: FilePlace): Promise<string | undefined> => {
  try {
    return await realpath(place.root);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
};

export const missingRoot = (place: FilePlace): Lc2Error =>
  new Lc2Error('STORE_NOT_FOUND', 'the folder does not exist', { where: place.root });

/**
 * Makes sure that no folder on the way to `folder` is a link. False: the folder is not there (or a file is in its way).
 * STORE_NOT_FOUND without a root.
 */
export const isOwnFolder = async (place: FilePlace, folder: string): Promise<boolean> => {
  const root = await realRoot(place);
  if (root === undefined) throw missingRoot(place);
  let real: string;
  try {
    real = await realpath(folder);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return false;
    if (errno === 'ELOOP') throw linkError('a symbolic link', folder);
    throw error;
  }
  const below = place.root === '/' ? folder : folder.slice(place.root.length);
  const expected = `${root === '/' ? '' : root}${below}` || '/';
  if (real !== expected) throw linkError('a symbolic link', folder);
  return true;
};

/** Makes the folders down to `folder`, the root included, whose own parent must exist. */
export const makeFolders = async (place: FilePlace, folder: string): Promise<void> => {
  if ((await realRoot(place)) === undefined) {
    await mkdir(place.root).catch((error: unknown) => {
      const errno = errnoOf(error);
      if (errno === 'ENOENT' || errno === 'ENOTDIR') throw missingRoot(place);
      if (errno !== 'EEXIST') throw error;
    });
    await syncFolder(folderOf(place.root));
  }
  let path = place.root === '/' ? '' : place.root;
  for (const part of folder.slice(path.length).split('/').filter(Boolean)) {
    path = `${path}/${part}`;
    await makeFolder(path);
  }
};

const makeFolder = async (path: string): Promise<void> => {
  try {
    await mkdir(path);
    await syncFolder(folderOf(path));
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== 'EEXIST' && errno !== 'ENOTDIR') throw error;
    const stats = await lstat(path);
    if (stats.isSymbolicLink()) throw linkError('a symbolic link', path);
    if (stats.isDirectory()) return;
    throw new Lc2Error('KEY_UNSUPPORTED', 'a file is where the key needs a folder', { where: path });
  }
};

/** Makes names in a folder survive a power cut. */
export const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems cannot; they are durable by their own rules.
    if (errnoOf(error) !== 'EINVAL') throw error;
  } finally {
    await handle.close();
  }
};

/** Removes a folder that holds nothing but empty folders; false when a file is in it. */
export const removeEmptyFolder = async (folder: string): Promise<boolean> => {
  try {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (!entry.isDirectory() || !(await removeEmptyFolder(`${folder}/${entry.name}`))) return false;
    }
    await rmdir(folder);
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') return true;
    if (errno === 'ENOTEMPTY' || errno === 'EEXIST') return false;
    throw error;
  }
};
