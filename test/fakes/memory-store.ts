import { createHash } from 'node:crypto';
import { Lc2Error } from '../../core/errors.ts';
import { isAtLeast, strongest } from '../../core/plan/lock.ts';
import type { Lock, ObjectBody, ObjectInfo, ObjectStore, PutOptions } from '../../core/ports/object-store.ts';
import { compareUtf8 } from '../../core/utf8.ts';

/** An object store in memory that keeps the promises of the port, and tells what was asked of it. */
export interface MemoryStore extends ObjectStore {
  /** What stands there, by key. */
  readonly contents: ReadonlyMap<string, Buffer>;
  /** `get key`, `put key`, `head key`, `list prefix`, `delete key`, in order. */
  readonly calls: readonly string[];
  /** Where each listing could be cut that was told of it. */
  readonly cuts: readonly (readonly string[])[];
  /** Changes bytes behind the store's back: version and checksum stay what they were. */
  tamper(key: string, change: (bytes: Buffer) => Buffer): void;
  /** Writes without the port, as another client would. */
  write(key: string, text: string | Uint8Array): void;
  text(key: string): string;
  /** What is locked, by key. */
  readonly locked: ReadonlyMap<string, Lock>;
  /** Lifts a lock, as its administrator could. */
  unlock(key: string): void;
  /** How often this key was really written. */
  writesOf(key: string): number;
  /** The same objects below a prefix, as an adapter with a subfolder sees them. */
  below(prefix: string): MemoryStore;
}

interface Entry {
  bytes: Buffer;
  readonly info: ObjectInfo;
}

export interface MemoryStoreOptions {
  readonly url?: string;
  /** Report the md5 of the content. */
  readonly checksums?: boolean;
  /** Whether it can lock, and has been set up for that. */
  readonly locks?: 'none' | 'disabled' | 'enabled';
}

export const createMemoryStore = (options: MemoryStoreOptions = {}): MemoryStore => {
  const { url = 's3://memory', checksums = true, locks = 'none' } = options;
  const state = {
    entries: new Map(),
    calls: [],
    cuts: [],
    writes: { count: 0 },
    written: new Map(),
    locked: new Map(),
  };
  return viewOf({ ...state, checksums, locks }, url, '');
};

interface Shared {
  readonly entries: Map<string, Entry>;
  readonly calls: string[];
  readonly cuts: string[][];
  readonly writes: { count: number };
  readonly written: Map<string, number>;
  readonly locked: Map<string, Lock>;
  readonly checksums: boolean;
  readonly locks: 'none' | 'disabled' | 'enabled';
}

const locksOf = ({ entries, locked, locks, calls }: Shared, url: string, prefix: string): Pick<ObjectStore, 'locks'> =>
  locks === 'none'
    ? {}
    : {
        locks: {
          probe: () =>
            locks === 'enabled'
              ? Promise.resolve()
              : Promise.reject(
                  new Lc2Error('LOCK_UNAVAILABLE', 'nobody has set this place up for locks', { where: url }),
                ),
          read: (key) => Promise.resolve(locked.get(prefix + key)),
          extend: (key, lock) => {
            calls.push(`lock ${key}`);
            if (!entries.has(prefix + key))
              return Promise.reject(new Lc2Error('OBJECT_NOT_FOUND', 'there is no such object', { where: key }));
            const standing = locked.get(prefix + key);
            if (!isAtLeast(standing, lock)) locked.set(prefix + key, strongest(standing, lock));
            return Promise.resolve();
          },
        },
      };

