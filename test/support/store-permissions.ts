// What each request to an object store needs, as the vendors' documentation of the request says; and fronts that refuse what is
// not allowed.
import type { IncomingHttpHeaders } from 'node:http';
import { gsError } from '../fakes/gs-front.ts';
import type { Front } from '../fakes/http-front.ts';
import { s3Error } from '../fakes/s3-front.ts';

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** One permission on one bucket or container. */
export interface Need {
  readonly bucket: string;
  readonly permission: string;
}

export type NeedsOf = (asked: Asked) => Need[];

const ofBucket = (method: string, asked: URLSearchParams): string => {
  if (method === 'POST') return 'DeleteObject';
  if (asked.has('object-lock')) return 'GetBucketObjectLockConfiguration';
  if (asked.has('versioning')) return 'GetBucketVersioning';
  if (asked.has('versions')) return 'ListBucketVersions';
  return asked.has('uploads') ? 'ListBucketMultipartUploads' : 'ListBucket';
};

const s3Needs: NeedsOf = ({ method, url, headers }) => {
  const { pathname, searchParams } = new URL(url, 'http://s3');
  const [, bucket = '', ...key] = pathname.split('/');
  const need = (name: string, where = bucket): Need => ({ bucket: where, permission: `s3:${name}` });
  if (key.join('/') === '') return [need(ofBucket(method, searchParams))];
  if (searchParams.has('retention')) return [need(`${method === 'GET' ? 'Get' : 'Put'}ObjectRetention`)];
  if (method === 'GET' && searchParams.has('tagging')) return [need('GetObjectTagging')];
  if (method === 'GET' || method === 'HEAD')
    return [need(searchParams.has('versionId') ? 'GetObjectVersion' : 'GetObject')];
  if (method === 'DELETE') return [need(searchParams.has('uploadId') ? 'AbortMultipartUpload' : 'DeleteObject')];
  return [need('PutObject'), ...s3WriteNeeds({ headers, isPart: searchParams.has('partNumber'), need })];
};

/** What a write needs beside the right to write. */
const s3WriteNeeds = ({
  headers,
  isPart,
  need,
}: {
  readonly headers: Asked['headers'];
  readonly isPart: boolean;
  readonly need: (name: string, where?: string) => Need;
}): Need[] => {
  const source = headers['x-amz-copy-source'];
  if (source === undefined) return headers['x-amz-tagging'] === undefined ? [] : [need('PutObjectTagging')];
  const [from = ''] = decodeURIComponent(String(source)).replace(/^\//, '').split('/');
  const directive = headers['x-amz-tagging-directive'];
  // Tags go with a copy in one request, unless it says that they do not; with a part they never do.
  const tags = directive === 'REPLACE' || isPart ? [] : [need('GetObjectTagging', from), need('PutObjectTagging')];
  return [need('GetObject', from), ...tags];
};

const gsNeeds: NeedsOf = ({ method, url }) => {
  const { pathname, searchParams } = new URL(url, 'http://gs');
  const parts = pathname
    .replace(/^\/(upload|download|resumable)/, '')
    .split('/')
    .slice(3);
  const [, bucket = '', objects, key, , , to = ''] = parts.map((part) => decodeURIComponent(part));
  const need = (name: string, where = bucket): Need => ({ bucket: where, permission: `storage.objects.${name}` });
  const isCreation = searchParams.get('ifGenerationMatch') === '0' || searchParams.has('upload_id');
  const write = (where: string): Need[] => [need('create', where), ...(isCreation ? [] : [need('delete', where)])];
  if (objects === undefined) return [{ bucket, permission: 'storage.buckets.get' }];
  if (method === 'PATCH') return [need('update'), need('setRetention')];
  if (pathname.includes('/rewriteTo/')) return [need('get'), ...write(to)];
  if (method === 'POST' || method === 'PUT') return write(bucket);
  if (method === 'DELETE') return searchParams.has('upload_id') ? [] : [need('delete')];
  return [need(key === undefined ? 'list' : 'get')];
};

const azblobNeeds: NeedsOf = ({ method, url, headers }) => {
  const { pathname, searchParams } = new URL(url, 'http://azblob');
  const [, , bucket = ''] = pathname.split('/');
  const containers = 'Microsoft.Storage/storageAccounts/blobServices/containers';
  const need = (name: string, where = bucket): Need => ({ bucket: where, permission: `${containers}/blobs/${name}` });
  if (searchParams.get('comp') === 'immutabilityPolicies') return [need('immutableStorage/runAsSuperUser/action')];
  if (searchParams.has('restype') && !searchParams.has('comp')) return [{ bucket, permission: `${containers}/read` }];
  if (method === 'GET' || method === 'HEAD') return [need('read')];
  if (method === 'DELETE') return [need('delete')];
  const source = headers['x-ms-copy-source'];
  if (source === undefined) return [need('write')];
  const [, , from = ''] = new URL(String(source)).pathname.split('/');
  return [need('read', from), need('write')];
};

export const needsOf: Readonly<Record<'s3' | 'gs' | 'azblob', NeedsOf>> = {
  s3: s3Needs,
  gs: gsNeeds,
  azblob: azblobNeeds,
};

const refusals: Readonly<Record<keyof typeof needsOf, string>> = {
  s3: s3Error('AccessDenied'),
  gs: gsError(403, 'forbidden'),
  azblob: '<?xml version="1.0" encoding="utf-8"?><Error><Code>AuthorizationPermissionMismatch</Code></Error>',
};

export interface Watched {
  /** Permissions that were asked for, by bucket. */
  readonly used: ReadonlyMap<string, ReadonlySet<string>>;
  readonly refused: readonly string[];
}

/** From now on the front refuses what is not allowed, and writes down what is used. */
export const watchPermissions = (
  front: Front,
  kind: keyof typeof needsOf,
  isAllowed: (need: Need) => boolean,
): Watched => {
  const used = new Map<string, Set<string>>();
  const refused: string[] = [];
  front.reset();
  front.inject({
    times: Infinity,
    fault: { kind: 'answer', status: 403, body: refusals[kind] },
    matches: (asked) => {
      const needs = needsOf[kind](asked);
      for (const { bucket, permission } of needs) used.set(bucket, (used.get(bucket) ?? new Set()).add(permission));
      const lacking = needs.filter((need) => !isAllowed(need));
      for (const { bucket, permission } of lacking)
        refused.push(`${permission} on ${bucket}: ${asked.method} ${asked.url}`);
      return lacking.length > 0;
    },
  });
  return { used, refused };
};
