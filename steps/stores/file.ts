import { randomBytes } from 'node:crypto';
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, link, lstat, open, rename, unlink } from 'node:fs/promises';
import { Lc2Error } from '../../core/errors.ts';
import type { ByteRange, ObjectBody, ObjectInfo, ObjectStore, PutOptions } from '../../core/ports/object-store.ts';
import { file as descriptor } from '../../core/stores/file.ts';
import { chunksOf, closable, throwIfCancelled } from './bodies.ts';
import { errnoOf, fileError, linkError } from './file-errors.ts';
import { listFiles, removeTemporaries, toInfo } from './file-list.ts';
import {
  type FilePlace,
  folderOf,
  holdsKey,
  isOwnFolder,
  makeFolders,
  pathOf,
  removeEmptyFolder,
  syncFolder,
  temporaryPrefix,
  versionOf,
} from './file-paths.ts';
import type { AdapterOptions } from './store-options.ts';

const readSize = 1024 * 1024;
/** O_NONBLOCK: opening a named pipe that has no writer would wait for ever. */
const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** A folder of this machine. Links below it are never followed; every write is durable when it returns. */
export const openFileStore = (options: AdapterOptions): Promise<ObjectStore> => {
  const { parsed, url, signal, subfolder } = options;
  const root = parsed.prefix;
  const base = subfolder === undefined || subfolder === '' ? root : `${root === '/' ? '' : root}/${subfolder}`;
  const place: FilePlace = { root, base, url };
  const guard = async <T>(key: string, call: () => Promise<T>): Promise<T> => {
    throwIfCancelled(signal);
    try {
      return await call();
    } catch (error) {
      throw fileError(error, whereIs(place, key));
    }
  };
  return Promise.resolve({
    url,
    capabilities: {
      contentChecksums: descriptor.contentChecksums,
      metadata: descriptor.metadata,
      ownUploads: descriptor.ownUploads,
    },
    holds: (key) => holdsKey(place, key),
    list: async function* ({ prefix = '', startAfter } = {}) {
      throwIfCancelled(signal);
      try {
        yield* listFiles(place, { prefix, startAfter, signal });
      } catch (error) {
        throw fileError(error, whereIs(place, prefix));
      }
    },
    head: (key) => guard(key, () => headFile(place, key)),
    get: (key, options = {}) => guard(key, () => getFile({ place, key, signal, ...options })),
    put: (key, body, options = {}) => guard(key, () => putFile({ place, key, body, signal, options })),
    delete: async (keys) => {
      for (const key of keys) await guard(key, () => deleteFile(place, key));
    },
    abortUploads: (prefix) => guard(prefix, () => removeTemporaries(place, { prefix, signal })),
    time: () => guard('', () => timeOf(place)),
    close: () => Promise.resolve(),
  });
};

const whereIs = (place: FilePlace, key: string): string => `${place.url}/${key}`;

