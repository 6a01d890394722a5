import { Lc2Error } from '../../core/errors.ts';
import { canCopy } from '../../core/plan/mover-choice.ts';
import type { Mover, MoveOrder, MoveResult } from '../../core/ports/mover.ts';
import type { ObjectInfo } from '../../core/ports/object-store.ts';
import { tryParseUrl } from '../../core/stores/index.ts';
import { ordered } from '../runtime/ordered.ts';
import { createS3Calls, type S3Calls } from '../stores/s3-calls.ts';
import { classOf } from '../stores/s3-classes.ts';
import { checksumOf, isOpaque, versionOfEtag } from '../stores/s3-context.ts';
import { failureOf, s3Error } from '../stores/s3-errors.ts';
import { prefixOf } from '../stores/store-options.ts';
import type { MoverEnd, MoverOptions } from './mover-options.ts';
import { adopt, areComparable, digestOf, outcomeOf } from './same-object.ts';

const gibibyte = 1024 ** 3;
/** The most that S3 copies by one request, and by one part. */
const requestLimit = 5 * gibibyte;
const mostParts = 10_000;
const defaultConcurrency = 64;
const partsAtOnce = 8;
const farewell = 10_000;

interface Context {
  readonly options: MoverOptions;
  readonly calls: S3Calls;
  readonly from: Place;
  readonly to: Place;
  readonly state: {
    /** Whether a copy under If-None-Match is refused where an object stands; undefined: not tried yet. */
    refusesToOverwrite: boolean | undefined;
  };
}

interface Place {
  readonly bucket: string;
  readonly prefix: string;
}

/** The store copies from place to place by itself, with the target's credentials; no bytes come here. */
export const openS3Copy = (options: MoverOptions): Promise<Mover> => {
  const calls = createS3Calls(options.to);
  const context: Context = {
    options,
    calls,
    from: placeOf(options.from),
    to: placeOf(options.to),
    state: { refusesToOverwrite: undefined },
  };
  const isPossible = canCopy(options.from.location, options.to.location);
  const concurrency = options.tuning?.concurrency ?? defaultConcurrency;
  return Promise.resolve({
    name: 'copy',
    takes: () => isPossible,
    move: (orders) => {
      // One for all orders: to combine signals costs more than to sign a request.
      let both: AbortSignal | undefined;
      return ordered(orders, { concurrency }, (order, signal) => {
        both ??= AbortSignal.any([signal, options.signal]);
        return moveOne(context, order, both);
      });
    },
  });
};

const placeOf = ({ location, subfolder }: MoverEnd): Place => {
  const parsed = tryParseUrl(location.url);
  return { bucket: parsed?.bucket ?? '', prefix: parsed ? prefixOf(parsed, subfolder) : '' };
};

const moveOne = async (context: Context, order: MoveOrder, signal: AbortSignal): Promise<MoveResult> => {
  const { options, state } = context;
  if (order.createOnly && state.refusesToOverwrite !== true) {
    const standing = await options.target.head(order.to);
    if (standing !== undefined) return adopt(options, order, standing, signal);
  }
  try {
    if (!needsParts(context, order)) {
      const result = await copyWhole(context, order, signal);
      if (result !== undefined) return result;
    } else await copyInParts(context, order, signal);
    return await confirm(context, order, signal);
  } catch (error) {
    return await explain(context, order, error, signal);
  }
};

/** Copying in parts keeps the ETag of an object that was uploaded in parts: then nobody has to read it to compare. */
const needsParts = ({ options }: Context, { from }: MoveOrder): boolean =>
  from.size > (options.tuning?.copyLimit ?? requestLimit) || (from.size > 0 && /-\d+$/.test(from.version));

const sourceOf = ({ from }: Context, order: MoveOrder): string =>
  `${from.bucket}/${encodeURIComponent(from.prefix + order.from.key).replaceAll('%2F', '/')}`;

const ifMatch = (order: MoveOrder): string => `"${order.from.version}"`;

const copyWhole = async (context: Context, order: MoveOrder, signal: AbortSignal): Promise<MoveResult | undefined> => {
  const { calls, state } = context;
  // All else goes along by itself.
  const StorageClass = classOf(order.from.storageClass);
  const input = {
    Bucket: context.to.bucket,
    Key: context.to.prefix + order.to,
    CopySource: sourceOf(context, order),
    CopySourceIfMatch: ifMatch(order),
    ...(StorageClass && { StorageClass }),
    ...(order.createOnly && { IfNoneMatch: '*' }),
  };
  const done = await calls.copy(input, signal);
  if (order.createOnly && state.refusesToOverwrite === undefined) {
    // Not every server knows the condition on copies. The same copy again tells, and changes nothing either way.
    state.refusesToOverwrite = false;
    try {
      await calls.copy(input, signal);
    } catch (error) {
      // Whatever else became of the question, the copy itself is done.
      state.refusesToOverwrite = failureOf(error).status === 412;
    }
  }
  return isSameByEtag(order.from, done.ETag) ? copied(order, done) : undefined;
};

