import { hash } from 'node:crypto';
import { Lc2Error } from '../../core/errors.ts';
import type { ObjectInfo, PutOptions } from '../../core/ports/object-store.ts';
import { chunksOf, throwIfCancelled } from './bodies.ts';
import { checksumOf, isOpaque, type S3Context, translate, versionOfEtag, whereIs } from './s3-context.ts';
import { failureOf } from './s3-errors.ts';
import { defaultPartSize, type Piece, piecesOf, UnfinishedUpload, uploadInParts } from './s3-multipart.ts';
import type { StoreFailure } from './store-error.ts';

interface PutTask {
  readonly context: S3Context;
  readonly key: string;
  readonly options: PutOptions;
}

interface Written {
  readonly size: number;
  readonly etag: string | undefined;
  readonly opaque: boolean;
}

export const putObject = async (
  context: S3Context,
  key: string,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  options: PutOptions,
): Promise<ObjectInfo> => {
  const task: PutTask = { context, key, options };
  const { partSize = defaultPartSize } = context.tuning;
  if (
    body instanceof Uint8Array &&
    body.byteLength <= partSize &&
    body.byteLength === (options.size ?? body.byteLength)
  ) {
    throwIfCancelled(context.signal);
    return infoOf(task, await putWhole(task, body));
  }
  const chunks = chunksOf(body, { signal: context.signal, size: options.size, where: whereIs(context, key) });
  const pieces = piecesOf(chunks, context, options.size ?? (body instanceof Uint8Array ? body.byteLength : undefined));
  try {
    const first = await pieces.next();
    if (first.done === true) throw new Lc2Error('BUG', 'a body without a piece', { where: whereIs(context, key) });
    return infoOf(task, await (first.value.isLast ? putPiece(task, first.value) : putParts(task, first.value, pieces)));
  } finally {
    await pieces.return();
  }
};

const infoOf = ({ context, key, options }: PutTask, { size, etag, opaque }: Written): ObjectInfo => {
  if (etag === undefined)
    throw new Lc2Error('STORE_FAILED', 'the store gave no ETag for what it took', { where: whereIs(context, key) });
  if (opaque) context.state.etagsAreOpaque = true;
  return {
    key,
    size,
    // The store's clock is told by head and list only; nobody compares this one.
    mtime: new Date().toISOString(),
    version: versionOfEtag(etag),
    checksum: checksumOf(etag, opaque || context.state.etagsAreOpaque === true),
    ...(options.contentType !== undefined && { contentType: options.contentType }),
    ...(options.metadata !== undefined && { metadata: options.metadata }),
  };
};

const headersOf = ({ contentType, metadata }: PutOptions) => ({
  ...(contentType !== undefined && { ContentType: contentType }),
  ...(metadata !== undefined && { Metadata: encodeMetadata(metadata) }),
});

/** Headers carry ASCII; other text is written as RFC 2047 says, which is also how S3 hands it out. */
export const encodeMetadata = (metadata: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => [
      name,
      /^[\x20-\x7e]*$/.test(value) ? value : `=?UTF-8?B?${Buffer.from(value, 'utf8').toString('base64')}?=`,
    ]),
  );

const putPiece = async (task: PutTask, piece: Piece): Promise<Written> => {
  try {
    return await putWhole(task, piece.bytes);
  } finally {
    piece.release();
  }
};

const putWhole = async (task: PutTask, bytes: Uint8Array): Promise<Written> => {
  const { context, key, options } = task;
  const md5 = hash('md5', bytes, 'buffer');
  const whole = {
    Bucket: context.bucket,
    Key: context.prefix + key,
    Body: bytes,
    ContentMD5: md5.toString('base64'),
    ...headersOf(options),
    ...(options.createOnly === true && { IfNoneMatch: '*' }),
  };
  try {
    const done = await context.calls.put(whole, context.signal);
    context.state.answered = true;
    return { size: bytes.byteLength, etag: done.ETag, opaque: isOpaque(done) };
  } catch (error) {
    return await ownOrThrow(task, { error, expectedEtag: md5.toString('hex'), size: bytes.byteLength });
  }
};

const putParts = async (task: PutTask, first: Piece, rest: AsyncIterator<Piece>): Promise<Written> => {
  const { context, key, options } = task;
  let size = 0;
  const counted: AsyncIterator<Piece> = {
    next: async () => {
      const next = await rest.next();
      if (next.done !== true) size += next.value.bytes.byteLength;
      return next;
    },
  };
  try {
    return await uploadInParts({
      context,
      key,
      first,
      rest: counted,
      headers: headersOf(options),
      createOnly: options.createOnly === true,
    });
  } catch (error) {
    if (!(error instanceof UnfinishedUpload)) throw error;
    return await ownOrThrow(task, {
      error: error.reason,
      expectedEtag: error.expectedEtag,
      size: size + first.bytes.byteLength,
    });
  }
};

interface Doubt {
  readonly error: unknown;
  readonly expectedEtag: string;
  readonly size: number;
}

/**
 * The SDK repeats a request whose answer was lost. When the first one had succeeded, the second meets our own object
 * (or finds the upload gone): then it was written after all.
 */
const ownOrThrow = async (task: PutTask, doubt: Doubt): Promise<Written> => {
  const { context, key } = task;
  const failure = failureOf(doubt.error);
  if (!isDoubtful(task, failure)) throw translate(context, key, doubt.error);
  const standing = await standingEtag(context, key);
  if (failure.attempts > 1 && standing?.etag === doubt.expectedEtag) {
    return { size: doubt.size, etag: standing.etag, opaque: standing.opaque };
  }
  const isTaken = failure.status === 412 || (standing !== undefined && failure.name !== 'NoSuchUpload');
  if (isTaken) throw new Lc2Error('OBJECT_EXISTS', 'the key is taken', { where: whereIs(context, key) });
  throw translate(context, key, doubt.error);
};

/** Whether what stands at the key tells how the request ended. */
const isDoubtful = ({ context, options }: PutTask, { name, status, attempts }: StoreFailure): boolean => {
  if (context.signal.aborted) return false;
  if (name === 'NoSuchUpload') return attempts > 1;
  if (options.createOnly !== true) return false;
  // A server that refuses early closes the connection while the body is still sent: then its answer may be lost.
  const isLost = status === undefined && context.state.answered;
  return isLost || status === 412 || name === 'ConditionalRequestConflict';
};

const standingEtag = async (
  context: S3Context,
  key: string,
): Promise<{ etag: string; opaque: boolean } | undefined> => {
  try {
    const found = await context.calls.head({ Bucket: context.bucket, Key: context.prefix + key }, context.signal);
    context.state.answered = true;
    return found.ETag === undefined ? undefined : { etag: versionOfEtag(found.ETag), opaque: isOpaque(found) };
  } catch (error) {
    if (failureOf(error).status === 404) return undefined;
    throw translate(context, key, error);
  }
};
