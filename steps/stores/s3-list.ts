import { Lc2Error } from '../../core/errors.ts';
import type { ObjectInfo } from '../../core/ports/object-store.ts';
import { compareUtf8 } from '../../core/utf8.ts';
import { listPages } from '../runtime/split-pages.ts';
import type { Listing } from './s3-xml.ts';
import { classOf, isArchived } from './s3-classes.ts';
import { call, checksumOf, isOpaque, type S3Context, whereIs } from './s3-context.ts';

const mostProbes = 3;

interface ListOptions {
  readonly prefix: string;
  readonly startAfter?: string | undefined;
  readonly cuts?: Iterable<string> | undefined;
}

export const broken = (context: S3Context, what: string, key = ''): Lc2Error =>
  new Lc2Error('STORE_FAILED', what, { where: whereIs(context, key) });

/** A plus is a space in what the server encoded; keys that are not UTF-8 cannot be carried at all. */
export const decode = (context: S3Context, text: string, encoded: boolean): string => {
  if (!encoded) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch (cause) {
    throw new Lc2Error('KEY_UNSUPPORTED', 'the store holds a key that is not UTF-8', {
      where: whereIs(context, text),
      cause,
    });
  }
};

/** Every object. A server that leaves out, repeats or disorders anything is found out. */
export const listObjects = (context: S3Context, options: ListOptions): AsyncIterable<ObjectInfo> =>
  listPages((startAfter) => pagesOf(context, { ...options, startAfter }), options);

async function* pagesOf(
  context: S3Context,
  options: ListOptions,
): AsyncGenerator<readonly ObjectInfo[], void, undefined> {
  let token: string | undefined;
  let last: string | undefined;
  do {
    const page = await readPage(context, options, { token, last });
    token = page.token;
    last = page.last;
    yield page.objects;
  } while (token !== undefined);
}

/** Where a listing goes on: the server's word for it, and the last key. */
interface Mark {
  readonly token: string | undefined;
  readonly last: string | undefined;
}

const readPage = async (
  context: S3Context,
  options: ListOptions,
  before: Mark,
): Promise<Mark & { readonly objects: readonly ObjectInfo[] }> => {
  const page: Listing = await call(context, options.prefix, () =>
    context.calls.list(pageOf(context, options, before.token), context.signal),
  );
  // The SDK reads a page of a proxy as a listing of nothing.
  if (page.IsTruncated === undefined && page.Name === undefined)
    throw broken(context, 'the answer is no listing', options.prefix);
  const below = context.prefix + options.prefix;
  const objects: ObjectInfo[] = [];
  let { last } = before;
  for (const object of page.Contents ?? []) {
    const full = decode(context, object.Key ?? '', page.EncodingType === 'url');
    const key = full.slice(context.prefix.length);
    if (!full.startsWith(below)) throw broken(context, 'the listing holds a key that was not asked for', full);
    if (last !== undefined && compareUtf8(last, key) >= 0)
      throw broken(context, 'the listing is not in the order of UTF-8 bytes', key);
    last = key;
    // The folder itself, as some tools mark it, has no name below the prefix.
    if (key === '') continue;
    objects.push(infoOf(context, key, object, context.state.etagsAreOpaque ?? (await probeEtags(context, key))));
  }
  return { objects, last, token: nextToken(context, page, before.token) };
};

const pageOf = (context: S3Context, { prefix, startAfter }: ListOptions, token: string | undefined) => ({
  Bucket: context.bucket,
  Prefix: context.prefix + prefix,
  EncodingType: 'url' as const,
  ...(context.tuning.pageSize !== undefined && { MaxKeys: context.tuning.pageSize }),
  ...(startAfter !== undefined && startAfter !== '' && { StartAfter: context.prefix + startAfter }),
  ...(token !== undefined && { ContinuationToken: token }),
});