/** The answer names the very version that was ordered, so nobody has to look. What describes the object went with it. */
const copied = (order: MoveOrder, done: Awaited<ReturnType<S3Calls['copy']>>): MoveResult => {
  const checksum = checksumOf(order.from.version, isOpaque(done));
  return { outcome: 'copied', order, object: { size: order.from.size, checksum }, adopted: false };
};

const copyInParts = async (context: Context, order: MoveOrder, signal: AbortSignal): Promise<void> => {
  const { calls, options } = context;
  const sdk = await calls.sdk();
  const { client } = sdk;
  const target = { Bucket: context.to.bucket, Key: context.to.prefix + order.to };
  const [kept, partSize] = await Promise.all([keptOf(context, order, signal), partSizeOf(context, order, signal)]);
  const ranges = rangesOf(order.from.size, partSize, options.tuning?.copyLimit ?? requestLimit);
  const { UploadId } = await client.send(new sdk.CreateMultipartUploadCommand({ ...target, ...kept }));
  if (UploadId === undefined)
    throw new Lc2Error('STORE_FAILED', 'the store began an upload without an id', { where: order.to });
  try {
    const copyPart = async ({ range, number }: { range: string; number: number }, partSignal: AbortSignal) => {
      const command = new sdk.UploadPartCopyCommand({
        ...target,
        UploadId,
        PartNumber: number,
        CopySource: sourceOf(context, order),
        CopySourceIfMatch: ifMatch(order),
        CopySourceRange: range,
      });
      const done = await client.send(command, { abortSignal: AbortSignal.any([signal, partSignal]) });
      return { PartNumber: number, ETag: done.CopyPartResult?.ETag };
    };
    const parts = await collect(ordered(numbered(ranges), { concurrency: partsAtOnce }, copyPart));
    const command = new sdk.CompleteMultipartUploadCommand({
      ...target,
      UploadId,
      MultipartUpload: { Parts: parts },
      ...(order.createOnly && { IfNoneMatch: '*' }),
    });
    await client.send(command, { abortSignal: signal });
  } catch (error) {
    // What cannot be ended now is swept by abortUploads; the reason of the failure counts.
    await client
      .send(new sdk.AbortMultipartUploadCommand({ ...target, UploadId }), {
        abortSignal: AbortSignal.timeout(farewell),
      })
      .catch(() => undefined);
    throw error;
  }
};

/** All that a copy by one request keeps by itself; a copy in parts is an object of its own. */
const keptOf = async (context: Context, order: MoveOrder, signal: AbortSignal) => {
  const { client, HeadObjectCommand } = await context.calls.sdk();
  const [described, Tagging] = await Promise.all([
    client.send(new HeadObjectCommand(headOf(context, order)), { abortSignal: signal }),
    tagsOf(context, order, signal),
  ]);
  const { ContentType, Metadata, CacheControl, ContentDisposition, ContentEncoding, ContentLanguage } = described;
  const Expires = new Date(described.ExpiresString ?? '');
  return {
    ContentType,
    Metadata,
    CacheControl,
    ContentDisposition,
    ContentEncoding,
    ContentLanguage,
    StorageClass: classOf(described.StorageClass),
    ...(!Number.isNaN(Expires.getTime()) && { Expires }),
    ...(Tagging !== '' && { Tagging }),
  };
};

/** In the form of the header that gives them to an upload; none where a server knows no tags. */
const tagsOf = async ({ calls, from }: Context, order: MoveOrder, signal: AbortSignal): Promise<string> => {
  const { client, GetObjectTaggingCommand } = await calls.sdk();
  const command = new GetObjectTaggingCommand({ Bucket: from.bucket, Key: from.prefix + order.from.key });
  try {
    const { TagSet = [] } = await client.send(command, { abortSignal: signal });
    return TagSet.map(({ Key = '', Value = '' }) => `${encodeURIComponent(Key)}=${encodeURIComponent(Value)}`).join(
      '&',
    );
  } catch (error) {
    const { status, name } = failureOf(error);
    if (status === 501 || name === 'NoSuchTagSet') return '';
    throw error;
  }
};

const headOf = ({ from }: Context, order: MoveOrder, part?: number) => ({
  Bucket: from.bucket,
  Key: from.prefix + order.from.key,
  // Of a part some servers compare the part's own ETag; the copies of the parts carry the condition anyway.
  ...(part === undefined ? { IfMatch: ifMatch(order) } : { PartNumber: part }),
});

