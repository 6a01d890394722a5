import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../steps/stores/index.ts';
import type { S3Front } from '../fakes/s3-front.ts';
import { s3Error } from '../fakes/s3-front.ts';
import { createCertificates } from '../support/certificates.ts';
import { bytesOf, chunks, codeOf, keysOf, makeMoto, openAt, readText, type StoreFixture } from './store-fixture.ts';

const signal = new AbortController().signal;

describe('s3 when the service or the network fails', () => {
  let fixture: StoreFixture;
  let front: S3Front;
  let folders = 0;
  const fresh = (tuning: StoreFixture['tuning'] = {}) =>
    openAt(fixture, `f${++folders}`, { tuning: { attempts: 3, ...tuning } });
  const openUploads = async () =>
    (await fixture.server?.client.send(new ListMultipartUploadsCommand({ Bucket: 'contract' })))?.Uploads?.length ?? 0;

  beforeAll(async () => {
    fixture = await makeMoto();
    if (fixture.front === undefined) throw new Error('moto has a front');
    front = fixture.front;
  });
  afterEach(() => front.reset());
  afterAll(() => fixture.close());

  it('rides out a few 503 SlowDown and gives up on many', async () => {
    const store = await fresh();
    const fault = { kind: 'answer', status: 503, body: s3Error('SlowDown') } as const;
    front.inject({ matches: ({ method }) => method === 'PUT', times: 2, fault });
    await store.put('x', Buffer.from('x'), { createOnly: true });
    front.inject({ matches: ({ method }) => method === 'PUT', times: 99, fault });
    expect(await codeOf(store.put('y', Buffer.from('y')))).toBe('STORE_FAILED');
    front.reset();
    expect(await keysOf(store)).toEqual(['x']);
  });

  it('ends an upload when a part fails for good', async () => {
    const store = await fresh();
    front.inject({
      matches: ({ method, url }) => method === 'PUT' && url.includes('partNumber=2'),
      times: 99,
      fault: { kind: 'answer', status: 500, body: s3Error('InternalError') },
    });
    expect(await codeOf(store.put('x', chunks(9, 9_000)))).toBe('STORE_FAILED');
    expect([await keysOf(store), await openUploads()]).toEqual([[], 0]);
  });

  it('takes a success that carries an error for an error', async () => {
    const store = await fresh();
    front.inject({
      matches: ({ method, url }) => method === 'POST' && url.includes('uploadId='),
      times: 99,
      fault: { kind: 'answer', status: 200, body: s3Error('InternalError') },
    });
    expect(await codeOf(store.put('x', chunks(9, 9_000)))).toBe('STORE_FAILED');
    expect([await keysOf(store), await openUploads()]).toEqual([[], 0]);
  });

  it('never takes a cut body for a whole one', async () => {
    const store = await fresh();
    await store.put('x', Buffer.alloc(9_000, 1));
    for (const after of [0, 1, 8_999]) {
      front.inject({ matches: ({ method }) => method === 'GET', times: 1, fault: { kind: 'cut', after } });
      const read = async () => bytesOf((await store.get('x')).bytes);
      expect(await codeOf(read())).toBe('STORE_FAILED');
    }
    expect((await bytesOf((await store.get('x')).bytes)).byteLength).toBe(9_000);
  });

  it.each([
    [
      'truncated without a token',
      (xml: string) => xml.replace(/<NextContinuationToken>[^<]*<\/NextContinuationToken>/, ''),
    ],
    ['with a key that was not asked for', (xml: string) => xml.replace(/<Key>f[^<]*<\/Key>/, '<Key>elsewhere</Key>')],
    ['out of order', (xml: string) => xml.replace('/k00<', '/k99<')],
  ])('refuses a listing that is %s', async (_name, change) => {
    const store = await fresh();
    for (let i = 0; i < 9; i++) await store.put(`k0${i}`, Buffer.from('x'));
    front.inject({ matches: ({ url }) => url.includes('list-type=2'), times: 1, fault: { kind: 'rewrite', change } });
    expect(await codeOf(keysOf(store))).toBe('STORE_FAILED');
  });

  it('knows its own object when the answer to its creation was lost', async () => {
    const store = await fresh();
    front.inject({ matches: ({ method }) => method === 'PUT', times: 1, fault: { kind: 'lose' } });
    await store.put('x', Buffer.from('mine'), { createOnly: true });
    expect(await readText(store, 'x')).toBe('mine');
    expect(await codeOf(store.put('x', Buffer.from('other'), { createOnly: true }))).toBe('OBJECT_EXISTS');
    front.inject({
      matches: ({ method, url }) => method === 'POST' && url.includes('uploadId='),
      times: 1,
      fault: { kind: 'lose' },
    });
    expect((await store.put('y', chunks(9, 9_000), { createOnly: true })).size).toBe(81_000);
  });

  it('does not take the object of another for its own', async () => {
    const store = await fresh();
    await store.put('x', Buffer.from('theirs'));
    front.inject({ matches: ({ method }) => method === 'PUT', times: 1, fault: { kind: 'lose' } });
    expect(await codeOf(store.put('x', Buffer.from('mine'), { createOnly: true }))).toBe('OBJECT_EXISTS');
    expect(await readText(store, 'x')).toBe('theirs');
  });

  it('waits for a slow answer, not for one that never comes', async () => {
    const store = await fresh({ socketTimeout: 400, attempts: 1 });
    front.inject({ matches: () => true, times: 1, fault: { kind: 'delay', milliseconds: 100 } });
    await store.put('x', Buffer.from('x'));
    front.inject({ matches: () => true, times: 1, fault: { kind: 'delay', milliseconds: Number.POSITIVE_INFINITY } });
    expect(await codeOf(store.head('x'))).toBe('STORE_FAILED');
  });

  it.each([
    [403, 'AccessDenied', 'STORE_DENIED'],
    [401, 'Unauthorized', 'STORE_DENIED'],
    [404, 'NoSuchBucket', 'STORE_NOT_FOUND'],
    [507, 'InsufficientStorage', 'STORE_FULL'],
    [400, 'QuotaExceeded', 'STORE_FULL'],
    [403, 'RequestTimeTooSkewed', 'CLOCK_SKEW'],
    [400, 'ExpiredToken', 'STORE_DENIED'],
    // An object in an archive, which only an administrator can bring back.
    [403, 'InvalidObjectState', 'OBJECT_UNREADABLE'],
  ])('calls %s %s by its name', async (status, code, expected) => {
    const store = await fresh({ attempts: 1 });
    front.inject({ matches: () => true, times: 9, fault: { kind: 'answer', status, body: s3Error(code) } });
    expect(await codeOf(store.put('x', Buffer.from('x')))).toBe(expected);
    expect(await codeOf(keysOf(store))).toBe(expected);
  });

  it('rides out 429, with and without Retry-After', async () => {
    const store = await fresh();
    const slow = { status: 429, body: s3Error('TooManyRequests') };
    front.inject({ matches: ({ method }) => method === 'PUT', times: 1, fault: { kind: 'answer', ...slow } });
    front.inject({
      matches: ({ method }) => method === 'PUT',
      times: 1,
      fault: { kind: 'answer', ...slow, headers: { 'retry-after': '1' } },
    });
    await store.put('x', Buffer.from('x'), { createOnly: true });
    expect(front.seen.filter((line) => line.startsWith('PUT'))).toHaveLength(3);
    front.inject({ matches: () => true, times: 99, fault: { kind: 'answer', ...slow } });
    expect(await codeOf(keysOf(store))).toBe('STORE_FAILED');
  });

  it('takes a page of a proxy for no answer', async () => {
    const store = await fresh({ attempts: 1 });
    await store.put('x', Buffer.from('x'));
    const page = '<!doctype html><html><body>Sign in to continue</body></html>';
    for (const status of [200, 302, 407, 502]) {
      front.inject({ matches: () => true, times: 3, fault: { kind: 'answer', status, body: page } });
      expect([status, await codeOf(keysOf(store))]).toEqual([status, 'STORE_FAILED']);
      front.reset();
    }
    for (const call of [
      () => store.put('y', Buffer.from('y')),
      () => store.head('x'),
      () => store.put('z', chunks(9, 9_000)),
    ]) {
      front.inject({ matches: () => true, times: 9, fault: { kind: 'answer', status: 200, body: page } });
      expect(await codeOf(call())).toBe('STORE_FAILED');
      front.reset();
    }
    expect(await keysOf(store)).toEqual(['x']);
  });

  it('deletes in requests of 1,000 and names what was not deleted', async () => {
    const store = await fresh();
    await store.delete(Array.from({ length: 2_001 }, (_, i) => `k${i}`));
    expect(front.seen.filter((line) => line.startsWith('POST'))).toHaveLength(3);
    const body = `<DeleteResult><Error><Key>f${folders}/bad</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>`;
    front.inject({
      matches: ({ method }) => method === 'POST',
      times: 1,
      fault: { kind: 'answer', status: 200, body },
    });
    await expect(store.delete(['good', 'bad'])).rejects.toMatchObject({
      code: 'STORE_DENIED',
      where: `s3://contract/f${folders}/bad`,
    });
  });
});

