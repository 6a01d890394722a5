import type { DeleteMarkerEntry, ListObjectVersionsCommandOutput, ObjectVersion } from '@aws-sdk/client-s3';
import { Lc2Error } from '../../core/errors.ts';
import type { ObjectPast, ObjectStore } from '../../core/ports/object-store.ts';
import { compareUtf8 } from '../../core/utf8.ts';
import { createPast, type PastCalls, type StoredVersion } from './create-past.ts';
import { call, type S3Context } from './s3-context.ts';
import { broken, decode, infoOf, probeEtags } from './s3-list.ts';

/** Versions of a bucket, as S3 lists them. */
export const s3Past = (context: S3Context, store: ObjectStore, reads: Pick<PastCalls, 'head' | 'get'>): ObjectPast =>
  createPast(store, { ...reads, probe: () => probe(context), versions: (below) => versions(context, below) });

const probe = async (context: S3Context): Promise<void> => {
  const { Status } = await call(context, '', async () => {
    const { client, GetBucketVersioningCommand } = await context.calls.sdk();
    return client.send(new GetBucketVersioningCommand({ Bucket: context.bucket }), { abortSignal: context.signal });
  });
  if (Status === 'Enabled') return;
  throw new Lc2Error('VERSIONS_UNAVAILABLE', 'the bucket keeps no versions', { where: context.url });
};

/** A version, or the mark of a deletion. */
interface Entry {
  readonly key: string;
  readonly time: number;
  readonly isLatest: boolean;
  readonly version?: ObjectVersion;
}

type Marker = Pick<ListObjectVersionsCommandOutput, 'NextKeyMarker' | 'NextVersionIdMarker'>;

async function* versions(
  context: S3Context,
  { prefix, startAfter = '' }: Parameters<PastCalls['versions']>[0],
): AsyncGenerator<readonly StoredVersion[], void, undefined> {
  let marker: Marker | undefined = startAfter === '' ? {} : { NextKeyMarker: context.prefix + startAfter };
  /** The entry before: of the same key it is the newer one. */
  let last: Entry | undefined;
  while (marker !== undefined) {
    const page: ListObjectVersionsCommandOutput = await readPage(context, prefix, marker);
    const found: StoredVersion[] = [];
    for (const entry of entriesOf(context, prefix, page)) {
      if (last !== undefined && compareUtf8(last.key, entry.key) > 0)
        throw broken(context, 'the listing is not in the order of UTF-8 bytes', entry.key);
      const newer: Entry | undefined = last?.key === entry.key ? last : undefined;
      last = entry;
      // Some servers begin with the key that is named.
      const isAsked = entry.key !== '' && (startAfter === '' || compareUtf8(entry.key, startAfter) > 0);
      if (isAsked && entry.version !== undefined) found.push(await versionOf(context, entry, newer));
    }
    yield found;
    marker = nextMarker(context, page, marker);
  }
}

const readPage = (context: S3Context, prefix: string, marker: Marker): Promise<ListObjectVersionsCommandOutput> =>
  call(context, prefix, async () => {
    const { client, ListObjectVersionsCommand } = await context.calls.sdk();
    const command = new ListObjectVersionsCommand({
      Bucket: context.bucket,
      Prefix: context.prefix + prefix,
      EncodingType: 'url',
      MaxKeys: context.tuning.pageSize,
      KeyMarker: marker.NextKeyMarker,
      VersionIdMarker: marker.NextVersionIdMarker,
    });
    const page = await client.send(command, { abortSignal: context.signal });
    // The SDK reads a page of a proxy as a listing of nothing.
    if (page.IsTruncated === undefined && page.Name === undefined)
      throw broken(context, 'the answer is no listing', prefix);
    return page;
  });

const nextMarker = (context: S3Context, page: ListObjectVersionsCommandOutput, before: Marker): Marker | undefined => {
  if (page.IsTruncated !== true) return undefined;
  const { NextKeyMarker: key = '', NextVersionIdMarker: id } = page;
  const next = { NextKeyMarker: decode(context, key, page.EncodingType === 'url'), NextVersionIdMarker: id };
  const isSame = next.NextKeyMarker === before.NextKeyMarker && id === before.NextVersionIdMarker;
  if (key === '' || isSame) throw broken(context, 'the listing was cut short without a way to go on');
  return next;
};

/** Versions and deletions come apart: by key, the newest first. */
const entriesOf = (context: S3Context, prefix: string, page: ListObjectVersionsCommandOutput): Entry[] => {
  const entryOf = (marked: DeleteMarkerEntry, version?: ObjectVersion): Entry => {
    const full = decode(context, marked.Key ?? '', page.EncodingType === 'url');
    if (!full.startsWith(context.prefix + prefix))
      throw broken(context, 'the listing holds a key that was not asked for', full);
    const key = full.slice(context.prefix.length);
    const time = marked.LastModified?.getTime();
    if (time === undefined || marked.VersionId === undefined)
      throw broken(context, 'the listing lacks time or version', key);
    return { key, time, isLatest: marked.IsLatest === true, ...(version && { version }) };
  };
  // Within a second nobody tells which came first: the sort keeps a version before the deletion, and so takes it for newer.
  return [
    ...(page.Versions ?? []).map((version) => entryOf(version, version)),
    ...(page.DeleteMarkers ?? []).map((marker) => entryOf(marker)),
  ].sort((a, b) => compareUtf8(a.key, b.key) || b.time - a.time || Number(b.isLatest) - Number(a.isLatest));
};

const versionOf = async (
  context: S3Context,
  { key, time, version = {} }: Entry,
  newer: Entry | undefined,
): Promise<StoredVersion> => {
  const id = version.VersionId ?? '';
  const opaque = context.state.etagsAreOpaque ?? (await probeEtags(context, key, id));
  const info = infoOf(context, key, version, opaque);
  return { info, id, since: time, until: newer?.time ?? Number.POSITIVE_INFINITY };
};
