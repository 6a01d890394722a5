// As much S3 as an oracle needs: list and read, path style, signed with version 4. It uses node:http because fetch rewrites
// paths that hold `.` or `..`.
import { createHash, createHmac } from 'node:crypto';
import { request as requestHttp } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { pipeline } from 'node:stream/promises';
import type { ObjectFact } from './facts.ts';

export interface S3Location {
  /** Such as http://127.0.0.1:9000 */
  readonly endpoint: string;
  readonly bucket: string;
  readonly prefix?: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
  /** PEM of an authority to trust beside the system's. */
  readonly ca?: string;
}

export interface Signing {
  readonly method: string;
  readonly path: string;
  readonly query: readonly (readonly [string, string])[];
  readonly headers: Readonly<Record<string, string>>;
  readonly date: Date;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
}

const emptyPayload = createHash('sha256').digest('hex');

/** RFC 3986 for every byte; a key keeps its slashes. */
export function encodeKey(key: string, keepSlash = true): string {
  const unreserved = /[A-Za-z0-9._~-]/u;
  const bytes = [...Buffer.from(key)].map((byte) => {
    const character = String.fromCharCode(byte);
    return unreserved.test(character) || (keepSlash && character === '/')
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  });
  return bytes.join('');
}

function canonicalQuery(query: Signing['query']): string {
  const pairs = query.map(([name, value]) => `${encodeKey(name, false)}=${encodeKey(value, false)}`);
  return pairs.sort().join('&');
}

const derive = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

/** The Authorization header of a request without a body. `path` is already encoded. */
export function authorization(signing: Signing): string {
  const time = signing.date.toISOString().replaceAll(/[-:]|\.\d{3}/gu, '');
  const scope = `${time.slice(0, 8)}/${signing.region}/s3/aws4_request`;
  const headers = Object.entries(signing.headers)
    .map(([name, value]) => [name.toLowerCase(), value.trim()] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const names = headers.map(([name]) => name).join(';');
  const canonicalHeaders = headers.map(([name, value]) => `${name}:${value}\n`).join('');
  const canonical = [
    signing.method,
    signing.path,
    canonicalQuery(signing.query),
    canonicalHeaders,
    names,
    emptyPayload,
  ].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(canonical).digest('hex')].join('\n');
  const key = derive(
    derive(derive(derive(`AWS4${signing.secretAccessKey}`, time.slice(0, 8)), signing.region), 's3'),
    'aws4_request',
  );
  const signature = derive(key, toSign).toString('hex');
  return `AWS4-HMAC-SHA256 Credential=${signing.accessKeyId}/${scope},SignedHeaders=${names},Signature=${signature}`;
}

async function get(location: S3Location, path: string, query: Signing['query'] = []): Promise<IncomingMessage> {
  const endpoint = new URL(location.endpoint);
  const date = new Date();
  const headers = {
    host: endpoint.host,
    'x-amz-content-sha256': emptyPayload,
    'x-amz-date': date.toISOString().replaceAll(/[-:]|\.\d{3}/gu, ''),
  };
  const { accessKeyId, secretAccessKey, region } = location;
  const signed = authorization({ method: 'GET', path, query, headers, date, accessKeyId, secretAccessKey, region });
  const target = query.length === 0 ? path : `${path}?${canonicalQuery(query)}`;
  const send = endpoint.protocol === 'https:' ? requestHttps : requestHttp;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = {
      host: endpoint.hostname,
      port: endpoint.port,
      path: target,
      headers: { ...headers, authorization: signed },
      timeout: 60_000,
      ...(location.ca !== undefined && { ca: location.ca }),
    };
    const sent = send(options, resolve).once('error', reject);
    sent.once('timeout', () => sent.destroy(new Error('S3 did not answer within 60 s'))).end();
  });
  if (response.statusCode === 200) return response;
  throw new Error(
    `S3 answered ${response.statusCode} to GET ${target.slice(0, 300)}: ${(await body(response)).slice(0, 500)}`,
  );
}

async function body(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(Buffer.from(chunk as Buffer));
  return Buffer.concat(chunks).toString('utf8');
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function unescapeXml(text: string): string {
  return text.replace(
    /&(?:#x([0-9a-fA-F]+)|#(\d+)|(\w+));/gu,
    (whole, hex?: string, decimal?: string, name?: string) => {
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
      return decimal === undefined ? (entities[name ?? ''] ?? whole) : String.fromCodePoint(Number(decimal));
    },
  );
}

function element(xml: string, name: string): string | undefined {
  const content = new RegExp(`<${name}>([^<]*)</${name}>`, 'u').exec(xml)?.[1];
  return content === undefined ? undefined : unescapeXml(content);
}

/** One page of ListObjectsV2. Keys are decoded only where the server says that it encoded them. */
export function parseListing(xml: string): { readonly keys: readonly string[]; readonly next: string | undefined } {
  const encoded = element(xml, 'EncodingType') === 'url';
  const keys = [...xml.matchAll(/<Contents>([\s\S]*?)<\/Contents>/gu)].map(([, content = '']) => {
    const key = element(content, 'Key');
    if (key === undefined) throw new Error('S3 listed an object without a key');
    return encoded ? decodeURIComponent(key.replaceAll('+', ' ')) : key;
  });
  return { keys, next: element(xml, 'IsTruncated') === 'true' ? element(xml, 'NextContinuationToken') : undefined };
}

export async function* listKeys(location: S3Location): AsyncGenerator<string> {
  let next: string | undefined;
  do {
    const query: [string, string][] = [
      ['list-type', '2'],
      ['encoding-type', 'url'],
      ['prefix', location.prefix ?? ''],
    ];
    if (next !== undefined) query.push(['continuation-token', next]);
    const page = parseListing(await body(await get(location, `/${encodeKey(location.bucket)}`, query)));
    yield* page.keys;
    next = page.next;
  } while (next !== undefined);
}

/** Reads one object whole. */
export async function getObject(location: S3Location, key: string): Promise<ObjectFact> {
  const response = await get(location, `/${encodeKey(location.bucket)}/${encodeKey(key)}`);
  const hash = createHash('sha256');
  let size = 0;
  response.on('data', (chunk: Buffer) => (size += chunk.length));
  await pipeline(response, hash);
  const metadata = Object.entries(response.headers)
    .filter(([name]) => name.startsWith('x-amz-meta-'))
    .map(([name, value]): [string, string] => [name.slice('x-amz-meta-'.length), String(value)])
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    key,
    size,
    sha256: hash.digest('hex'),
    contentType: response.headers['content-type'] ?? '',
    metadata: Object.fromEntries(metadata),
  };
}
