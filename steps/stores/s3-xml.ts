import type { ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import { listedClassOf } from './s3-classes.ts';

/** The few answers that are read without the SDK. What does not look as expected is undefined: then the SDK reads it. */

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

/** A quote is most of what there is: each listed object has two. */
const unescape = (escaped: string): string => {
  const text = escaped.replaceAll('&quot;', '"');
  return text.includes('&')
    ? text.replaceAll(/&(?:#x([0-9a-fA-F]+)|#(\d+)|(\w+));/g, (all, hex?: string, decimal?: string, name = '') =>
        hex === undefined && decimal === undefined
          ? (entities[String(name)] ?? all)
          : String.fromCodePoint(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)),
      )
    : text;
};

/** Text of the first element of this name; undefined: there is none, or it holds more than text. */
const textOf = (xml: string, name: string): string | undefined => {
  const open = `<${name}>`;
  const start = xml.indexOf(open);
  if (start < 0) return undefined;
  const end = xml.indexOf('<', start + open.length);
  return xml.startsWith(`</${name}>`, end) ? unescape(xml.slice(start + open.length, end)) : undefined;
};

/** The code and the message of an error, wherever it stands. */
export const errorOf = (xml: string): { readonly code: string; readonly message: string } | undefined => {
  if (!/<Error[\s>]/.test(xml)) return undefined;
  return { code: textOf(xml, 'Code') ?? 'UnknownError', message: textOf(xml, 'Message') ?? '' };
};

export const etagOfCopy = (xml: string): string | undefined =>
  /<CopyObjectResult[\s>]/.test(xml) ? textOf(xml, 'ETag') : undefined;

/** Uploads that nobody ended, on this page or on a later one. */
export const holdsUploads = (xml: string): boolean | undefined => {
  if (!xml.trimEnd().endsWith('</ListMultipartUploadsResult>')) return undefined;
  return /<Upload[\s>]/.test(xml) || textOf(xml, 'IsTruncated') === 'true';
};

export type Listing = Pick<
  ListObjectsV2CommandOutput,
  'Contents' | 'IsTruncated' | 'Name' | 'NextContinuationToken' | 'EncodingType'
>;

export const listingOf = (xml: string): Listing | undefined => {
  if (!xml.trimEnd().endsWith('</ListBucketResult>') || /<!/.test(xml)) return undefined;
  const [head = '', ...items] = xml.split('<Contents>');
  const tail = items.at(-1)?.split('</Contents>')[1] ?? '';
  const envelope = head + tail;
  const truncated = textOf(envelope, 'IsTruncated');
  if (truncated !== 'true' && truncated !== 'false') return undefined;
  const token = textOf(envelope, 'NextContinuationToken');
  const contents = items.map(objectOf);
  if (contents.some((object) => object === undefined)) return undefined;
  return {
    IsTruncated: truncated === 'true',
    ...(textOf(envelope, 'EncodingType') === 'url' && { EncodingType: 'url' }),
    ...(token !== undefined && { NextContinuationToken: token }),
    Contents: contents.flatMap((object) => object ?? []),
  };
};

const digits = /^\d+$/;

const objectOf = (xml: string): NonNullable<Listing['Contents']>[number] | undefined => {
  const Key = textOf(xml, 'Key');
  const ETag = textOf(xml, 'ETag');
  const size = textOf(xml, 'Size');
  const LastModified = new Date(textOf(xml, 'LastModified') ?? '');
  if (Key === undefined || ETag === undefined || size === undefined || !digits.test(size)) return undefined;
  if (Number.isNaN(LastModified.getTime())) return undefined;
  const StorageClass = listedClassOf(textOf(xml, 'StorageClass'));
  return { Key, ETag, Size: Number(size), LastModified, ...(StorageClass && { StorageClass }) };
};
