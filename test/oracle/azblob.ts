// As much of Azure Blob Storage as an oracle needs: list and read, signed with the key of the account.
import { createHash, createHmac } from 'node:crypto';
import { type IncomingMessage, request } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { ObjectFact } from './facts.ts';

export interface AzblobLocation {
  /** With the account in its path, such as http://127.0.0.1:10000/devstoreaccount1 */
  readonly endpoint: string;
  readonly container: string;
  readonly prefix?: string;
  readonly accountName: string;
  readonly accountKey: string;
}

type Query = readonly (readonly [string, string])[];

/** The Authorization header of a GET. `path` is encoded and begins with the account where the endpoint holds it. */
export function sharedKey(
  { accountName, accountKey }: Pick<AzblobLocation, 'accountName' | 'accountKey'>,
  { path, query, headers }: { readonly path: string; readonly query: Query; readonly headers: Record<string, string> },
): string {
  const lines = Object.entries(headers)
    .filter(([name]) => name.startsWith('x-ms-'))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}:${value}\n`);
  const parameters = [...query].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `\n${name}:${value}`);
  const text = `GET${'\n'.repeat(12)}${lines.join('')}/${accountName}${path}${parameters.join('')}`;
  const signature = createHmac('sha256', Buffer.from(accountKey, 'base64')).update(text).digest('base64');
  return `SharedKey ${accountName}:${signature}`;
}

async function get(location: AzblobLocation, below: string, query: Query = []): Promise<IncomingMessage> {
  const endpoint = new URL(location.endpoint);
  const path = `${endpoint.pathname.replace(/\/$/u, '')}/${location.container}${below}`;
  const headers = { 'x-ms-date': new Date().toUTCString(), 'x-ms-version': '2021-12-02', 'user-agent': 'oracle' };
  const search = query.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(
      {
        host: endpoint.hostname,
        port: endpoint.port,
        path: search === '' ? path : `${path}?${search}`,
        headers: { ...headers, authorization: sharedKey(location, { path, query, headers }) },
      },
      resolve,
    )
      .once('error', reject)
      .end();
  });
  if (response.statusCode === 200) return response;
  throw new Error(`Azure answered ${response.statusCode} to GET ${path}: ${(await body(response)).slice(0, 500)}`);
}

async function body(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(Buffer.from(chunk as Buffer));
  return Buffer.concat(chunks).toString('utf8');
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

const unescapeXml = (text: string): string =>
  text.replace(/&(?:#x([0-9a-fA-F]+)|#(\d+)|(\w+));/gu, (whole, hex?: string, decimal?: string, name?: string) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return decimal === undefined ? (entities[name ?? ''] ?? whole) : String.fromCodePoint(Number(decimal));
  });

export async function* listAzblob(location: AzblobLocation): AsyncGenerator<string> {
  let marker = '';
  do {
    const query: [string, string][] = [
      ['comp', 'list'],
      ['prefix', location.prefix ?? ''],
      ['restype', 'container'],
    ];
    if (marker !== '') query.push(['marker', marker]);
    const xml = await body(await get(location, '', query));
    for (const [, encoded, name = ''] of xml.matchAll(/<Name( Encoded="true")?>([^<]*)<\/Name>/gu))
      yield encoded === undefined ? unescapeXml(name) : decodeURIComponent(name);
    marker = unescapeXml(/<NextMarker>([^<]*)<\/NextMarker>/u.exec(xml)?.[1] ?? '');
  } while (marker !== '');
}

const encodeKey = (key: string): string =>
  key
    .split('/')
    .map((part) => encodeURIComponent(part))
    .join('/');

/** Reads one object whole. */
export async function getAzblob(location: AzblobLocation, key: string): Promise<ObjectFact> {
  const response = await get(location, `/${encodeKey(key)}`);
  const hash = createHash('sha256');
  let size = 0;
  response.on('data', (chunk: Buffer) => (size += chunk.length));
  await pipeline(response, hash);
  const metadata = Object.entries(response.headers)
    .filter(([name]) => name.startsWith('x-ms-meta-'))
    .map(([name, value]): [string, string] => [name.slice('x-ms-meta-'.length), String(value)])
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    key,
    size,
    sha256: hash.digest('hex'),
    contentType: response.headers['content-type'] ?? '',
    metadata: Object.fromEntries(metadata),
  };
}