/** Length of the source's own first part, which the others but the last usually share. */
const partSizeOf = async (context: Context, order: MoveOrder, signal: AbortSignal): Promise<number | undefined> => {
  if (!/-\d+$/.test(order.from.version)) return undefined;
  const { client, HeadObjectCommand } = await context.calls.sdk();
  const command = new HeadObjectCommand(headOf(context, order, 1));
  const { ContentLength, PartsCount } = await client.send(command, { abortSignal: signal });
  const count = Number(/-(\d+)$/.exec(order.from.version)?.[1]);
  // Servers that do not know parts answer with the whole object.
  if (ContentLength === order.from.size && count > 1 && PartsCount === undefined) return undefined;
  return ContentLength;
};

const rangesOf = (size: number, own: number | undefined, limit: number): string[] => {
  const fits = own !== undefined && own > 0 && own <= limit && size / own <= mostParts;
  const length = fits ? own : Math.max(Math.min(limit, gibibyte), Math.ceil(size / mostParts));
  const ranges: string[] = [];
  for (let first = 0; first < size; first += length)
    ranges.push(`bytes=${first}-${Math.min(first + length, size) - 1}`);
  return ranges;
};

async function* numbered(
  ranges: readonly string[],
): AsyncGenerator<{ range: string; number: number }, void, undefined> {
  for (const [index, range] of ranges.entries()) yield await Promise.resolve({ range, number: index + 1 });
}

const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};

/** What stands at the target now, compared with the source: by ETag where both are the same kind of thing, else by bytes. */
const confirm = async ({ options }: Context, order: MoveOrder, signal: AbortSignal): Promise<MoveResult> => {
  const standing = await options.target.head(order.to);
  if (standing === undefined || standing.size !== order.from.size)
    throw incomplete(options, order, 'is not there or has another size');
  const digest = isSameByEtag(order.from, standing.version)
    ? undefined
    : await compareBytes(options, order, standing, signal);
  if (digest === 'changed') return { outcome: 'changed', order };
  const object = {
    size: standing.size,
    ...(standing.checksum && { checksum: standing.checksum }),
    ...(digest !== undefined && { digest }),
    ...(standing.contentType !== undefined && { contentType: standing.contentType }),
    ...(standing.metadata && { metadata: standing.metadata }),
  };
  return { outcome: 'copied', order, object, adopted: false };
};

/** Equal ETags of one service mean equal bytes, whatever they are computed from; unequal ones mean nothing unless both are md5. */
const isSameByEtag = (from: ObjectInfo, etag: string | undefined): boolean =>
  etag !== undefined && from.version === versionOfEtag(etag);

const compareBytes = async (
  options: MoverOptions,
  order: MoveOrder,
  standing: ObjectInfo,
  signal: AbortSignal,
): Promise<string> => {
  const source = await options.source.head(order.from.key);
  let ours: string;
  try {
    ours = await digestOf(options.source, order.from, signal);
  } catch (error) {
    if (outcomeOf(error, order).outcome !== 'copied') await options.target.delete([order.to]);
    return 'changed';
  }
  const isDifferent = areComparable(source?.checksum, standing.checksum)
    ? source?.checksum?.value !== standing.checksum?.value
    : ours !== (await digestOf(options.target, standing, signal));
  if (isDifferent) throw incomplete(options, order, 'differs from its source');
  return ours;
};

const incomplete = ({ target }: MoverOptions, order: MoveOrder, what: string): Lc2Error =>
  new Lc2Error('COPY_INCOMPLETE', `a copy that the store reported as done ${what}`, {
    where: `${target.url}/${order.to}`,
  });

/** A refused condition is either the source's or the target's: looking tells. */
const explain = async (
  context: Context,
  order: MoveOrder,
  error: unknown,
  signal: AbortSignal,
): Promise<MoveResult> => {
  const { options } = context;
  const { status, name } = failureOf(error);
  if (status === 412 || (status === 409 && order.createOnly && name === 'ConditionalRequestConflict')) {
    const standing = order.createOnly ? await options.target.head(order.to) : undefined;
    return standing === undefined ? { outcome: 'changed', order } : adopt(options, order, standing, signal);
  }
  if (status === 404 && name !== 'NoSuchBucket') {
    if ((await options.source.head(order.from.key)) === undefined) return { outcome: 'vanished', order };
  }
  const translated = s3Error(error, {
    where: `${options.source.url}/${order.from.key} -> ${options.target.url}/${order.to}`,
    signal: options.signal,
    answered: true,
    secrets: options.to.secrets,
  });
  // Something else stands in the way of the name, such as `p` of `p/q` where keys are files.
  if (translated.code === 'KEY_UNSUPPORTED' && order.createOnly) return { outcome: 'conflict', order };
  throw translated;
};
