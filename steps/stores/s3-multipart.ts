import { createHash } from 'node:crypto';
import { Lc2Error } from '../../core/errors.ts';
import { call, type S3Context, whereIs } from './s3-context.ts';

const mebibyte = 1024 * 1024;
/** Limits of the protocol: parts per upload. */
const mostParts = 10_000;
export const defaultPartSize = 16 * mebibyte;
export const defaultBufferLimit = 128 * mebibyte;

/**
 * Bytes of the part with this number (from 1). Parts double, so that a long body of unknown length fits into the parts
 * there may be; one part must fit into the buffers.
 */
export const partSizeOf = (number: number, tuning: S3Context['tuning']): number => {
  const { partSize = defaultPartSize, partsPerSize = 1000, bufferLimit = defaultBufferLimit } = tuning;
  const doublings = Math.floor((number - 1) / partsPerSize);
  return Math.min(partSize * 2 ** Math.min(doublings, 30), Math.max(partSize, bufferLimit));
};

/** A piece of a body, in memory that was reserved for it. */
export interface Piece {
  readonly bytes: Buffer;
  readonly isLast: boolean;
  readonly release: () => void;
}

/**
 * Cuts a body into pieces. Memory is reserved before a piece is read, and its holder gives it back, so the uploads of
 * a store wait for each other instead of growing. A body that ends at the end of a piece gives no empty piece, except
 * an empty body.
 */
export async function* piecesOf(
  chunks: AsyncIterable<Uint8Array>,
  context: Pick<S3Context, 'budget' | 'tuning'>,
  size: number | undefined,
): AsyncGenerator<Piece, void, undefined> {
  const iterator = chunks[Symbol.asyncIterator]();
  let chunk: Uint8Array | undefined;
  let taken = 0;
  /** The rest of the chunk at hand, or the next one; undefined at the end. */
  const rest = async (): Promise<Uint8Array | undefined> => {
    while (chunk === undefined || chunk.byteLength === 0) {
      const next = await iterator.next();
      if (next.done === true) return undefined;
      chunk = next.value;
    }
    return chunk;
  };
  let release: (() => void) | undefined;
  try {
    for (let number = 1; ; number++) {
      const most = partSizeOf(number, context.tuning);
      const length = size === undefined ? most : Math.max(1, Math.min(most, size - taken));
      const reservation = await context.budget.reserve(length);
      const { buffer } = reservation;
      release = reservation.release;
      let filled = 0;
      let part = await rest();
      while (part !== undefined && filled < length) {
        const copied = Math.min(part.byteLength, length - filled);
        buffer.set(part.subarray(0, copied), filled);
        filled += copied;
        chunk = part.subarray(copied);
        part = await rest();
      }
      taken += filled;
      const isLast = part === undefined;
      const held = release;
      release = undefined;
      yield { bytes: buffer.subarray(0, filled), isLast, release: held };
      if (isLast) return;
    }
  } finally {
    release?.();
    await iterator.return?.();
  }
}

interface Part {
  readonly PartNumber: number;
  readonly ETag: string;
  readonly md5: Buffer;
}

export interface MultipartTask {
  readonly context: S3Context;
  readonly key: string;
  readonly first: Piece;
  readonly rest: AsyncIterator<Piece>;
  readonly headers: { readonly ContentType?: string; readonly Metadata?: Record<string, string> };
  readonly createOnly: boolean;
}

export interface MultipartResult {
  readonly size: number;
  readonly etag: string | undefined;
  readonly opaque: boolean;
  /** What the ETag is when the store computes it as Amazon does: tells our own object from another's. */
  readonly expectedEtag: string;
}

/** An upload that was begun and failed, with what its object would have been called had it been finished. */
export class UnfinishedUpload extends Error {
  readonly reason: unknown;
  readonly expectedEtag: string;
  constructor(reason: unknown, expectedEtag: string) {
    super('the upload was not completed');
    this.reason = reason;
    this.expectedEtag = expectedEtag;
  }
}

/** How long the end of an upload may take after the run was cancelled. */
const farewell = 10_000;