const headFile = async (place: FilePlace, key: string): Promise<ObjectInfo | undefined> => {
  if (!(await isReachable(place, key))) return undefined;
  try {
    const path = pathOf(place, key);
    return toInfo(key, await lstat(path, { bigint: true }), path);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
};

const isAbsent = (error: unknown): boolean => errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR';

/** False: no such folder, or a key that no file can have. */
const isReachable = async (place: FilePlace, key: string): Promise<boolean> => {
  const held = holdsKey(place, key);
  return (await isOwnFolder(place, held ? folderOf(pathOf(place, key)) : place.base)) && held;
};

interface GetTask {
  readonly place: FilePlace;
  readonly key: string;
  readonly signal: AbortSignal;
  readonly version?: string;
  readonly range?: ByteRange;
}

const getFile = async (task: GetTask): Promise<ObjectBody> => {
  const { place, key } = task;
  const gone = () => new Lc2Error('OBJECT_NOT_FOUND', 'there is no such object', { where: whereIs(place, key) });
  if (!(await isReachable(place, key))) throw gone();
  const path = pathOf(place, key);
  let handle: FileHandle;
  try {
    handle = await open(path, readFlags);
  } catch (error) {
    if (isAbsent(error)) throw gone();
    // A socket cannot be opened at all.
    if (errnoOf(error) === 'ELOOP' || errnoOf(error) === 'ENXIO') throw linkError('a link or socket', path);
    throw error;
  }
  try {
    const stats = await handle.stat({ bigint: true });
    const info = toInfo(key, stats, path);
    if (info === undefined) throw gone();
    if (task.version !== undefined && task.version !== info.version) throw changed(task);
    return { info, bytes: closable(readFile(task, handle, stats), () => handle.close()) };
  } catch (error) {
    await handle.close();
    throw error;
  }
};

const changed = ({ place, key }: GetTask): Lc2Error =>
  new Lc2Error('OBJECT_CHANGED', 'the object is no longer the version that was listed', { where: whereIs(place, key) });

async function* readFile(
  task: GetTask,
  handle: FileHandle,
  before: BigIntStats,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    const size = Number(before.size);
    const end = Math.min(size, (task.range?.last ?? size - 1) + 1);
    for (let position = task.range?.first ?? 0; position < end;) {
      throwIfCancelled(task.signal);
      const chunk = Buffer.allocUnsafe(Math.min(readSize, end - position));
      const { bytesRead } = await handle.read(chunk, 0, chunk.byteLength, position);
      if (bytesRead === 0) break;
      position += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
    const after = await handle.stat({ bigint: true });
    // A file that was replaced while it was read is still whole; one that was written into is not.
    const isTorn = after.size !== before.size || after.mtimeNs !== before.mtimeNs;
    if (isTorn || (task.version !== undefined && versionOf(after) !== task.version)) throw changed(task);
  } catch (error) {
    throw fileError(error, whereIs(task.place, task.key));
  } finally {
    await handle.close();
  }
}

interface PutTask {
  readonly place: FilePlace;
  readonly key: string;
  readonly body: Uint8Array | AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
  readonly options: PutOptions;
}

const temporaryIn = (folder: string): string =>
  `${folder}/${temporaryPrefix}${process.pid}-${randomBytes(12).toString('hex')}`;

const putFile = async (task: PutTask): Promise<ObjectInfo> => {
  const { place, key } = task;
  if (!holdsKey(place, key)) {
    throw new Lc2Error('KEY_UNSUPPORTED', 'a folder cannot hold this key', { where: whereIs(place, key) });
  }
  const path = pathOf(place, key);
  const temporary = temporaryIn(folderOf(path));
  const handle = await createTemporary(place, temporary);
  let named = false;
  try {
    await writeBody(task, handle);
    await handle.sync();
    throwIfCancelled(task.signal);
    named = await publish(task, temporary, path);
    const info = toInfo(key, await handle.stat({ bigint: true }), path);
    if (info === undefined) throw new Lc2Error('BUG', 'a new file is a folder', { where: path });
    return info;
  } finally {
    await handle.close();
    if (!named) await unlink(temporary).catch(() => undefined);
  }
};

/** The clock of the file system, which is not always this machine's. */
const timeOf = async (place: FilePlace): Promise<string> => {
  const temporary = temporaryIn(place.base);
  const handle = await createTemporary(place, temporary);
  try {
    return (await handle.stat()).mtime.toISOString();
  } finally {
    await handle.close();
    await unlink(temporary);
  }
};

/** Another writer may remove a folder as empty between our making it and our using it. */
const createTemporary = async (place: FilePlace, temporary: string): Promise<FileHandle> => {
  const folder = folderOf(temporary);
  for (let attempt = 1; ; attempt++) {
    try {
      if (!(await isOwnFolder(place, folder).catch(isMissing))) await makeFolders(place, folder);
      return await open(temporary, 'wx', 0o666);
    } catch (error) {
      // A file stands where a folder should be: making the folder says so.
      if (errnoOf(error) === 'ENOTDIR') await makeFolders(place, folder);
      if (!isAbsent(error) || attempt === 5) throw error;
    }
  }
};

const isMissing = (error: unknown): false => {
  if (error instanceof Lc2Error && error.code === 'STORE_NOT_FOUND') return false;
  throw error;
};

const writeBody = async (task: PutTask, handle: FileHandle): Promise<void> => {
  const { body, signal, options, place, key } = task;
  for await (const chunk of chunksOf(body, { signal, size: options.size, where: whereIs(place, key) })) {
    for (let written = 0; written < chunk.byteLength;) {
      const { bytesWritten } = await handle.write(chunk, written, chunk.byteLength - written);
      written += bytesWritten;
    }
  }
};

/** Gives the finished file its name, durably. True: nothing is left under the temporary name. */
const publish = async (task: PutTask, temporary: string, path: string): Promise<boolean> => {
  const { createOnly = false } = task.options;
  for (let attempt = 1; ; attempt++) {
    try {
      if (createOnly) {
        await link(temporary, path);
        await unlink(temporary);
      } else await rename(temporary, path);
      await syncFolder(folderOf(path));
      return true;
    } catch (error) {
      const isTaken = ['EEXIST', 'EISDIR', 'ENOTEMPTY'].includes(errnoOf(error) ?? '');
      if (!isTaken || attempt === 5) throw error;
      await makeRoom(task, path);
    }
  }
};

/** An empty folder of the key's name gives way; anything else stays. */
const makeRoom = async ({ place, key }: PutTask, path: string): Promise<void> => {
  const stats = await lstat(path).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (stats === undefined) return;
  if (!stats.isDirectory()) throw new Lc2Error('OBJECT_EXISTS', 'the key is taken', { where: whereIs(place, key) });
  if (await removeEmptyFolder(path)) return;
  throw new Lc2Error('KEY_UNSUPPORTED', 'a folder with files is where the key needs a file', {
    where: whereIs(place, key),
  });
};

const deleteFile = async (place: FilePlace, key: string): Promise<void> => {
  if (!(await isReachable(place, key))) return;
  const path = pathOf(place, key);
  try {
    await unlink(path);
  } catch (error) {
    if (isAbsent(error) || errnoOf(error) === 'EISDIR') return;
    const stats = await lstat(path).catch(() => undefined);
    if (stats?.isDirectory() !== true) throw error;
  }
};
