// One copy of a storage that may be damaged, and put back. A bucket is a folder too: that of the gateway that serves it.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { DeleteObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';

const run = promisify(execFile);

/** Keys are relative to the environment's folder. */
export interface Place {
  read(key: string): Promise<Buffer | undefined>;
  /** As a client of the storage does it. */
  write(key: string, bytes: Uint8Array): Promise<void>;
  remove(key: string): Promise<void>;
  /** Other bytes of the same file, of which the storage knows nothing. */
  rot(key: string, bytes: Uint8Array): Promise<void>;
  /** Keys that were written, removed or rotten since `undo`. */
  touched(): readonly string[];
  keys(): Promise<string[]>;
  original(key: string): Promise<Buffer | undefined>;
  undo(): Promise<void>;
}

export interface PlaceOptions {
  /** Folder of the environment in the copy. */
  readonly root: string;
  /** The same in the copy that stays as it is. */
  readonly pristine: string;
  readonly bucket?: { readonly client: S3Client; readonly name: string; readonly prefix: string };
}

const readIfThere = async (file: string): Promise<Buffer | undefined> => {
  try {
    return await readFile(file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return undefined;
    throw error;
  }
};

export const openPlace = ({ root, pristine, bucket }: PlaceOptions): Place => {
  const touched = new Set<string>();
  const at = (key: string): string => join(root, key);
  const written = async (key: string, bytes: Uint8Array): Promise<void> => {
    if (bucket) {
      const { client, name, prefix } = bucket;
      await client.send(
        new PutObjectCommand({ Bucket: name, Key: `${prefix}/${key}`, Body: bytes, ContentLength: bytes.byteLength }),
      );
      return;
    }
    await mkdir(dirname(at(key)), { recursive: true });
    await rm(at(key), { force: true });
    await writeFile(at(key), bytes);
  };
  /** An empty folder would stand in the way of a stranger of its name. */
  const removeNewFolders = async (key: string): Promise<void> => {
    for (let folder = dirname(key); folder !== '.' && !existsSync(join(pristine, folder)); folder = dirname(folder))
      if (existsSync(at(folder)) && (await readdir(at(folder))).length === 0) await rmdir(at(folder));
  };
  return {
    read: (key) => readIfThere(at(key)),
    original: (key) => readIfThere(join(pristine, key)),
    touched: () => [...touched],
    write: async (key, bytes) => {
      touched.add(key);
      await written(key, bytes);
    },
    remove: async (key) => {
      touched.add(key);
      if (bucket)
        await bucket.client.send(new DeleteObjectCommand({ Bucket: bucket.name, Key: `${bucket.prefix}/${key}` }));
      else await rm(at(key), { force: true });
    },
    rot: async (key, bytes) => {
      touched.add(key);
      const handle = await open(at(key), 'r+');
      try {
        await handle.truncate(bytes.byteLength);
        await handle.write(bytes, 0, bytes.byteLength, 0);
      } finally {
        await handle.close();
      }
    },
    keys: async () => {
      const entries = await readdir(root, { withFileTypes: true, recursive: true });
      return entries
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
        .toSorted();
    },
    undo: async () => {
      // What restores remember of themselves.
      await rm(at('restores'), { recursive: true, force: true });
      for (const key of touched) {
        await rm(at(key), { force: true, recursive: true });
        if ((await readIfThere(join(pristine, key))) === undefined) {
          await removeNewFolders(key);
          continue;
        }
        await mkdir(dirname(at(key)), { recursive: true });
        // `cp` keeps the attributes that a gateway writes to its files.
        await run('cp', ['-a', '--', join(pristine, key), `${at(key)}.undo`]);
        await rename(`${at(key)}.undo`, at(key));
      }
      touched.clear();
    },
  };
};

export const copyTree = async (from: string, to: string): Promise<void> => {
  await mkdir(dirname(to), { recursive: true });
  await run('cp', ['-a', '--', from, to]);
};
