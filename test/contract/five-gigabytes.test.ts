// Objects of more than S3 copies by one request, or takes by one: what is asked for then, of a service that only counts.
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { openMover } from '../../steps/movers/index.ts';
import { partSizeOf } from '../../steps/stores/s3-multipart.ts';
import { openStore } from '../../steps/stores/index.ts';
import { type Front, type FrontAnswer, type FrontRequest, startFront } from '../fakes/http-front.ts';

const gibibyte = 1024 ** 3;
/** It was uploaded by one request, whatever its size; this service gives copies the same. */
const version = '0123456789abcdef0123456789abcdef';
const etag = `"${version}"`;
const modified = new Date('2025-11-09T14:30:00Z').toUTCString();

let front: Front;
let size = 0;
/** Of the copies of parts that were asked for. */
let ranges: string[] = [];
let isThere = false;

const xml = (text: string): FrontAnswer => ({
  status: 200,
  headers: { 'content-type': 'application/xml' },
  body: Buffer.from(`<?xml version="1.0"?>${text}`),
});

/** An object of the size, and the target that is there when its upload was completed. */
const answer = ({ method, url, headers }: FrontRequest): FrontAnswer => {
  const isTarget = url.startsWith('/target/x');
  if (method === 'HEAD') {
    if (isTarget && !isThere) return { status: 404, headers: {}, body: Buffer.alloc(0) };
    const described = { 'content-length': String(size), etag, 'last-modified': modified };
    return { status: 200, headers: described, body: Buffer.alloc(0) };
  }
  if (url.includes('tagging')) return xml('<Tagging><TagSet></TagSet></Tagging>');
  if (method === 'PUT') {
    ranges.push(String(headers['x-amz-copy-source-range'] ?? 'whole'));
    const name = url.includes('partNumber') ? 'CopyPartResult' : 'CopyObjectResult';
    return xml(`<${name}><ETag>${etag}</ETag></${name}>`);
  }
  if (method === 'POST' && /[?&]uploads/.test(url))
    return xml('<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>');
  isThere = true;
  return xml(`<CompleteMultipartUploadResult><ETag>${etag}</ETag></CompleteMultipartUploadResult>`);
};

beforeAll(async () => {
  front = await startFront('http://127.0.0.1:9', {
    contentType: 'application/xml',
    handle: (asked) => Promise.resolve(answer(asked)),
  });
});
beforeEach(() => {
  [ranges, isThere] = [[], false];
});
afterAll(() => front.stop());

const copy = async (): Promise<string | undefined> => {
  const { signal } = new AbortController();
  const end = (bucket: string) => ({
    location: { url: `s3://${bucket}`, endpoint: front.endpoint, region: 'us-east-1', pathStyle: true },
    secrets: { accessKeyId: 'id', secretAccessKey: 'secret' },
  });
  const [from, to] = [end('source'), end('target')];
  const [source, target] = await Promise.all([openStore({ ...from, signal }), openStore({ ...to, signal })]);
  const mover = await openMover('copy', { source, target, signal, from, to });
  const object = { key: 'x', size, mtime: modified, version, checksum: { algorithm: 'etag', value: version } } as const;
  const orders = async function* () {
    yield await Promise.resolve({ from: object, to: 'x', createOnly: true });
  };
  for await (const { outcome } of mover.move(orders())) return outcome;
  return undefined;
};

it.each([5 * gibibyte + 1, 7 * gibibyte, 1024 * gibibyte])(
  'an object of %i bytes is copied in parts that S3 takes, without a gap',
  async (bytes) => {
    size = bytes;
    expect(await copy()).toBe('copied');
    expect(ranges.length).toBeLessThanOrEqual(10_000);
    let next = 0;
    const parts = ranges.map((range) => /^bytes=(\d+)-(\d+)$/.exec(range)?.slice(1).map(Number) ?? [0, Infinity]);
    for (const [first = 0, last = 0] of parts.toSorted(([a = 0], [b = 0]) => a - b)) {
      expect(first).toBe(next);
      expect(last - first + 1).toBeLessThanOrEqual(5 * gibibyte);
      next = last + 1;
    }
    expect(next).toBe(bytes);
  },
);

it('an object of 5 GiB is copied by one request', async () => {
  size = 5 * gibibyte;
  expect(await copy()).toBe('copied');
  expect(new Set(ranges)).toEqual(new Set(['whole']));
});

it('a body of unknown length may have a terabyte in parts that S3 takes', () => {
  let most = 0;
  for (let part = 1; part <= 10_000; part++) {
    const length = partSizeOf(part, {});
    expect(length).toBeLessThanOrEqual(5 * gibibyte);
    most += length;
  }
  expect(most).toBeGreaterThan(900 * gibibyte);
});