export const uploadInParts = async (task: MultipartTask): Promise<MultipartResult> => {
  const { context, key } = task;
  const target = { Bucket: context.bucket, Key: context.prefix + key };
  // Not ended by the signal at once: an upload whose id never reached us could not be aborted.
  const created = await call(context, key, async () => {
    const { client, CreateMultipartUploadCommand } = await context.calls.sdk();
    const command = new CreateMultipartUploadCommand({ ...target, ...task.headers });
    return client.send(command, { abortSignal: lateSignal(context.signal) });
  }).catch((error: unknown) => {
    task.first.release();
    throw error;
  });
  const uploadId = created.UploadId;
  if (uploadId === undefined)
    throw new Lc2Error('STORE_FAILED', 'the store began an upload without an id', { where: whereIs(context, key) });
  try {
    const { parts, size } = await uploadParts(task, { ...target, UploadId: uploadId });
    return { ...(await complete(task, { ...target, UploadId: uploadId }, parts)), size };
  } catch (error) {
    // A failure to end the upload must not hide why it failed; what is left over is swept by abortUploads.
    const { client, AbortMultipartUploadCommand } = await context.calls.sdk();
    const command = new AbortMultipartUploadCommand({ ...target, UploadId: uploadId });
    await client.send(command, { abortSignal: AbortSignal.timeout(farewell) }).catch(() => undefined);
    throw error;
  }
};

const lateSignal = (signal: AbortSignal): AbortSignal => {
  const late = new AbortController();
  signal.addEventListener('abort', () => setTimeout(() => late.abort(), farewell / 2).unref(), { once: true });
  return late.signal;
};

interface UploadTarget {
  readonly Bucket: string;
  readonly Key: string;
  readonly UploadId: string;
}

/** The budget bounds how many parts are under way; the first failure stops the reading and ends the others. */
const uploadParts = async (task: MultipartTask, target: UploadTarget): Promise<{ parts: Part[]; size: number }> => {
  const { context } = task;
  const failing = new AbortController();
  const abortSignal = AbortSignal.any([context.signal, failing.signal]);
  const parts: Part[] = [];
  const running = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  let size = 0;
  const failed = (error: unknown): void => {
    failure ??= { error };
    failing.abort();
  };
  const upload = async (piece: Piece, number: number): Promise<void> => {
    try {
      const md5 = createHash('md5').update(piece.bytes).digest();
      const { client, UploadPartCommand } = await context.calls.sdk();
      const command = new UploadPartCommand({
        ...target,
        PartNumber: number,
        Body: piece.bytes,
        ContentMD5: md5.toString('base64'),
      });
      const { ETag = '' } = await call(context, task.key, () => client.send(command, { abortSignal }));
      parts.push({ PartNumber: number, ETag, md5 });
    } finally {
      piece.release();
    }
  };
  let piece: Piece | undefined = task.first;
  try {
    for (let number = 1; piece !== undefined && failure === undefined; number++) {
      if (number > mostParts) throw tooLarge(task);
      size += piece.bytes.byteLength;
      const work: Promise<void> = upload(piece, number).catch(failed);
      running.add(work);
      void work.finally(() => running.delete(work));
      if (piece.isLast) break;
      piece = await nextPiece(task.rest);
    }
  } catch (error) {
    failed(error);
  }
  await Promise.all(running);
  // Where reading stopped early, nobody else gives the last piece's memory back.
  piece?.release();
  if (failure !== undefined) throw failure.error;
  return { parts: parts.sort((a, b) => a.PartNumber - b.PartNumber), size };
};

const nextPiece = async (pieces: AsyncIterator<Piece>): Promise<Piece | undefined> => {
  const next = await pieces.next();
  return next.done === true ? undefined : next.value;
};

const tooLarge = ({ context, key }: MultipartTask): Lc2Error =>
  new Lc2Error('STORE_FULL', `an object of unknown length does not fit into ${mostParts} parts`, {
    where: whereIs(context, key),
    remedy: 'split the data',
  });

const complete = async (
  task: MultipartTask,
  target: UploadTarget,
  parts: readonly Part[],
): Promise<Omit<MultipartResult, 'size'>> => {
  const { context, createOnly } = task;
  const expectedEtag = `${createHash('md5')
    .update(Buffer.concat(parts.map(({ md5 }) => md5)))
    .digest('hex')}-${parts.length}`;
  const { client, CompleteMultipartUploadCommand } = await context.calls.sdk();
  const command = new CompleteMultipartUploadCommand({
    ...target,
    MultipartUpload: { Parts: parts.map(({ PartNumber, ETag }) => ({ PartNumber, ETag })) },
    ...(createOnly && { IfNoneMatch: '*' }),
  });
  try {
    const done = await client.send(command, { abortSignal: context.signal });
    context.state.answered = true;
    return { etag: done.ETag, opaque: (done.ServerSideEncryption ?? '').startsWith('aws:kms'), expectedEtag };
  } catch (error) {
    throw new UnfinishedUpload(error, expectedEtag);
  }
};
