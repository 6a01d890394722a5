import { createServer } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { workloadIdentity } from '../../steps/stores/azblob-client.ts';
import { openStore } from '../../steps/stores/index.ts';
import type { Front } from '../fakes/http-front.ts';
import { bytesOf, chunks, codeOf, keysOf, makeAzblob, openAt, readText, type StoreFixture } from './store-fixture.ts';

const { signal } = new AbortController();

const azureError = (code: string): string =>
  `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>injected</Message></Error>`;

describe('azblob when the service or the network fails', () => {
  let fixture: StoreFixture & { readonly front: Front };
  let front: Front;
  let folders = 0;
  const fresh = (tuning: StoreFixture['tuning'] = {}) =>
    openAt(fixture, `f${++folders}`, { tuning: { attempts: 3, ...tuning } });
  const isPut = ({ method }: { method: string }) => method === 'PUT';
  const answer = (status: number, code: string) =>
    ({ kind: 'answer', status, body: azureError(code), headers: { 'x-ms-error-code': code } }) as const;

  beforeAll(async () => {
    fixture = await makeAzblob();
    ({ front } = fixture);
  });
  afterEach(() => front.reset());
  afterAll(() => fixture.close());

  it.each([
    [503, 'ServerBusy'],
    [500, 'InternalError'],
    [429, 'TooManyRequests'],
  ])('rides out a few %s %s and gives up on many', async (status, code) => {
    const store = await fresh();
    front.inject({ matches: isPut, times: 2, fault: answer(status, code) });
    await store.put('x', Buffer.from('x'), { createOnly: true });
    front.inject({ matches: isPut, times: 99, fault: answer(status, code) });
    expect(await codeOf(store.put('y', Buffer.from('y')))).toBe('STORE_FAILED');
    front.reset();
    expect(await keysOf(store)).toEqual(['x']);
  });

  it.each(['comp=block&', 'comp=blocklist'])('leaves no object when %s fails for good', async (what) => {
    const store = await fresh();
    front.inject({ matches: ({ url }) => url.includes(what), times: 99, fault: answer(500, 'InternalError') });
    expect(await codeOf(store.put('x', chunks(9, 9_000)))).toBe('STORE_FAILED');
    front.reset();
    expect(await keysOf(store)).toEqual([]);
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
    ['a proxy’s page', () => '<html>proxy</html>'],
    ['with a key that was not asked for', (xml: string) => xml.replace(/<Name>f[^<]*<\/Name>/, '<Name>else</Name>')],
    ['out of order', (xml: string) => xml.replace('/k00<', '/k99<')],
  ])('refuses a listing that is %s', async (_name, change) => {
    const store = await fresh();
    for (let i = 0; i < 9; i++) await store.put(`k0${i}`, Buffer.from('x'));
    front.inject({ matches: ({ url }) => url.includes('comp=list'), times: 3, fault: { kind: 'rewrite', change } });
    expect(await codeOf(keysOf(store))).toBe('STORE_FAILED');
  });

  it('knows its own object when the answer to its creation was lost, and that of another', async () => {
    const store = await fresh();
    front.inject({ matches: isPut, times: 1, fault: { kind: 'lose' } });
    await store.put('x', Buffer.from('mine'), { createOnly: true });
    expect(await readText(store, 'x')).toBe('mine');
    expect(await codeOf(store.put('x', Buffer.from('mine'), { createOnly: true }))).toBe('OBJECT_EXISTS');
    const isCommit = ({ url }: { url: string }) => url.includes('comp=blocklist');
    front.inject({ matches: isCommit, times: 1, fault: { kind: 'lose' } });
    expect((await store.put('y', chunks(9, 9_000), { createOnly: true })).size).toBe(81_000);
    await store.put('z', Buffer.from('theirs'));
    front.inject({ matches: isPut, times: 1, fault: { kind: 'lose' } });
    expect(await codeOf(store.put('z', Buffer.from('mine'), { createOnly: true }))).toBe('OBJECT_EXISTS');
    expect(await readText(store, 'z')).toBe('theirs');
  });

  it('waits for a slow answer, not for one that never comes', async () => {
    const store = await fresh({ socketTimeout: 400, attempts: 1 });
    front.inject({ matches: () => true, times: 1, fault: { kind: 'delay', milliseconds: 100 } });
    await store.put('x', Buffer.from('x'));
    front.inject({ matches: () => true, times: 1, fault: { kind: 'delay', milliseconds: Number.POSITIVE_INFINITY } });
    expect(await codeOf(store.head('x'))).toBe('STORE_FAILED');
  });

  it.each([
    [403, 'AuthenticationFailed', 'STORE_DENIED'],
    [403, 'AuthorizationPermissionMismatch', 'STORE_DENIED'],
    [404, 'ContainerNotFound', 'STORE_NOT_FOUND'],
    [400, 'InvalidHeaderValue', 'STORE_FAILED'],
  ])('says %s %s as %s at every call', async (status, name, code) => {
    const store = await fresh();
    front.inject({ matches: () => true, times: 99, fault: answer(status, name) });
    const calls = [
      () => store.head('x'),
      () => store.get('x'),
      () => store.put('x', Buffer.from('x')),
      () => store.put('x', chunks(9, 9_000)),
      () => store.delete(['x']),
      () => keysOf(store),
    ];
    for (const call of calls) expect(await codeOf(call())).toBe(code);
  });

  it('puts a listing by UTF-16 units into the order of UTF-8 bytes', async () => {
    const store = await fresh();
    const keys = ['a', 'a\ue000', 'a\uffe5', 'a\uffe5\u{1f600}', 'a\u{1f600}', 'a\u{1f600}/x', 'a\u{1f601}', 'b'];
    for (const key of keys) await store.put(key, Buffer.from('x'));
    expect(await keysOf(store)).toEqual(keys);
    expect(await keysOf(store, { startAfter: 'a\uffe5' })).toEqual(keys.slice(3));
  });

  it('refuses an account that is not that of the Secret, and half a Secret', async () => {
    const { location } = fixture;
    const secrets = { accountName: 'other', accountKey: 'a2V5' };
    const open = async (given: Readonly<Record<string, string>>) => openStore({ location, secrets: given, signal });
    expect(await codeOf(open(secrets))).toBe('ENVIRONMENT_INVALID');
    expect(await codeOf(open({ connectionString: 'AccountName=devstoreaccount1' }))).toBe('SECRET_MISSING');
    expect(await codeOf(open({}))).toBe('ENVIRONMENT_INVALID');
    const { accountName, accountKey } = fixture.secrets;
    const text = `DefaultEndpointsProtocol=http;AccountName=${accountName};AccountKey=${accountKey};BlobEndpoint=${location.endpoint}`;
    const { endpoint: _endpoint, ...elsewhere } = location;
    const store = await openStore({ location: elsewhere, secrets: { connectionString: text }, signal });
    expect(await codeOf(keysOf(store))).toBe('no error');
  });
});

