import { Readable } from 'node:stream';
import type { GetObjectCommandOutput, HeadObjectCommandOutput } from '@aws-sdk/client-s3';
import { Lc2Error } from '../../core/errors.ts';
import type { ByteRange, ObjectBody, ObjectInfo, ObjectStore } from '../../core/ports/object-store.ts';
import { s3 as descriptor } from '../../core/stores/s3.ts';
import { utf8Length } from '../../core/utf8.ts';
import { createByteBudget } from './byte-budget.ts';
import { oneChunk, throwIfCancelled } from './bodies.ts';
import { createS3Calls } from './s3-calls.ts';
import { classOf, isArchived } from './s3-classes.ts';
import { call, checksumOf, isOpaque, type S3Context, translate, versionOfEtag, whereIs } from './s3-context.ts';
import { failureOf } from './s3-errors.ts';
import { abortUploads, listObjects } from './s3-list.ts';
import { s3Locks } from './s3-locks.ts';
import { s3Past } from './s3-past.ts';
import { defaultBufferLimit } from './s3-multipart.ts';
import { putObject } from './s3-put.ts';
import type { AdapterOptions } from './store-options.ts';
import { storeTime } from './store-time.ts';
import {
  assertLength,
  bytesOf,
  holdOpen,
  lengthOfRange,
  objectChanged,
  objectNotFound,
  otherRange,
  type Reading,
  startsAsAsked,
} from './stored-body.ts';

const keyBytes = 1024;
const deletesPerRequest = 1000;
/** XML cannot carry these, not even escaped: such keys are deleted one by one. */
// oxlint-disable-next-line no-control-regex
const notXml = /[\u0000-\u001f\u007f-\u009f\ufffe\uffff]/;

export const openS3Store = (options: AdapterOptions): Promise<ObjectStore> => {
  const context = contextOf(options);
  const bodies = new Set<Readable>();
  const { prefix } = context;
  const store: ObjectStore = {
    url: context.url,
    capabilities: {
      contentChecksums: descriptor.contentChecksums,
      metadata: descriptor.metadata,
      ownUploads: descriptor.ownUploads,
    },
    locks: s3Locks(context),
    holds: (key) => holds(prefix, key),
    list: ({ prefix: below = '', startAfter, cuts } = {}) => listObjects(context, { prefix: below, startAfter, cuts }),
    head: (key) => headObject(context, key),
    get: (key, options = {}) => getObject({ context, key, bodies, ...options }),
    put: async (key, body, options = {}) => {
      throwIfCancelled(context.signal);
      if (!holds(prefix, key))
        throw new Lc2Error('KEY_UNSUPPORTED', 'S3 cannot hold this key', { where: whereIs(context, key) });
      return putObject(context, key, body, options);
    },
    delete: (keys) => deleteObjects(context, keys),
    abortUploads: (below) => abortUploads(context, below),
    time: () => timeOf(context),
    close: () => {
      for (const body of bodies) body.destroy();
      return context.calls.close();
    },
  };
  const past = s3Past(context, store, {
    head: (key, id) => headObject(context, key, id),
    get: (key, id, options) => getObject({ context, key, bodies, id, ...options }),
  });
  return Promise.resolve({ ...store, past });
};

const contextOf = ({ location, secrets, signal, tuning = {}, parsed, prefix, url }: AdapterOptions): S3Context => {
  const calls = createS3Calls({ location, secrets, tuning });
  return {
    calls,
    bucket: parsed.bucket,
    prefix,
    url,
    signal,
    secrets,
    tuning,
    budget: createByteBudget(tuning.bufferLimit ?? defaultBufferLimit),
    state: { answered: false, etagsAreOpaque: undefined, failedProbes: 0 },
  };
};

const holds = (prefix: string, key: string): boolean =>
  key !== '' && key.isWellFormed() && utf8Length(prefix) + utf8Length(key) <= keyBytes;

