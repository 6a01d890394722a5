// A stand-in for an S3 server, for benchmarks: objects in memory, no signatures checked, few calls known. It is light, so
// that clients are what is measured, and counts what it is asked. Whether answers are right is proved elsewhere, against
// versitygw and moto. Run as a program it serves until its parent goes: `node memory-s3.ts '{"listMs":60,"operationMs":25}'`.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Latency {
  readonly listMs?: number;
  readonly operationMs?: number;
}

/** Requests by what they are, and bytes of bodies. */
export interface Counts {
  readonly [name: string]: number;
}

interface Stored {
  readonly body: Buffer;
  readonly etag: string;
  readonly type: string;
  readonly time: Date;
}

interface Bucket {
  readonly objects: Map<string, Stored>;
  /** Keys in the order of their code units, which are ASCII here; undefined: to be sorted again. */
  sorted: string[] | undefined;
  /** Each as most clients want it listed, in the same order: made when first asked for. */
  items: string[];
}

const latency: Latency = JSON.parse(process.argv[2] ?? '{}');
const buckets = new Map<string, Bucket>();
let counts: Record<string, number> = {};
const count = (name: string, by = 1): void => void (counts[name] = (counts[name] ?? 0) + by);

const bucketOf = (name: string): Bucket => {
  const found = buckets.get(name) ?? { objects: new Map(), sorted: [], items: [] };
  buckets.set(name, found);
  return found;
};

const store = (bucket: Bucket, key: string, object: Stored): void => {
  if (bucket.objects.has(key)) bucket.items = [];
  else bucket.sorted = undefined;
  bucket.objects.set(key, object);
};

const stored = (body: Buffer, type = 'application/octet-stream'): Stored => ({
  body,
  type,
  etag: createHash('md5').update(body).digest('hex'),
  time: new Date(),
});

/** Names as a document library has them, in so many folders; sixty-four different bodies. */
const fill = ({ bucket: name, from, to, bytes, prefix, folders = '97' }: Record<string, string>): void => {
  const bucket = bucketOf(name ?? '');
  const bodies = Array.from({ length: 64 }, (_, i) => stored(Buffer.alloc(Number(bytes), `object ${i} `)));
  for (let i = Number(from); i < Number(to); i++) {
    const body = bodies[i % bodies.length];
    const folder = String(i % Number(folders)).padStart(2, '0');
    const key = `${prefix ?? ''}20097/${folder}/${String(i).padStart(9, '0')}/1.0`;
    if (body !== undefined) store(bucket, key, body);
  }
};

const xml = '<?xml version="1.0" encoding="UTF-8"?>';

const error = (response: ServerResponse, status: number, code: string): void => {
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(`${xml}<Error><Code>${code}</Code><Message>${code}</Message></Error>`);
};

const firstAtOrAfter = (keys: readonly string[], wanted: string): number => {
  let low = 0;
  for (let high = keys.length; low < high;) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? '') < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
};

const xmlOf = (bucket: Bucket, key: string, encode: (text: string) => string): string => {
  const object = bucket.objects.get(key) ?? stored(Buffer.alloc(0));
  const { etag, time, body } = object;
  const what = `<ETag>&quot;${etag}&quot;</ETag><Size>${body.byteLength}</Size><StorageClass>STANDARD</StorageClass>`;
  return `<Contents><Key>${encode(key)}</Key><LastModified>${time.toISOString()}</LastModified>${what}</Contents>`;
};

const list = (response: ServerResponse, bucket: Bucket, query: Readonly<Record<string, string | undefined>>): void => {
  if (bucket.sorted === undefined) {
    bucket.sorted = [...bucket.objects.keys()].sort();
    bucket.items = [];
  }
  const { sorted } = bucket;
  const { prefix = '', 'encoding-type': encoding, 'continuation-token': token } = query;
  const after = token ?? query['start-after'] ?? '';
  const most = Number(query['max-keys'] ?? 1000);
  const encode = encoding === 'url' ? encodeURIComponent : (text: string) => text;
  const start = firstAtOrAfter(sorted, after < prefix ? prefix : `${after}\u0000`);
  const isBelow = (at: number): boolean => sorted[at]?.startsWith(prefix) === true;
  let end = start;
  while (end - start < most && isBelow(end)) end++;
  const keys = sorted.slice(start, end);
  const next = isBelow(end) ? `<NextContinuationToken>${keys.at(-1) ?? ''}</NextContinuationToken>` : '';
  const type = encoding === 'url' ? '<EncodingType>url</EncodingType>' : '';
  const itemOf = (key: string, at: number): string =>
    encoding === 'url' ? (bucket.items[start + at] ??= xmlOf(bucket, key, encode)) : xmlOf(bucket, key, encode);
  const items = keys.map(itemOf).join('');
  response.writeHead(200, { 'content-type': 'application/xml' });
  const head = `<Prefix>${encode(prefix)}</Prefix><KeyCount>${keys.length}</KeyCount><MaxKeys>${most}</MaxKeys>`;
  const body = `${head}<IsTruncated>${isBelow(end)}</IsTruncated>${next}${type}${items}`;
  response.end(`${xml}<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${body}</ListBucketResult>`);
};

const read = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
};

const headersOf = (object: Stored): Record<string, string> => ({
  etag: `"${object.etag}"`,
  'last-modified': object.time.toUTCString(),
  'content-type': object.type,
  'content-length': String(object.body.byteLength),
  'accept-ranges': 'bytes',
});