describe('the workload identity of Azure', () => {
  it('is the token of the ServiceAccount against one of Entra', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lc2-token-'));
    const file = join(folder, 'token');
    await writeFile(file, 'of-the-service-account\n');
    const asked: string[] = [];
    let status = 200;
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += String(chunk)));
      request.on('end', () => {
        asked.push(`${request.url} ${body}`);
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(
          JSON.stringify(status === 200 ? { access_token: 'token', expires_in: 3600 } : { error: 'invalid_client' }),
        );
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const env = {
      AZURE_CLIENT_ID: 'client',
      AZURE_TENANT_ID: 'tenant',
      AZURE_FEDERATED_TOKEN_FILE: file,
      AZURE_AUTHORITY_HOST: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    };
    const identity = workloadIdentity('azblob://a/b', env);
    expect((await identity.getToken('scope')).token).toBe('token');
    expect(asked[0]).toMatch(
      /^\/tenant\/oauth2\/v2\.0\/token client_id=client&scope=https%3A%2F%2Fstorage\.azure\.com/,
    );
    expect(asked[0]).toContain('client_assertion=of-the-service-account');
    status = 401;
    await expect(identity.getToken('scope')).rejects.toMatchObject({ code: 'STORE_DENIED' });
    status = 503;
    await expect(identity.getToken('scope')).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(() => workloadIdentity('azblob://a/b', {})).toThrow('neither a Secret nor a workload identity');
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true, force: true });
  });
});