type Found = Pick<
  HeadObjectCommandOutput,
  | 'ETag'
  | 'LastModified'
  | 'ContentType'
  | 'Metadata'
  | 'ServerSideEncryption'
  | 'SSECustomerAlgorithm'
  | 'StorageClass'
  | 'Restore'
  | 'ArchiveStatus'
>;

const infoOf = (context: S3Context, key: string, found: Found & { readonly size: number | undefined }): ObjectInfo => {
  const { size, ETag: etag, LastModified: time } = found;
  if (size === undefined || etag === undefined || time === undefined) {
    throw new Lc2Error('STORE_FAILED', 'the answer lacks size, time or ETag', { where: whereIs(context, key) });
  }
  const storageClass = classOf(found.StorageClass);
  return {
    key,
    size,
    mtime: time.toISOString(),
    version: versionOfEtag(etag),
    checksum: checksumOf(etag, isOpaque(found)),
    ...(storageClass && { storageClass }),
    ...(isArchived(found) && { unreadable: 'archived' }),
    ...(found.ContentType !== undefined && { contentType: found.ContentType }),
    ...(found.Metadata !== undefined && { metadata: found.Metadata }),
  };
};

const headObject = async (context: S3Context, key: string, id?: string): Promise<ObjectInfo | undefined> => {
  throwIfCancelled(context.signal);
  const target = { Bucket: context.bucket, Key: context.prefix + key, ...versionId(id) };
  try {
    const found = await context.calls.head(target, context.signal);
    context.state.answered = true;
    return infoOf(context, key, { ...found, size: found.ContentLength });
  } catch (error) {
    if (failureOf(error).status !== 404) throw translate(context, key, error);
  }
  await requireBucket(context);
  return undefined;
};

/** The answer to a HEAD does not tell a missing object from a missing bucket. */
const requireBucket = async (context: S3Context): Promise<void> => {
  if (context.state.answered) return;
  try {
    await context.calls.headBucket({ Bucket: context.bucket }, context.signal);
    context.state.answered = true;
  } catch (error) {
    const { status } = failureOf(error);
    if (status === 404) throw new Lc2Error('STORE_NOT_FOUND', 'the bucket does not exist', { where: context.url });
    // Whoever may not ask for the bucket learns of it by other calls.
    if (status !== 403) throw translate(context, '', error);
  }
};

/** One version, although it may not be the current one. */
const versionId = (id: string | undefined) => (id === undefined ? {} : { VersionId: id });

const timeOf = async (context: S3Context): Promise<string> => {
  const { time } = await call(context, '', () => context.calls.headBucket({ Bucket: context.bucket }, context.signal));
  return storeTime(context.url, time);
};

interface GetTask {
  readonly context: S3Context;
  readonly key: string;
  readonly bodies: Set<Readable>;
  readonly version?: string;
  readonly range?: ByteRange;
  /** Of one version, although it may not be the current one. */
  readonly id?: string;
}

/** How the body of this object is read. */
const readingOf = ({ context, key, bodies }: GetTask): Reading => ({
  where: whereIs(context, key),
  signal: context.signal,
  bodies,
  translate: (error) => translate(context, key, error),
});