const viewOf = (shared: Shared, url: string, prefix: string): MemoryStore => {
  const { entries, calls, cuts, checksums } = shared;
  const save = (key: string, bytes: Buffer, options: PutOptions = {}): ObjectInfo => {
    const count = ++shared.writes.count;
    shared.written.set(prefix + key, (shared.written.get(prefix + key) ?? 0) + 1);
    const info: ObjectInfo = {
      key,
      size: bytes.byteLength,
      mtime: new Date(1_700_000_000_000 + count * 1000).toISOString(),
      version: `v${count}`,
      ...(checksums && {
        checksum: { algorithm: 'md5' as const, value: createHash('md5').update(bytes).digest('hex') },
      }),
      ...(options.contentType !== undefined && { contentType: options.contentType }),
      ...(options.metadata && { metadata: options.metadata }),
    };
    entries.set(prefix + key, { bytes, info });
    return info;
  };
  const found = (key: string): Entry => {
    const entry = entries.get(prefix + key);
    if (!entry) throw new Lc2Error('OBJECT_NOT_FOUND', 'there is no such object', { where: `${url}/${key}` });
    return entry;
  };
  const keys = (): string[] =>
    [...entries.keys()].flatMap((key) => (key.startsWith(prefix) ? [key.slice(prefix.length)] : []));

  return {
    url,
    capabilities: { contentChecksums: checksums, metadata: true, ownUploads: true },
    get contents() {
      return new Map(keys().map((key) => [key, found(key).bytes]));
    },
    calls,
    cuts,
    ...locksOf(shared, url, prefix),
    get locked() {
      const below = [...shared.locked].filter(([key]) => key.startsWith(prefix));
      return new Map(below.map(([key, lock]) => [key.slice(prefix.length), lock]));
    },
    unlock: (key) => void shared.locked.delete(prefix + key),
    holds: (key) => key !== '',
    list: async function* (options = {}) {
      const { prefix: start = '', startAfter } = options;
      calls.push(`list ${start}`);
      if (options.cuts !== undefined) cuts.push([...options.cuts]);
      const chosen = keys().filter(
        (key) => key.startsWith(start) && (startAfter === undefined || compareUtf8(key, startAfter) > 0),
      );
      for (const key of chosen.toSorted(compareUtf8)) {
        const entry = entries.get(prefix + key);
        if (!entry) continue;
        const { contentType: _type, metadata: _metadata, ...info } = entry.info;
        yield await Promise.resolve({ ...info, key });
      }
    },
    head: (key) => {
      calls.push(`head ${key}`);
      const entry = entries.get(prefix + key);
      return Promise.resolve(entry && { ...entry.info, key });
    },
    get: async (key, options = {}): Promise<ObjectBody> => {
      calls.push(`get ${key}`);
      const { bytes, info } = found(key);
      if (options.version !== undefined && options.version !== info.version)
        throw new Lc2Error('OBJECT_CHANGED', 'the object is another one now', { where: key });
      const { range } = options;
      const body = range ? bytes.subarray(range.first, range.last + 1) : bytes;
      return Promise.resolve({ info: { ...info, key }, bytes: inChunks(body) });
    },
    put: async (key, body, options = {}) => {
      calls.push(`put ${key}`);
      const bytes = body instanceof Uint8Array ? Buffer.from(body) : await gather(body);
      if (options.size !== undefined && options.size !== bytes.byteLength)
        throw new Lc2Error('STORE_FAILED', 'the body has another length than announced', { where: key });
      if (options.createOnly === true && entries.has(prefix + key))
        throw new Lc2Error('OBJECT_EXISTS', 'the key is taken', { where: `${url}/${key}` });
      return save(key, bytes, options);
    },
    delete: (gone) => {
      for (const key of gone) {
        calls.push(`delete ${key}`);
        entries.delete(prefix + key);
      }
      return Promise.resolve();
    },
    abortUploads: (below) => {
      calls.push(`abort ${below}`);
      return Promise.resolve(0);
    },
    time: () => Promise.resolve(new Date(1_700_000_000_000 + shared.writes.count * 1000).toISOString()),
    close: () => Promise.resolve(),
    tamper: (key, change) => {
      const entry = found(key);
      entry.bytes = change(Buffer.from(entry.bytes));
    },
    write: (key, text) => void save(key, Buffer.from(text)),
    text: (key) => found(key).bytes.toString('utf8'),
    writesOf: (key) => shared.written.get(prefix + key) ?? 0,
    below: (folder) => viewOf(shared, `${url}/${folder}`, `${prefix}${folder}/`),
  };
};

async function* inChunks(bytes: Buffer): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.byteLength; at += 64 * 1024)
    yield await Promise.resolve(bytes.subarray(at, at + 64 * 1024));
}

const gather = async (source: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
};
