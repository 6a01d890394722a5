import { createHash, hash, randomBytes } from 'node:crypto';
import { Lc2Error } from '../../core/errors.ts';
import type { ObjectInfo, PutOptions } from '../../core/ports/object-store.ts';
import {
  attempted,
  type AzblobContext,
  call,
  failureOf,
  infoOf,
  isCode,
  isMissing,
  isRefused,
  translate,
  whereIs,
} from './azblob-context.ts';
import { chunksOf, throwIfCancelled } from './bodies.ts';
import type { Tries } from './persist.ts';
import { defaultPartSize, type Piece, piecesOf } from './s3-multipart.ts';
import { encodeMetadata } from './s3-put.ts';

/** Of the service. */
const mostBlocks = 50_000;

interface PutTask {
  readonly context: AzblobContext;
  readonly key: string;
  readonly options: PutOptions;
}

interface Written {
  readonly size: number;
  readonly md5: Uint8Array;
  readonly etag?: string | undefined;
  readonly lastModified?: Date | undefined;
}

export const putObject = async (
  context: AzblobContext,
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
    return writtenInfo(task, await putWhole(task, body));
  }
  const chunks = chunksOf(body, { signal: context.signal, size: options.size, where: whereIs(context, key) });
  const pieces = piecesOf(chunks, context, options.size ?? (body instanceof Uint8Array ? body.byteLength : undefined));
  try {
    const first = await pieces.next();
    if (first.done === true) throw new Lc2Error('BUG', 'a body without a piece', { where: whereIs(context, key) });
    const isWhole = first.value.isLast;
    return writtenInfo(task, await (isWhole ? putPiece(task, first.value) : putBlocks(task, first.value, pieces)));
  } finally {
    await pieces.return();
  }
};

const writtenInfo = ({ context, key, options }: PutTask, { size, md5, etag, lastModified }: Written): ObjectInfo =>
  infoOf(context, key, {
    size,
    etag,
    lastModified,
    contentMD5: md5,
    contentType: options.contentType,
    ...(options.metadata !== undefined && { metadata: { ...options.metadata } }),
  });

const blobOf = ({ context, key }: PutTask) => context.place.container.getBlockBlobClient(context.prefix + key);

/** What describes the object, and the condition: no ETag is `*` where nothing stands. */
const headersOf = ({ options }: PutTask, md5: Uint8Array) => ({
  blobHTTPHeaders: {
    blobContentType: options.contentType ?? 'application/octet-stream',
    blobContentMD5: md5,
  },
  ...(options.metadata !== undefined && { metadata: metadataFor(options.metadata) }),
  ...(options.createOnly === true && { conditions: { ifNoneMatch: '*' } }),
});

/** Names must be those of C# here. */
export const metadataNames = /^[A-Za-z_][A-Za-z0-9_]*$/;

const metadataFor = (metadata: Readonly<Record<string, string>>): Record<string, string> =>
  encodeMetadata(Object.fromEntries(Object.entries(metadata).filter(([name]) => metadataNames.test(name))));

const putPiece = async (task: PutTask, piece: Piece): Promise<Written> => {
  try {
    return await putWhole(task, piece.bytes);
  } finally {
    piece.release();
  }
};

const putWhole = async (task: PutTask, bytes: Uint8Array): Promise<Written> => {
  const md5 = hash('md5', bytes, 'buffer');
  const size = bytes.byteLength;
  const tries: Tries = { count: 0 };
  try {
    const done = await attempted({ ...task.context, tries }, (abortSignal) =>
      // The service compares the md5 of what arrives.
      blobOf(task).upload(bytes, size, { abortSignal, transactionalContentMD5: md5, ...headersOf(task, md5) }),
    );
    task.context.state.answered = true;
    return { size, md5, etag: done.etag, lastModified: done.lastModified };
  } catch (error) {
    return await ownOrThrow(task, { error, tries, md5, size });
  }
};

/** Blocks under names of this upload; they are an object when the list of them is committed, and nothing before. */
const putBlocks = async (task: PutTask, first: Piece, rest: AsyncIterator<Piece>): Promise<Written> => {
  const { context, key } = task;
  const upload = randomBytes(12).toString('hex');
  const md5 = createHash('md5');
  const blocks: string[] = [];
  const staged = createStaging(task);
  let size = 0;
  let piece: Piece | undefined = first;
  try {
    while (piece !== undefined) {
      if (blocks.length === mostBlocks) throw tooLarge(task);
      const { bytes, isLast } = piece;
      // All names of one object's blocks must be of one length.
      const id = Buffer.from(`${upload}-${String(blocks.length).padStart(6, '0')}`).toString('base64');
      blocks.push(id);
      md5.update(bytes);
      size += bytes.byteLength;
      const begun = piece;
      piece = undefined;
      staged.begin(id, begun);
      if (isLast || staged.hasFailed()) break;
      const next = await rest.next();
      piece = next.done === true ? undefined : next.value;
    }
  } catch (error) {
    staged.fail(error);
  } finally {
    piece?.release();
  }
  await staged.end();
  const digest = md5.digest();
  const tries: Tries = { count: 0 };
  try {
    const done = await attempted({ ...context, tries }, (abortSignal) =>
      blobOf(task).commitBlockList(blocks, { abortSignal, ...headersOf(task, digest) }),
    );
    context.state.answered = true;
    return { size, md5: digest, etag: done.etag, lastModified: done.lastModified };
  } catch (error) {
    return await ownOrThrow({ context, key, options: task.options }, { error, tries, md5: digest, size });
  }
};

