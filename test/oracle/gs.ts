// As much of Google Cloud Storage as an oracle needs: list and read by its JSON API, without saying who asks.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ObjectFact } from './facts.ts';

export interface GsLocation {
  /** Such as http://127.0.0.1:9000 */
  readonly endpoint: string;
  readonly bucket: string;
  readonly prefix?: string;
}

async function get(location: GsLocation, path: string): Promise<Response> {
  const url = `${location.endpoint}/storage/v1/b/${location.bucket}/o${path}`;
  // What is stored packed is wanted as it is stored.
  const response = await fetch(url, { headers: { 'accept-encoding': 'gzip', 'user-agent': 'oracle' } });
  if (response.ok) return response;
  throw new Error(`GCS answered ${response.status} to GET ${path}: ${(await response.text()).slice(0, 500)}`);
}

interface Page {
  readonly items?: readonly { readonly name: string }[];
  readonly nextPageToken?: string;
}

export async function* listGs(location: GsLocation): AsyncGenerator<string> {
  let token = '';
  do {
    const query = new URLSearchParams({ prefix: location.prefix ?? '', ...(token !== '' && { pageToken: token }) });
    const page = (await (await get(location, `?${query.toString()}`)).json()) as Page;
    for (const { name } of page.items ?? []) yield name;
    token = page.nextPageToken ?? '';
  } while (token !== '');
}

/** Reads one object whole. */
export async function getGs(location: GsLocation, key: string): Promise<ObjectFact> {
  const path = `/${encodeURIComponent(key)}`;
  const said = (await (await get(location, path)).json()) as {
    readonly contentType?: string;
    readonly metadata?: Readonly<Record<string, string>>;
  };
  const hash = createHash('sha256');
  let size = 0;
  const { body } = await get(location, `${path}?alt=media`);
  if (body !== null) {
    const count = async function* (bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const chunk of bytes) {
        size += chunk.byteLength;
        yield chunk;
      }
    };
    await pipeline(Readable.fromWeb(body), count, hash);
  }
  const metadata = Object.entries(said.metadata ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    key,
    size,
    sha256: hash.digest('hex'),
    contentType: said.contentType ?? '',
    metadata: Object.fromEntries(metadata),
  };
}