const get = (request: IncomingMessage, response: ServerResponse, object: Stored | undefined): void => {
  const wanted = request.headers['if-match'];
  if (object === undefined) error(response, 404, 'NoSuchKey');
  else if (wanted !== undefined && wanted !== `"${object.etag}"`) error(response, 412, 'PreconditionFailed');
  else {
    response.writeHead(200, headersOf(object));
    response.end(request.method === 'HEAD' ? undefined : object.body);
    if (request.method === 'GET') count('bytesOut', object.body.byteLength);
  }
};

const sourceOf = (source: string): Stored | undefined => {
  const path = decodeURIComponent(source).replace(/^\//, '');
  const slash = path.indexOf('/');
  return buckets.get(path.slice(0, slash))?.objects.get(path.slice(slash + 1));
};

const copy = (request: IncomingMessage, response: ServerResponse, put: (object: Stored) => void): void => {
  const source = sourceOf(String(request.headers['x-amz-copy-source']));
  const wanted = request.headers['x-amz-copy-source-if-match'];
  if (source === undefined) return error(response, 404, 'NoSuchKey');
  if (wanted !== undefined && wanted !== `"${source.etag}"`) return error(response, 412, 'PreconditionFailed');
  const copied = { ...source, time: new Date() };
  put(copied);
  count('copied');
  response.writeHead(200, { 'content-type': 'application/xml' });
  response.end(
    `${xml}<CopyObjectResult><LastModified>${copied.time.toISOString()}</LastModified><ETag>&quot;${copied.etag}&quot;</ETag></CopyObjectResult>`,
  );
};

const put = async (request: IncomingMessage, response: ServerResponse, place: { bucket: Bucket; key: string }) => {
  const { bucket, key } = place;
  const body = await read(request);
  if (request.headers['if-none-match'] === '*' && bucket.objects.has(key))
    return error(response, 412, 'PreconditionFailed');
  if (request.headers['x-amz-copy-source'] !== undefined)
    return copy(request, response, (object) => store(bucket, key, object));
  count('bytesIn', body.byteLength);
  const object = stored(body, request.headers['content-type']);
  store(bucket, key, object);
  response.writeHead(200, { etag: `"${object.etag}"` });
  response.end();
};

const remove = async (request: IncomingMessage, response: ServerResponse, bucket: Bucket): Promise<void> => {
  const text = (await read(request)).toString();
  for (const [, key = ''] of text.matchAll(/<Key>([^<]*)<\/Key>/g)) bucket.objects.delete(key);
  bucket.sorted = undefined;
  response.writeHead(200, { 'content-type': 'application/xml' });
  response.end('<DeleteResult></DeleteResult>');
};

/** For the benchmark itself: `/-/fill?…` puts objects in place, `/-/drop?…` empties, `/-/counts` tells and forgets. */
const command = (response: ServerResponse, url: URL): void => {
  const query = Object.fromEntries(url.searchParams);
  if (url.pathname === '/-/fill') fill(query);
  if (url.pathname === '/-/drop') buckets.delete(query['bucket'] ?? '');
  response.end(JSON.stringify(counts));
  counts = {};
};

const kindOf = (request: IncomingMessage, key: string, query: URLSearchParams): string => {
  if (key === '') return request.method === 'GET' ? 'LIST' : `${request.method ?? ''} bucket`;
  if (request.headers['x-amz-copy-source'] !== undefined) return 'COPY';
  return query.has('uploadId') || query.has('uploads') ? 'multipart' : (request.method ?? '');
};

interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly bucket: Bucket;
  readonly key: string;
  readonly query: Readonly<Record<string, string | undefined>>;
}

const answers: Readonly<Record<string, (asked: Asked) => Promise<void> | void>> = {
  LIST: ({ response, bucket, query }) =>
    query['uploads'] === undefined
      ? list(response, bucket, query)
      : void response.end('<ListMultipartUploadsResult></ListMultipartUploadsResult>'),
  COPY: (asked) => put(asked.request, asked.response, asked),
  PUT: (asked) => put(asked.request, asked.response, asked),
  GET: ({ request, response, bucket, key }) => get(request, response, bucket.objects.get(key)),
  HEAD: ({ request, response, bucket, key }) => get(request, response, bucket.objects.get(key)),
  'POST bucket': ({ request, response, bucket }) => remove(request, response, bucket),
  'HEAD bucket': ({ response }) => void response.end(),
  'PUT bucket': ({ response }) => void response.end(),
};

const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const url = new URL(request.url ?? '/', 'http://s3');
  if (url.pathname.startsWith('/-/')) return command(response, url);
  const [, name = '', ...rest] = url.pathname.split('/').map(decodeURIComponent);
  const key = rest.join('/');
  const kind = kindOf(request, key, url.searchParams);
  count('requests');
  count(kind);
  const wait = kind === 'LIST' ? latency.listMs : latency.operationMs;
  if (wait !== undefined && wait > 0) await sleep(wait);
  const query = Object.fromEntries(url.searchParams);
  const asked = { request, response, bucket: bucketOf(name), key, query };
  await (answers[kind]?.(asked) ?? (kind in answers ? undefined : error(response, 501, 'NotImplemented')));
};

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  answer(request, response).catch((failure: unknown) => {
    // Its client was killed.
    if (!request.complete) return;
    process.stderr.write(`${String(failure)}\n`);
    error(response, 500, 'InternalError');
  });
});
server.on('connection', () => count('connections'));
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.once('disconnect', () => process.exit(0));
