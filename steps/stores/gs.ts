import { Readable } from 'node:stream';
import { Lc2Error } from '../../core/errors.ts';
import type { ByteRange, ObjectBody, ObjectInfo, ObjectStore } from '../../core/ports/object-store.ts';
import { gs as descriptor } from '../../core/stores/gs.ts';
import { utf8Length } from '../../core/utf8.ts';
import { ordered } from '../runtime/ordered.ts';
import { oneChunk, throwIfCancelled } from './bodies.ts';
import type { GsAnswer } from './gs-calls.ts';
import {
  askLeast,
  call,
  gsContext,
  type GsContext,
  isRefused,
  missing,
  objectPath,
  translate,
  whereIs,
} from './gs-context.ts';
import { listObjects } from './gs-list.ts';
import { gsLocks } from './gs-locks.ts';
import { headResource, type Named } from './gs-object.ts';
import { gsPast } from './gs-past.ts';
import { putObject } from './gs-put.ts';
import type { AdapterOptions } from './store-options.ts';
import { storeTime } from './store-time.ts';
import {
  assertLength,
  bytesOf,
  holdOpen,
  lengthOfRange,
  objectChanged,
  otherRange,
  type Reading,
  startsAsAsked,
} from './stored-body.ts';

const nameBytes = 1024;
const deletesAtOnce = 16;

export const openGsStore = (options: AdapterOptions): Promise<ObjectStore> => {
  const context = gsContext(options);
  const bodies = new Set<Readable>();
  const { prefix, signal } = context;
  const store: ObjectStore = {
    url: context.url,
    capabilities: {
      contentChecksums: descriptor.contentChecksums,
      metadata: descriptor.metadata,
      ownUploads: descriptor.ownUploads,
    },
    locks: gsLocks(context),
    holds: (key) => holds(prefix, key),
    list: ({ prefix: below = '', startAfter, cuts } = {}) => listObjects(context, { prefix: below, startAfter, cuts }),
    head: (key) => headObject(context, key),
    get: (key, options = {}) => getObject({ context, key, bodies, ...options }),
    put: async (key, body, options = {}) => {
      throwIfCancelled(signal);
      if (!holds(prefix, key))
        throw new Lc2Error('KEY_UNSUPPORTED', 'Google Cloud Storage cannot hold this key', {
          where: whereIs(context, key),
        });
      return putObject(context, key, body, options);
    },
    delete: (keys) => deleteObjects(context, keys),
    time: () => timeOf(context),
    // Sessions can neither be listed nor seen, and end by themselves.
    abortUploads: async () => {
      throwIfCancelled(signal);
      return Promise.resolve(0);
    },
    close: () => {
      for (const body of bodies) body.destroy();
      return context.calls.close();
    },
  };
  const past = gsPast(context, store, {
    head: (key, generation) => headObject(context, key, { generation }),
    get: (key, generation, { range }) => getVersion({ context, key, bodies, ...(range && { range }) }, { generation }),
  });
  return Promise.resolve({ ...store, past });
};

/** What Google says of names of objects. */
const holds = (prefix: string, key: string): boolean => {
  const name = prefix + key;
  return (
    key !== '' &&
    key.isWellFormed() &&
    utf8Length(name) <= nameBytes &&
    !/[\r\n]/.test(name) &&
    name !== '.' &&
    name !== '..' &&
    !name.startsWith('.well-known/acme-challenge/')
  );
};

const headObject = async (context: GsContext, key: string, named?: Named): Promise<ObjectInfo | undefined> => {
  if (!holds(context.prefix, key)) return undefined;
  const resource = await headResource(context, key, named);
  if (resource !== undefined) return { key, ...resource.info };
  const error = await missing(context, key);
  if (error.code === 'OBJECT_NOT_FOUND') return undefined;
  throw error;
};

const timeOf = async (context: GsContext): Promise<string> => {
  const answer = await call(context, '', () => askLeast(context));
  return storeTime(context.url, answer.header('date'));
};

interface GetTask {
  readonly context: GsContext;
  readonly key: string;
  readonly bodies: Set<Readable>;
  readonly version?: string;
  readonly range?: ByteRange;
}