interface Staging {
  begin(id: string, piece: Piece): void;
  hasFailed(): boolean;
  fail(error: unknown): void;
  /** Waits for all; throws the first failure, which ended the others. */
  end(): Promise<void>;
}

/** The budget bounds how many blocks are under way. */
const createStaging = (task: PutTask): Staging => {
  const { context, key } = task;
  const failing = new AbortController();
  const signal = AbortSignal.any([context.signal, failing.signal]);
  const running = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  const fail = (error: unknown): void => {
    failure ??= { error };
    failing.abort();
  };
  const stage = async (id: string, { bytes, release }: Piece): Promise<void> => {
    try {
      const transactionalContentMD5 = hash('md5', bytes, 'buffer');
      await attempted({ signal, tuning: context.tuning }, (abortSignal) =>
        blobOf(task).stageBlock(id, bytes, bytes.byteLength, { abortSignal, transactionalContentMD5 }),
      );
      context.state.answered = true;
    } catch (error) {
      throw translate(context, key, error);
    } finally {
      release();
    }
  };
  return {
    begin: (id, piece) => {
      const work: Promise<void> = stage(id, piece).catch(fail);
      running.add(work);
      void work.finally(() => running.delete(work));
    },
    hasFailed: () => failure !== undefined,
    fail,
    end: async () => {
      await Promise.all(running);
      if (failure !== undefined) throw failure.error;
    },
  };
};

const tooLarge = ({ context, key }: PutTask): Lc2Error =>
  new Lc2Error('STORE_FULL', `an object of unknown length does not fit into ${mostBlocks} blocks`, {
    where: whereIs(context, key),
    remedy: 'split the data',
  });

interface Doubt {
  readonly error: unknown;
  readonly tries: Tries;
  readonly md5: Uint8Array;
  readonly size: number;
}

/** A request whose answer was lost is repeated. When the first one had succeeded, the second meets our own object. */
const ownOrThrow = async (task: PutTask, doubt: Doubt): Promise<Written> => {
  const { context, key, options } = task;
  const { error, tries } = doubt;
  const isTaken = isRefused(error, 412) || isCode(error, 'BlobAlreadyExists');
  // Blocks that are gone were committed, or thrown away with the commit of another.
  const isDoubtful = isTaken || failureOf(error).status === undefined || isCode(error, 'InvalidBlockList');
  const isCreation = options.createOnly === true;
  if (!isDoubtful || context.signal.aborted || (!isCreation && tries.count === 1)) throw translate(context, key, error);
  const standing = await tryHead(context, key);
  if (standing !== undefined && tries.count > 1 && isSame(standing, doubt))
    return { size: doubt.size, md5: doubt.md5, etag: standing.etag, lastModified: standing.lastModified };
  if (isCreation && (isTaken || standing !== undefined))
    throw new Lc2Error('OBJECT_EXISTS', 'the key is taken', { where: whereIs(context, key) });
  throw translate(context, key, error);
};

const isSame = ({ contentMD5, contentLength }: Properties, { md5, size }: Doubt): boolean =>
  contentMD5 !== undefined && Buffer.from(md5).equals(contentMD5) && contentLength === size;

export type Properties = Awaited<ReturnType<ReturnType<typeof blobOf>['getProperties']>>;

/** The object as it is now; undefined when there is none. */
export const tryHead = async (context: AzblobContext, key: string): Promise<Properties | undefined> => {
  throwIfCancelled(context.signal);
  const blob = context.place.container.getBlobClient(context.prefix + key);
  try {
    const found = await attempted(context, (abortSignal) => blob.getProperties({ abortSignal }));
    context.state.answered = true;
    return found;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw translate(context, key, error);
  }
};

/** One of a few calls that delete; what is gone already is fine. */
export const deleteBlob = async (context: AzblobContext, key: string, etag?: string): Promise<void> => {
  const blob = context.place.container.getBlobClient(context.prefix + key);
  await call(context, key, async (abortSignal) => {
    try {
      await blob.delete({ abortSignal, ...(etag !== undefined && { conditions: { ifMatch: `"${etag}"` } }) });
    } catch (error) {
      const isReplaced = etag !== undefined && isRefused(error, 412);
      if (!isMissing(error) && !isReplaced) throw error;
    }
  });
};
