import { generateKeyPairSync } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../steps/stores/index.ts';
import { createIdentity } from '../../steps/stores/gs-identity.ts';
import { gsError } from '../fakes/gs-front.ts';
import type { Front } from '../fakes/http-front.ts';
import { bytesOf, chunks, codeOf, keysOf, makeGs, openAt, readText, type StoreFixture } from './store-fixture.ts';

const { signal } = new AbortController();
const part = 256 * 1024;

describe('gs when the service or the network fails', () => {
  let fixture: StoreFixture & { readonly front: Front };
  let front: Front;
  let folders = 0;
  const fresh = (tuning: StoreFixture['tuning'] = {}) =>
    openAt(fixture, `f${++folders}`, { tuning: { attempts: 3, ...tuning } });
  const isUpload = ({ url }: { url: string }) => url.includes('/upload/');
  const isChunk = ({ url }: { url: string }) => url.includes('upload_id=');

  beforeAll(async () => {
    fixture = await makeGs();
    ({ front } = fixture);
  });
  afterEach(() => front.reset());
  afterAll(() => fixture.close());

  it.each([503, 500, 429, 408])('rides out a few %s and gives up on many', async (status) => {
    const store = await fresh();
    const fault = { kind: 'answer', status, body: gsError(status, 'backendError') } as const;
    front.inject({ matches: isUpload, times: 2, fault });
    await store.put('x', Buffer.from('x'), { createOnly: true });
    front.inject({ matches: isUpload, times: 99, fault });
    expect(await codeOf(store.put('y', Buffer.from('y')))).toBe('STORE_FAILED');
    front.reset();
    expect(await keysOf(store)).toEqual(['x']);
  });

  it('leaves no object when a chunk fails for good', async () => {
    const store = await fresh();
    front.inject({
      matches: isChunk,
      times: 99,
      fault: { kind: 'answer', status: 500, body: gsError(500, 'backendError') },
    });
    expect(await codeOf(store.put('x', chunks(3, part)))).toBe('STORE_FAILED');
    front.reset();
    expect(await keysOf(store)).toEqual([]);
  });

  it('asks how far an upload got when answers are lost, and loses nothing', async () => {
    const store = await fresh();
    front.inject({ matches: isChunk, times: 2, fault: { kind: 'lose' } });
    const put = await store.put('x', chunks(5, part), { createOnly: true });
    const whole = await bytesOf((await store.get('x')).bytes);
    expect([put.size, whole.byteLength, whole[part * 4]]).toEqual([part * 5, part * 5, 4]);
  });

  it('refuses bytes that do not arrive as they were sent, and removes them', async () => {
    const store = await fresh();
    const change = (body: string) => body.replace(/"md5Hash":"[^"]+"/, '"md5Hash":"AAAAAAAAAAAAAAAAAAAAAA=="');
    for (const body of [Buffer.from('x'), chunks(2, part)]) {
      front.inject({ matches: isUpload, times: 9, fault: { kind: 'rewrite', change } });
      expect(await codeOf(store.put('x', body))).toBe('STORE_FAILED');
      front.reset();
      expect(await keysOf(store)).toEqual([]);
    }
  });

  it('never takes a cut body for a whole one', async () => {
    const store = await fresh();
    await store.put('small', Buffer.alloc(9_000, 1));
    await store.put('large', chunks(2, part));
    for (const key of ['small', 'large']) {
      const isMedia = ({ url }: { url: string }) => url.includes('alt=media');
      front.inject({ matches: isMedia, times: 1, fault: { kind: 'cut', after: 8_999 } });
      const read = async () => bytesOf((await store.get(key)).bytes);
      expect(await codeOf(read())).toBe('STORE_FAILED');
    }
  });

  it.each([
    ['not JSON', () => '<html>proxy</html>'],
    ['of another kind', (body: string) => body.replace('storage#objects', 'storage#bucket')],
    ['with a key that was not asked for', (body: string) => body.replace(/"name":"f[^"]*"/, '"name":"elsewhere"')],
    ['out of order', (body: string) => body.replace('/k00"', '/k99"')],
    ['without generations', (body: string) => body.replaceAll('"generation"', '"generations"')],
  ])('refuses a listing that is %s', async (_name, change) => {
    const store = await fresh();
    for (let i = 0; i < 9; i++) await store.put(`k0${i}`, Buffer.from('x'));
    front.inject({ matches: ({ url }) => url.includes('/o?'), times: 1, fault: { kind: 'rewrite', change } });
    expect(await codeOf(keysOf(store))).toBe('STORE_FAILED');
  });

  it('knows its own object when the answer to its creation was lost, and that of another', async () => {
    const store = await fresh();
    front.inject({ matches: isUpload, times: 1, fault: { kind: 'lose' } });
    await store.put('x', Buffer.from('mine'), { createOnly: true });
    expect(await readText(store, 'x')).toBe('mine');
    expect(await codeOf(store.put('x', Buffer.from('mine'), { createOnly: true }))).toBe('OBJECT_EXISTS');
    await store.put('y', Buffer.from('theirs'));
    front.inject({ matches: isUpload, times: 1, fault: { kind: 'lose' } });
    expect(await codeOf(store.put('y', Buffer.from('mine'), { createOnly: true }))).toBe('OBJECT_EXISTS');
    expect(await readText(store, 'y')).toBe('theirs');
  });

  it('decides a creation again when the last chunk comes', async () => {
    const store = await fresh();
    const other = await openAt(fixture, `f${folders}`);
    const slow = async function* () {
      yield* chunks(2, part);
      await other.put('x', Buffer.from('first'));
      yield Buffer.from('end');
    };
    expect(await codeOf(store.put('x', slow(), { createOnly: true }))).toBe('OBJECT_EXISTS');
    expect(await readText(store, 'x')).toBe('first');
  });

  it('waits for a slow answer, not for one that never comes', async () => {
    const store = await fresh({ socketTimeout: 400, attempts: 1 });
    front.inject({ matches: () => true, times: 1, fault: { kind: 'delay', milliseconds: 100 } });
    await store.put('x', Buffer.from('x'));
    front.inject({ matches: () => true, times: 1, fault: { kind: 'delay', milliseconds: Number.POSITIVE_INFINITY } });
    expect(await codeOf(store.head('x'))).toBe('STORE_FAILED');
  });

  it.each([
    [401, 'authError', 'STORE_DENIED'],
    [403, 'forbidden', 'STORE_DENIED'],
    [403, 'quotaExceeded', 'STORE_FULL'],
    [400, 'invalid', 'STORE_FAILED'],
  ])('says %s %s as %s at every call', async (status, reason, code) => {
    const store = await fresh();
    front.inject({ matches: () => true, times: 99, fault: { kind: 'answer', status, body: gsError(status, reason) } });
    const calls = [
      () => store.head('x'),
      () => store.get('x'),
      () => store.get('x', { version: '1' }),
      () => store.put('x', Buffer.from('x')),
      () => store.put('x', chunks(2, part)),
      () => store.delete(['x']),
      () => keysOf(store),
    ];
    for (const call of calls) expect(await codeOf(call())).toBe(code);
  });

  it('says which of endpoint and bucket is missing', async () => {
    const { location, secrets } = fixture;
    const open = (change: object, attempts: number) => {
      const tuning = { attempts, connectTimeout: 1_000 };
      return openStore({ location: { ...location, ...change }, secrets, signal, tuning });
    };
    const nobody = await open({ endpoint: 'http://127.0.0.1:9' }, 1);
    expect([await codeOf(nobody.head('x')), await codeOf(keysOf(nobody))]).toEqual([
      'STORE_UNREACHABLE',
      'STORE_UNREACHABLE',
    ]);
    // Whoever refuses before it has read a body may end the connection before the answer is read.
    const bucketless = await open({ url: 'gs://no-such-bucket/x' }, 3);
    const calls = [
      bucketless.head('x'),
      bucketless.get('x'),
      keysOf(bucketless),
      bucketless.put('x', Buffer.from('x')),
      bucketless.put('x', chunks(2, part)),
      bucketless.delete(['x']),
    ];
    expect(await Promise.all(calls.map((call) => codeOf(call)))).toEqual(calls.map(() => 'STORE_NOT_FOUND'));
  });

  it('gives at most 1,000 objects a page', async () => {
    const store = await fresh({ pageSize: 5_000 });
    await keysOf(store);
    expect(front.seen.filter((line) => line.includes('maxResults=5000'))).toHaveLength(1);
  });
});

describe('who asks Google', () => {
  const location = { url: 'gs://bucket', region: 'us-east-1', pathStyle: false };
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const account = { type: 'service_account', client_email: 'a@b.iam.gserviceaccount.com', private_key: privateKey };

  it('is the service account of the Secret, by tokens that it signs itself', async () => {
    const headers = await createIdentity({ location, secrets: { 'credentials.json': JSON.stringify(account) } })();
    const [, claims = ''] = (headers['authorization'] ?? '').split('.');
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
      iss: account.client_email,
      scope: 'https://www.googleapis.com/auth/devstorage.read_write',
    });
  });

  it('is nobody over plain http, and no key goes there', async () => {
    const plain = { ...location, endpoint: 'http://127.0.0.1:9' };
    expect(await createIdentity({ location: plain, secrets: {} })()).toEqual({});
    expect(() => createIdentity({ location: plain, secrets: { 'credentials.json': JSON.stringify(account) } })).toThrow(
      'plain http',
    );
  });

  it.each([
    ['no JSON', '{secret'],
    ['another thing', JSON.stringify({ type: 'authorized_user', refresh_token: 'secret' })],
    ['half a key', JSON.stringify({ ...account, private_key: undefined })],
  ])('cannot be %s, which is not shown', async (_name, text) => {
    const open = async () => createIdentity({ location, secrets: { 'credentials.json': text } });
    expect(await codeOf(open())).toBe('SECRET_MISSING');
    await expect(open()).rejects.toThrow(/^(?!.*secret\b)/);
  });

  it('cannot be a key that signs nothing, which is not shown', async () => {
    const broken = JSON.stringify({ ...account, private_key: 'broken' });
    await expect(createIdentity({ location, secrets: { 'credentials.json': broken } })()).rejects.toMatchObject({
      code: 'STORE_DENIED',
      what: expect.not.stringContaining('broken'),
    });
  });
});
