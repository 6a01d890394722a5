import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createS3Calls, type S3Calls } from '../../steps/stores/s3-calls.ts';
import { failureOf } from '../../steps/stores/s3-errors.ts';
import { s3Error } from '../fakes/s3-front.ts';

type Act = (request: IncomingMessage, response: ServerResponse) => void;

const { signal } = new AbortController();
const place = { Bucket: 'bucket', Key: 'a b/ü' };
const copy = { ...place, CopySource: 'bucket/x', CopySourceIfMatch: '"v"', IfNoneMatch: '*' };
const copied = '<?xml version="1.0"?><CopyObjectResult><ETag>&quot;v&quot;</ETag></CopyObjectResult>';

const answer =
  (status: number, body: string, headers: Record<string, string> = {}): Act =>
  (_, response) =>
    void response.writeHead(status, headers).end(body);

describe('calls of S3 without the SDK', () => {
  let seen: IncomingMessage[] = [];
  /** What each request meets, in turn; the last one stays. */
  let acts: Act[] = [];
  let calls: S3Calls;
  let stop: () => Promise<void>;

  const open = (endpoint: string): S3Calls =>
    createS3Calls({
      location: { url: 's3://bucket', endpoint, region: 'eu-test-1', pathStyle: true },
      secrets: { accessKeyId: 'id', secretAccessKey: 'secret', sessionToken: 'token\n' },
    });

  beforeEach(async () => {
    seen = [];
    const server = createServer((request, response) => {
      seen.push(request);
      request.resume();
      const act = acts.length > 1 ? acts.shift() : acts[0];
      act?.(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    calls = open(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    stop = async () => {
      await calls.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    };
  });
  afterEach(() => stop());

  const agents = () => seen.map(({ headers }) => (headers['user-agent'] === 'lc2-backup' ? 'ours' : 'the SDK’s'));
  const failure = (promise: Promise<unknown>) => promise.then(() => undefined, failureOf);

  it('carry their conditions, under the signature', async () => {
    acts = [answer(200, copied)];
    await calls.copy(copy, signal);
    const [request] = seen;
    expect([request?.method, request?.url]).toEqual(['PUT', '/bucket/a%20b/%C3%BC']);
    expect(request?.headers).toMatchObject({
      'x-amz-copy-source': 'bucket/x',
      'x-amz-copy-source-if-match': '"v"',
      'if-none-match': '*',
      'x-amz-security-token': 'token',
    });
    expect(request?.headers.authorization).toContain(
      'SignedHeaders=host;if-none-match;x-amz-content-sha256;x-amz-copy-source;x-amz-copy-source-if-match;x-amz-date;x-amz-security-token,',
    );
    acts = [answer(200, 'x', { etag: '"e"' })];
    const body = Buffer.from('bytes');
    const described = { ContentMD5: 'md5', ContentType: 'text/x', Metadata: { Colour: 'red' } };
    expect((await calls.put({ ...place, Body: body, ...described, IfNoneMatch: '*' }, signal)).ETag).toBe('"e"');
    expect(seen.at(-1)?.headers).toMatchObject({
      'content-md5': 'md5',
      'content-type': 'text/x',
      'content-length': '5',
      'x-amz-meta-colour': 'red',
      'if-none-match': '*',
    });
    await calls.get({ ...place, IfMatch: '"v"', Range: 'bytes=1-2' }, signal);
    expect(seen.at(-1)?.headers).toMatchObject({ 'if-match': '"v"', range: 'bytes=1-2' });
    expect(new Set(agents())).toEqual(new Set(['ours']));
  });

  it('take a success that carries an error for an error, and ask again', async () => {
    acts = [answer(200, s3Error('InternalError')), answer(200, copied)];
    expect((await calls.copy(copy, signal)).ETag).toBe('"v"');
    expect(agents()).toEqual(['ours', 'the SDK’s']);
    acts = [answer(200, s3Error('InternalError'))];
    expect(await failure(calls.copy(copy, signal))).toMatchObject({ name: 'InternalError' });
  });

  it('leave to the SDK what is not understood', async () => {
    acts = [answer(200, '<html>busy</html>'), answer(200, copied)];
    expect((await calls.copy(copy, signal)).ETag).toBe('"v"');
    expect(agents()).toEqual(['ours', 'the SDK’s']);
  });

  it.each([
    [503, 'SlowDown'],
    [429, 'TooManyRequests'],
    [500, 'InternalError'],
    [400, 'RequestTimeout'],
  ])('are repeated by the SDK after %s %s, and counted', async (status, code) => {
    acts = [answer(status, s3Error(code)), answer(412, s3Error('PreconditionFailed'))];
    expect(await failure(calls.copy(copy, signal))).toMatchObject({ name: 'PreconditionFailed', attempts: 2 });
    expect(agents()).toEqual(['ours', 'the SDK’s']);
  });

  it('are repeated by the SDK after a lost answer, and counted', async () => {
    acts = [(request) => request.socket.destroy(), answer(412, s3Error('PreconditionFailed'))];
    expect(await failure(calls.copy(copy, signal))).toMatchObject({ status: 412, attempts: 2 });
  });

  it.each([
    [403, 'AccessDenied'],
    [404, 'NoSuchBucket'],
    [412, 'PreconditionFailed'],
    [409, 'ConditionalRequestConflict'],
    [400, 'QuotaExceeded'],
  ])('are refused once by %s %s', async (status, code) => {
    acts = [answer(status, s3Error(code))];
    expect(await failure(calls.copy(copy, signal))).toMatchObject({ name: code, status, attempts: 1 });
    expect(agents()).toEqual(['ours']);
  });

  it('go by the service’s clock once it has told the time', async () => {
    const hour = 3_600_000;
    const isLate = (request: IncomingMessage): boolean => {
      const [, day = '', time = ''] = /^(\d{8})T(\d{6})Z$/.exec(String(request.headers['x-amz-date'])) ?? [];
      const said = `${day}${time}`.replace(/^(....)(..)(..)(..)(..)(..)$/, '$1-$2-$3T$4:$5:$6Z');
      return Math.abs(Date.parse(said) - Date.now() - hour) > hour / 2;
    };
    const clock: Act = (request, response) => {
      const date = new Date(Date.now() + hour).toUTCString();
      if (isLate(request)) response.writeHead(403, { date }).end(s3Error('RequestTimeTooSkewed'));
      else response.writeHead(200, { date }).end(copied);
    };
    acts = [clock];
    await calls.copy(copy, signal);
    await calls.copy(copy, signal);
    expect(agents()).toEqual([
      'ours',
      ...agents()
        .slice(1, -1)
        .map(() => 'the SDK’s'),
      'ours',
    ]);
  });

  it('ask for a bucket, too', async () => {
    acts = [answer(200, '')];
    await calls.headBucket({ Bucket: 'bucket' }, signal);
    expect([seen[0]?.method, seen[0]?.url]).toEqual(['HEAD', '/bucket/']);
    acts = [answer(404, '')];
    expect(await failure(calls.headBucket({ Bucket: 'bucket' }, signal))).toMatchObject({ status: 404 });
    expect(agents()).toEqual(['ours', 'ours']);
  });

  it('end with the signal, and are not repeated', async () => {
    const abort = new AbortController();
    acts = [() => abort.abort()];
    expect(await failure(calls.copy(copy, abort.signal))).toBeDefined();
    expect(seen).toHaveLength(1);
  });

  it('go where the SDK would send them', async () => {
    acts = [answer(200, copied)];
    const { endpoint } = (await calls.sdk()).client.config;
    const { port } = (await endpoint?.()) ?? {};
    const other = open(`http://127.0.0.1:${port}/below/`);
    await other.copy(copy, signal);
    expect(seen.at(-1)?.url).toBe('/below/bucket/a%20b/%C3%BC');
    await other.close();
  });
});