/** How the body of this object is read. */
const readingOf = ({ context, key, bodies }: GetTask): Reading => ({
  where: whereIs(context, key),
  signal: context.signal,
  bodies,
  translate: (error) => translate(context, key, error),
});

/** What describes an object comes by a request of its own, at the same time where the version is known. */
const getObject = async (task: GetTask): Promise<ObjectBody> => {
  const { context, key, version } = task;
  throwIfCancelled(context.signal);
  if (!holds(context.prefix, key)) throw await missing(context, key);
  if (version === undefined) {
    const resource = await headResource(context, key);
    if (resource === undefined) throw await missing(context, key);
    return bodyOf(task, { key, ...resource.info }, await askMedia(task, { ifGenerationMatch: resource.generation }));
  }
  return getVersion(task, { ifGenerationMatch: version });
};

const getVersion = async (task: GetTask, named: Named): Promise<ObjectBody> => {
  const { context, key } = task;
  const [described, media] = await Promise.allSettled([headResource(context, key, named), askMedia(task, named)]);
  if (media.status === 'fulfilled' && described.status === 'fulfilled' && described.value !== undefined)
    return bodyOf(task, { key, ...described.value.info }, media.value);
  if (media.status === 'fulfilled') streamOf(media.value)?.destroy();
  if (described.status === 'rejected') throw described.reason;
  throw media.status === 'rejected' ? media.reason : await missing(context, key);
};

const streamOf = ({ body }: GsAnswer): Readable | undefined => (body instanceof Readable ? body : undefined);

const askMedia = async (task: GetTask, named: Named): Promise<GsAnswer> => {
  const { context, key, range } = task;
  try {
    return await context.calls.ask(
      {
        method: 'GET',
        path: objectPath(context.bucket, context.prefix + key),
        query: { alt: 'media', ...named },
        headers: {
          // Or Google would unpack what is stored packed, and send other bytes than there are.
          'accept-encoding': 'gzip',
          range: range && `bytes=${range.first}-${range.last}`,
        },
        isMedia: true,
      },
      context.signal,
    );
  } catch (error) {
    if (isRefused(error, 412)) throw objectChanged(whereIs(context, key));
    if (isRefused(error, 404)) throw await missing(context, key);
    throw translate(context, key, error);
  }
};

const bodyOf = (task: GetTask, info: ObjectInfo, media: GsAnswer): ObjectBody => {
  const { context, key } = task;
  const stream = streamOf(media);
  try {
    // Servers that do not know the condition send what they have.
    if ((media.header('x-goog-generation') ?? info.version) !== info.version)
      throw objectChanged(whereIs(context, key));
    const length = lengthOf(task, media, info);
    if (stream !== undefined) {
      holdOpen(task, stream);
      return { info, bytes: bytesOf(readingOf(task), stream, length) };
    }
    if (media.failure !== undefined) throw translate(context, key, media.failure);
    const bytes = media.body instanceof Readable ? Buffer.alloc(0) : media.body;
    assertLength(whereIs(context, key), bytes.byteLength, length);
    return { info, bytes: oneChunk(bytes) };
  } catch (error) {
    stream?.destroy();
    throw error;
  }
};

/** Bytes that the body must have. */
const lengthOf = ({ context, key, range }: GetTask, media: GsAnswer, info: ObjectInfo): number => {
  if (range === undefined) return info.size;
  if (startsAsAsked(range, media.header('content-range'))) return lengthOfRange(range, info.size);
  throw otherRange(whereIs(context, key));
};

const deleteObjects = async (context: GsContext, keys: readonly string[]): Promise<void> => {
  throwIfCancelled(context.signal);
  const deleteOne = (key: string): Promise<void> =>
    call(context, key, async () => {
      const path = objectPath(context.bucket, context.prefix + key);
      try {
        await context.calls.ask({ method: 'DELETE', path }, context.signal);
      } catch (error) {
        if (!isRefused(error, 404)) throw error;
        const reason = await missing(context, key);
        if (reason.code !== 'OBJECT_NOT_FOUND') throw reason;
      }
    });
  const possible = async function* (): AsyncGenerator<string, void, undefined> {
    for (const key of keys) if (holds(context.prefix, key)) yield await Promise.resolve(key);
  };
  for await (const _ of ordered(possible(), { concurrency: deletesAtOnce }, deleteOne));
};
