import { Readable } from 'node:stream';
import type { BlobDownloadResponseParsed } from '@azure/storage-blob';
import { Lc2Error } from '../../core/errors.ts';
import type { ByteRange, ObjectBody, ObjectStore } from '../../core/ports/object-store.ts';
import { azblob as descriptor } from '../../core/stores/azblob.ts';
import { ordered } from '../runtime/ordered.ts';
import {
  attempted,
  azblobContext,
  type AzblobContext,
  infoOf,
  isMissing,
  isRefused,
  translate,
  unlessSilent,
  whereIs,
} from './azblob-context.ts';
import { listObjects, timeOf } from './azblob-list.ts';
import { azblobLocks } from './azblob-locks.ts';
import { deleteBlob, metadataNames, putObject, tryHead } from './azblob-put.ts';
import { throwIfCancelled } from './bodies.ts';
import type { AdapterOptions } from './store-options.ts';
import {
  bytesOf,
  holdOpen,
  lengthOfRange,
  objectChanged,
  objectNotFound,
  otherRange,
  type Reading,
  startsAsAsked,
} from './stored-body.ts';

const nameLength = 1024;
const mostSegments = 254;
const deletesAtOnce = 16;

export const openAzblobStore = (options: AdapterOptions): Promise<ObjectStore> => {
  const context = azblobContext(options);
  const bodies = new Set<Readable>();
  const { prefix, signal } = context;
  return Promise.resolve({
    url: context.url,
    capabilities: {
      contentChecksums: descriptor.contentChecksums,
      metadata: descriptor.metadata,
      ownUploads: descriptor.ownUploads,
      metadataNames,
    },
    locks: azblobLocks(context),
    holds: (key) => holds(prefix, key),
    list: ({ prefix: below = '', startAfter } = {}) => listObjects(context, { prefix: below, startAfter }),
    head: async (key) => {
      const found = holds(prefix, key) ? await tryHead(context, key) : undefined;
      return found && infoOf(context, key, { ...found, size: found.contentLength });
    },
    get: (key, options = {}) => getObject({ context, key, bodies, ...options }),
    put: async (key, body, options = {}) => {
      throwIfCancelled(signal);
      if (!holds(prefix, key))
        throw new Lc2Error('KEY_UNSUPPORTED', 'Azure Blob Storage cannot hold this key', {
          where: whereIs(context, key),
        });
      return putObject(context, key, body, options);
    },
    delete: async (keys) => {
      throwIfCancelled(signal);
      const possible = async function* (): AsyncGenerator<string, void, undefined> {
        for (const key of keys) if (holds(prefix, key)) yield await Promise.resolve(key);
      };
      for await (const _ of ordered(possible(), { concurrency: deletesAtOnce }, (key) => deleteBlob(context, key)));
    },
    time: () => timeOf(context),
    // Blocks that nobody committed end by themselves; to commit or delete a blob for their sake could hit another writer.
    abortUploads: async () => {
      throwIfCancelled(signal);
      return Promise.resolve(0);
    },
    close: () => {
      for (const body of bodies) body.destroy();
      return Promise.resolve();
    },
  });
};

/**
 * What Azure says of names of blobs: no segment ends with a dot, none is empty at the end. Controls and backslashes are
 * bent on the way there, so they count as not held.
 */
const holds = (prefix: string, key: string): boolean => {
  const name = prefix + key;
  return (
    key !== '' &&
    key.isWellFormed() &&
    name.length <= nameLength &&
    !/[\u0000-\u001f\u007f-\u009f\\\ufffe\uffff]/.test(name) &&
    !name.endsWith('/') &&
    name.split('/').length <= mostSegments &&
    !/\.(\/|$)/.test(name)
  );
};

interface GetTask {
  readonly context: AzblobContext;
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
  patient: (chunk) => unlessSilent(context, chunk),
});

const getObject = async (task: GetTask): Promise<ObjectBody> => {
  const { context, key, version, range } = task;
  throwIfCancelled(context.signal);
  if (!holds(context.prefix, key)) throw objectNotFound(whereIs(context, key));
  const blob = context.place.container.getBlobClient(context.prefix + key);
  const leaving = new AbortController();
  try {
    const found = await attempted(context, (signal) => {
      // The signal given also ends the body: that of the attempt must not, for it has its own time.
      signal.addEventListener('abort', () => leaving.abort(), { once: true });
      return blob.download(range?.first ?? 0, range && range.last - range.first + 1, {
        abortSignal: leaving.signal,
        maxRetryRequests: 0,
        ...(version !== undefined && { conditions: { ifMatch: `"${version}"` } }),
      });
    });
    context.state.answered = true;
    return bodyOf(task, found);
  } catch (error) {
    // What is not there does not match either.
    if (isRefused(error, 412))
      throw ((await tryHead(context, key)) === undefined ? objectNotFound : objectChanged)(whereIs(context, key));
    if (isMissing(error)) throw objectNotFound(whereIs(context, key));
    throw translate(context, key, error);
  }
};

const bodyOf = (task: GetTask, found: BlobDownloadResponseParsed): ObjectBody => {
  const { context, key, version, range } = task;
  const stream = found.readableStreamBody;
  if (!(stream instanceof Readable))
    throw new Lc2Error('STORE_FAILED', 'the answer has no body', { where: whereIs(context, key) });
  holdOpen(task, stream);
  try {
    const total = /\/(\d+)$/.exec(found.contentRange ?? '')?.[1];
    const size = total === undefined ? found.contentLength : Number(total);
    // Its members are not its own, and do not travel with a spread.
    const { etag, lastModified, contentType, metadata, blobContentMD5 } = found;
    const contentMD5 = blobContentMD5 ?? (range === undefined ? found.contentMD5 : undefined);
    const info = infoOf(context, key, { size, etag, lastModified, contentType, metadata, contentMD5 });
    // Servers that do not know If-Match send what they have.
    if (version !== undefined && info.version !== version) throw objectChanged(whereIs(context, key));
    const length = range === undefined ? info.size : lengthOfRange(range, info.size);
    if (range !== undefined && !startsAsAsked(range, found.contentRange)) throw otherRange(whereIs(context, key));
    return { info, bytes: bytesOf(readingOf(task), stream, length) };
  } catch (error) {
    stream.destroy();
    throw error;
  }
};