const getObject = async (task: GetTask): Promise<ObjectBody> => {
  const { context, key, version, range, id } = task;
  throwIfCancelled(context.signal);
  const wanted = {
    Bucket: context.bucket,
    Key: context.prefix + key,
    ...versionId(id),
    ...(version !== undefined && { IfMatch: `"${version}"` }),
    ...(range !== undefined && { Range: `bytes=${range.first}-${range.last}` }),
  };
  let found: Awaited<ReturnType<typeof context.calls.get>>;
  try {
    found = await context.calls.get(wanted, context.signal);
    context.state.answered = true;
  } catch (error) {
    throw await getError(task, error);
  }
  const body: unknown = found.Body;
  const stream = body instanceof Readable ? body : undefined;
  if (stream !== undefined) holdOpen(task, stream);
  try {
    const info = infoOf(context, key, { ...found, size: totalOf(found) });
    // Servers that do not know If-Match send what they have.
    if (version !== undefined && info.version !== version) throw objectChanged(whereIs(context, key));
    const length = lengthOf(task, found, info);
    if (stream !== undefined) return { info, bytes: bytesOf(readingOf(task), stream, length) };
    if (found.failure !== undefined) throw translate(context, key, found.failure);
    if (!(body instanceof Uint8Array))
      throw new Lc2Error('STORE_FAILED', 'the answer has no body', { where: whereIs(context, key) });
    assertLength(whereIs(context, key), body.byteLength, length);
    return { info, bytes: oneChunk(body) };
  } catch (error) {
    stream?.destroy();
    throw error;
  }
};

const getError = async (task: GetTask, error: unknown): Promise<Lc2Error> => {
  const { context, key } = task;
  const { name, status } = failureOf(error);
  if (status === 412) return objectChanged(whereIs(context, key));
  if (name === 'NoSuchKey') return objectNotFound(whereIs(context, key));
  if (status === 404 && name !== 'NoSuchBucket') {
    await requireBucket(context);
    return objectNotFound(whereIs(context, key));
  }
  return translate(context, key, error);
};

type Lengths = Pick<GetObjectCommandOutput, 'ContentRange' | 'ContentLength'>;

const totalOf = ({ ContentRange, ContentLength }: Lengths): number | undefined => {
  const total = /\/(\d+)$/.exec(ContentRange ?? '')?.[1];
  return total === undefined ? ContentLength : Number(total);
};

/** Bytes that the body must have. */
const lengthOf = ({ context, key, range }: GetTask, found: Lengths, info: ObjectInfo): number => {
  if (range === undefined) return info.size;
  const expected = lengthOfRange(range, info.size);
  if (found.ContentLength === expected && startsAsAsked(range, found.ContentRange)) return expected;
  throw otherRange(whereIs(context, key));
};

const deleteObjects = async (context: S3Context, keys: readonly string[]): Promise<void> => {
  throwIfCancelled(context.signal);
  const possible = keys.filter((key) => holds(context.prefix, key));
  for (const key of possible.filter((key) => notXml.test(key))) {
    await call(context, key, async () => {
      const { client, DeleteObjectCommand } = await context.calls.sdk();
      const command = new DeleteObjectCommand({ Bucket: context.bucket, Key: context.prefix + key });
      return client.send(command, { abortSignal: context.signal });
    });
  }
  const others = possible.filter((key) => !notXml.test(key));
  for (let at = 0; at < others.length; at += deletesPerRequest)
    await deleteMany(context, others.slice(at, at + deletesPerRequest));
};

const deleteMany = async (context: S3Context, keys: readonly string[]): Promise<void> => {
  const [first = ''] = keys;
  const { Errors = [] } = await call(context, first, async () => {
    const { client, DeleteObjectsCommand } = await context.calls.sdk();
    const command = new DeleteObjectsCommand({
      Bucket: context.bucket,
      Delete: { Objects: keys.map((key) => ({ Key: context.prefix + key })), Quiet: true },
    });
    return client.send(command, { abortSignal: context.signal });
  });
  const failed = Errors.find(({ Code }) => Code !== 'NoSuchKey');
  if (failed === undefined) return;
  const key = (failed.Key ?? '').slice(context.prefix.length);
  const isLocked = /object lock/i.test(failed.Message ?? '');
  const code = isLocked ? 'OBJECT_LOCKED' : /denied/i.test(failed.Code ?? '') ? 'STORE_DENIED' : 'STORE_FAILED';
  throw new Lc2Error(code, `the store did not delete an object: ${failed.Code ?? ''} ${failed.Message ?? ''}`, {
    where: whereIs(context, key),
  });
};
