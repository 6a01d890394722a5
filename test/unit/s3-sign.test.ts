import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSigner, encode, encodePath, type Unsigned } from '../../steps/stores/s3-sign.ts';

const keys = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
const host = 'examplebucket.s3.amazonaws.com';
const at = new Date('2013-05-24T00:00:00Z');
const get = { method: 'GET', host, path: '/', query: '', headers: {} };

const signatureOf = (headers: Readonly<Record<string, string>>): string | undefined =>
  /Signature=([0-9a-f]{64})$/.exec(headers['authorization'] ?? '')?.[1];

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

const isSent = (request: unknown): request is Sent =>
  typeof request === 'object' && request !== null && 'path' in request;

/** A client of the SDK that sends nothing and keeps what it would have sent. */
const capturing = (sessionToken: string | undefined) => {
  let sent: Sent | undefined;
  const client = new S3Client({
    region: 'eu-test-1',
    endpoint: 'http://127.0.0.1:9',
    forcePathStyle: true,
    credentials: { ...keys, ...(sessionToken !== undefined && { sessionToken }) },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    maxAttempts: 1,
    requestHandler: {
      handle: (request: unknown) => {
        if (isSent(request)) sent = request;
        return Promise.reject(new Error('kept'));
      },
    },
  });
  return async (send: (client: S3Client) => Promise<unknown>): Promise<Sent> => {
    await send(client).catch(() => undefined);
    if (sent === undefined) throw new Error('nothing was sent');
    return sent;
  };
};

/** The same request, signed by us at the same time. */
const resigned = (sent: Sent, body: Uint8Array | undefined, sessionToken: string | undefined): string | undefined => {
  const { headers } = sent;
  const names = /SignedHeaders=([^,]+)/.exec(headers['authorization'] ?? '')?.[1]?.split(';') ?? [];
  const own = new Set(['host', 'x-amz-content-sha256', 'x-amz-date', 'x-amz-security-token']);
  const kept = names.filter((name) => !own.has(name)).map((name) => [name, headers[name] ?? ''] as const);
  const time = (headers['x-amz-date'] ?? '').replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z');
  const request: Unsigned = {
    method: sent.method,
    host: headers['host'] ?? '',
    path: sent.path,
    query: Object.entries(sent.query)
      .map(([name, value]) => `${encode(name)}=${encode(value)}`)
      .sort()
      .join('&'),
    headers: Object.fromEntries(kept),
    body,
  };
  return createSigner('eu-test-1')(request, { ...keys, sessionToken }, new Date(time))['authorization'];
};

describe('signatures of S3', () => {
  it.each<[string, Unsigned, string]>([
    [
      'a read of a range',
      { ...get, path: '/test.txt', headers: { range: 'bytes=0-9' } },
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    ],
    [
      'a write',
      {
        ...get,
        method: 'PUT',
        path: `/${encodePath('test$file.text')}`,
        headers: { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
        body: Buffer.from('Welcome to Amazon S3.'),
      },
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    ],
    [
      'a query without a value',
      { ...get, query: 'lifecycle=' },
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    ],
    [
      'a listing',
      { ...get, query: 'max-keys=2&prefix=J' },
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    ],
  ])('are those that Amazon publishes for %s', (_, request, expected) => {
    expect(signatureOf(createSigner('us-east-1')(request, keys, at))).toBe(expected);
  });

  it('are those of the SDK for any key, metadata, condition, body and session', async () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 });
    const ascii = fc.stringMatching(/^[ -~]{1,40}$/);
    const cases = fc.record({
      key: text,
      prefix: text,
      value: ascii,
      version: fc.stringMatching(/^[0-9a-f]{8}$/),
      body: fc.uint8Array({ maxLength: 200 }),
      token: fc.option(fc.stringMatching(/^[A-Za-z0-9+/=]{1,80}$/), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ key, prefix, value, version, body, token }) => {
        const capture = capturing(token);
        const place = { Bucket: 'b', Key: key };
        const put = { ...place, Body: body, Metadata: { note: value }, ContentType: value, IfNoneMatch: '*' };
        const sent = [
          await capture((client) => client.send(new PutObjectCommand(put))),
          await capture((client) => client.send(new GetObjectCommand({ ...place, IfMatch: `"${version}"` }))),
          await capture((client) =>
            client.send(
              new ListObjectsV2Command({ Bucket: 'b', Prefix: prefix, EncodingType: 'url', StartAfter: key }),
            ),
          ),
        ];
        expect(sent.map((each, i) => resigned(each, i === 0 ? body : undefined, token))).toEqual(
          sent.map(({ headers }) => headers['authorization']),
        );
        expect(sent[1]?.path).toBe(`/b/${encodePath(key)}`);
      }),
      { numRuns: 60 },
    );
  });

  it('cover every header that is sent', () => {
    const headers = { 'if-none-match': '*', 'content-md5': 'x', 'x-amz-copy-source': 'a/b', 'x-amz-meta-a': 'b' };
    const sign = createSigner('r');
    const signature = signatureOf(sign({ ...get, headers }, keys, at));
    for (const name of Object.keys(headers))
      expect(signatureOf(sign({ ...get, headers: { ...headers, [name]: 'other' } }, keys, at))).not.toBe(signature);
  });
});