const nextToken = (context: S3Context, page: Listing, before: string | undefined): string | undefined => {
  if (page.IsTruncated !== true) return undefined;
  const token = page.NextContinuationToken;
  if (token === undefined || token === '' || token === before)
    throw broken(context, 'the listing was cut short without a way to go on');
  return token;
};

export const infoOf = (
  context: S3Context,
  key: string,
  object: Omit<NonNullable<Listing['Contents']>[number], 'StorageClass'> & {
    readonly StorageClass?: string | undefined;
  },
  opaque: boolean,
): ObjectInfo => {
  const { Size: size, ETag: etag, LastModified: time } = object;
  if (size === undefined || etag === undefined || time === undefined)
    throw broken(context, 'the listing lacks size, time or ETag', key);
  const storageClass = classOf(object.StorageClass);
  const checksum = checksumOf(etag, opaque);
  return {
    key,
    size,
    mtime: time.toISOString(),
    version: checksum.value,
    checksum,
    ...(storageClass && { storageClass }),
    ...(isArchived(object) && { unreadable: 'archived' }),
  };
};

/** A listing does not say how objects are encrypted: one object per opened store is asked. */
export const probeEtags = async (context: S3Context, key: string, VersionId?: string): Promise<boolean> => {
  const target = { Bucket: context.bucket, Key: context.prefix + key, ...(VersionId !== undefined && { VersionId }) };
  try {
    context.state.etagsAreOpaque ??= isOpaque(await context.calls.head(target, context.signal));
  } catch {
    // Deleted meanwhile or not readable: the next object is asked, a few times; whoever reads this one meets the reason.
    if (++context.state.failedProbes >= mostProbes) context.state.etagsAreOpaque = false;
    return false;
  }
  return context.state.etagsAreOpaque;
};

/** Ends what nobody finished; returns how many uploads there were. */
export const abortUploads = async (context: S3Context, prefix: string): Promise<number> => {
  let count = 0;
  let marker: { readonly KeyMarker?: string; readonly UploadIdMarker?: string } = {};
  const where = { Bucket: context.bucket, Prefix: context.prefix + prefix };
  if (!(await call(context, prefix, () => context.calls.hasUploads(where, context.signal)))) return count;
  const { client, ListMultipartUploadsCommand } = await context.calls.sdk();
  for (;;) {
    const command = new ListMultipartUploadsCommand({
      ...where,
      EncodingType: 'url',
      ...marker,
    });
    const page = await call(context, prefix, () => client.send(command, { abortSignal: context.signal }));
    for (const { Key, UploadId } of page.Uploads ?? []) {
      const key = decode(context, Key ?? '', page.EncodingType === 'url');
      // Some servers ignore the prefix.
      if (UploadId === undefined || !key.startsWith(context.prefix + prefix)) continue;
      await abortUpload(context, key, UploadId);
      count++;
    }
    if (page.IsTruncated !== true) return count;
    const next = {
      ...(page.NextKeyMarker !== undefined && {
        KeyMarker: decode(context, page.NextKeyMarker, page.EncodingType === 'url'),
      }),
      ...(page.NextUploadIdMarker !== undefined && { UploadIdMarker: page.NextUploadIdMarker }),
    };
    if (JSON.stringify(next) === JSON.stringify(marker) || next.KeyMarker === undefined) {
      throw broken(context, 'the list of uploads was cut short without a way to go on', prefix);
    }
    marker = next;
  }
};

const abortUpload = async (context: S3Context, key: string, uploadId: string): Promise<void> => {
  const { client, AbortMultipartUploadCommand } = await context.calls.sdk();
  const command = new AbortMultipartUploadCommand({ Bucket: context.bucket, Key: key, UploadId: uploadId });
  await call(context, key, async () => {
    try {
      await client.send(command, { abortSignal: context.signal });
    } catch (error) {
      // Finished or ended by its owner meanwhile.
      if (!(error instanceof Error && error.name === 'NoSuchUpload')) throw error;
    }
  });
};