describe('s3 that is not there', () => {
  let fixture: StoreFixture;
  beforeAll(async () => {
    fixture = await makeMoto();
  });
  afterAll(() => fixture.close());

  it('says which of endpoint and bucket is missing', async () => {
    const { location, secrets } = fixture;
    const tuning = { attempts: 1, connectTimeout: 1_000 };
    const nobody = await openStore({
      location: { ...location, endpoint: 'http://127.0.0.1:9' },
      secrets,
      signal,
      tuning,
    });
    const unknown = await openStore({
      location: { ...location, endpoint: 'http://nowhere.invalid' },
      secrets,
      signal,
      tuning,
    });
    const bucketless = await openStore({
      location: { ...location, url: 's3://no-such-bucket/x' },
      secrets,
      signal,
      tuning,
    });
    for (const store of [nobody, unknown]) {
      expect([await codeOf(store.head('x')), await codeOf(keysOf(store))]).toEqual([
        'STORE_UNREACHABLE',
        'STORE_UNREACHABLE',
      ]);
    }
    const calls = [
      bucketless.head('x'),
      bucketless.get('x'),
      keysOf(bucketless),
      bucketless.put('x', Buffer.from('x')),
    ];
    expect(await Promise.all(calls.map((call) => codeOf(call)))).toEqual(
      Array.from({ length: 4 }, () => 'STORE_NOT_FOUND'),
    );
  });

  it('trusts the authority of its Secret and no other', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lc2-tls-'));
    const certificates = await createCertificates(folder, ['127.0.0.1']);
    const read = (path: string) => readFile(path, 'utf8');
    const https = createServer(
      { cert: await read(certificates.serverCertificate), key: await read(certificates.serverKey) },
      (_request, response) => response.writeHead(404).end(),
    );
    await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve));
    const endpoint = `https://127.0.0.1:${(https.address() as AddressInfo).port}`;
    const open = (secrets: Readonly<Record<string, string>>) =>
      openStore({ location: { ...fixture.location, endpoint }, secrets, signal, tuning: { attempts: 1 } });
    const stranger = await open(fixture.secrets);
    const friend = await open({ ...fixture.secrets, 'ca.crt': await read(certificates.ca) });
    expect(await codeOf(keysOf(stranger))).toBe('STORE_TLS_FAILED');
    expect(await codeOf(keysOf(friend))).not.toBe('STORE_TLS_FAILED');
    await stranger.close();
    await friend.close();
    https.closeAllConnections();
    https.close();
    await rm(folder, { recursive: true, force: true });
  });
});
