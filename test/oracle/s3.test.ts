// The oracle's own S3 client, against the signature that AWS publishes as its example and against a server that answers like S3.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { captureS3 } from './objects.ts';
import { authorization, encodeKey, parseListing } from './s3.ts';
import type { S3Location } from './s3.ts';

const keys = [
  'a b',
  'a+b',
  'a%2Fb',
  'new\nline',
  '//',
  '/lead',
  'p',
  'p/q',
  'p/',
  '..',
  'x/../y',
  'ünï/漢字',
  '\uffee',
  '😀',
  '__proto__',
  '<&">\'',
  'k'.repeat(1024),
];
const sortedKeys = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

let server: Server;
let location: S3Location;
const refused: string[] = [];

/** Form encoding, as S3 does it: a blank is `+`. */
const encoded = (key: string) =>
  encodeURIComponent(key).replaceAll('%20', '+').replaceAll("'", '%27').replaceAll('%2F', '/');

/** Two keys a page. */
function listing(after: string | undefined): string {
  const start = after === undefined ? 0 : Number(after);
  const page = sortedKeys.slice(start, start + 2);
  const contents = page.map((key) => `<Contents><Key>${encoded(key)}</Key><Size>1</Size></Contents>`).join('');
  const more = start + 2 < sortedKeys.length;
  const next = more ? `<NextContinuationToken>${start + 2}</NextContinuationToken>` : '';
  return `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>${more}</IsTruncated>${next}${contents}</ListBucketResult>`;
}

beforeAll(async () => {
  server = createServer((request, response) => {
    const [path = '', query = ''] = (request.url ?? '').split('?');
    const signed = request.headers.authorization?.startsWith('AWS4-HMAC-SHA256 Credential=key/') === true;
    if (!signed) refused.push(path);
    if (path === '/bucket') {
      response.end(listing(new URLSearchParams(query).get('continuation-token') ?? undefined));
      return;
    }
    const key = decodeURIComponent(path.slice('/bucket/'.length));
    if (!keys.includes(key)) response.statusCode = 404;
    response.setHeader('content-type', 'text/x-odd');
    response.setHeader('x-amz-meta-b', 'two').setHeader('x-amz-meta-a', 'one');
    response.end(`content of ${key}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  location = {
    endpoint: `http://127.0.0.1:${port}`,
    bucket: 'bucket',
    accessKeyId: 'key',
    secretAccessKey: 'secret',
    region: 'r',
  };
});

afterAll(() => new Promise<void>((resolve) => void server.close(() => resolve())));

test("signs as in AWS's published example", () => {
  const header = authorization({
    method: 'GET',
    path: '/test.txt',
    query: [],
    headers: {
      host: 'examplebucket.s3.amazonaws.com',
      range: 'bytes=0-9',
      'x-amz-content-sha256': createHash('sha256').digest('hex'),
      'x-amz-date': '20130524T000000Z',
    },
    date: new Date(Date.UTC(2013, 4, 24)),
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    region: 'us-east-1',
  });
  expect(header).toContain('Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41');
});

test('reads every page and every odd key as it is', async () => {
  const objects = await captureS3(location);
  expect(objects.map(({ key }) => key)).toEqual(sortedKeys);
  for (const object of objects) {
    const content = `content of ${object.key}`;
    expect(object).toEqual({
      key: object.key,
      size: Buffer.byteLength(content),
      sha256: createHash('sha256').update(content).digest('hex'),
      contentType: 'text/x-odd',
      metadata: { a: 'one', b: 'two' },
    });
  }
  expect(refused).toEqual([]);
});

test('a refusal is an error with its text', async () => {
  await expect(captureS3({ ...location, bucket: 'other' })).rejects.toThrow('S3 answered 404 to GET /other?');
});

test('keys are decoded only where the server encoded them', () => {
  const xml =
    '<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a%20b+&amp;&#10;</Key></Contents></ListBucketResult>';
  expect(parseListing(xml)).toEqual({ keys: ['a%20b+&\n'], next: undefined });
  expect(encodeKey("a b/*'()~ü")).toBe('a%20b/%2A%27%28%29~%C3%BC');
});
