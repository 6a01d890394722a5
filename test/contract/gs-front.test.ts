// The front before the emulator refuses what Google refuses, in Google's words; without it tests of conditions prove nothing.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeGs } from './store-fixture.ts';

interface Said {
  readonly status: number;
  readonly reason: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
}

describe('the front of Google Cloud Storage', () => {
  let fixture: Awaited<ReturnType<typeof makeGs>>;
  const ask = async (method: string, path: string, init: RequestInit = {}): Promise<Said> => {
    const answer = await fetch(`${fixture.location.endpoint}${path}`, { method, ...init });
    const text = await answer.text();
    const body = (text.startsWith('{') ? JSON.parse(text) : {}) as Said['body'] & {
      readonly error?: { readonly errors: readonly { readonly reason: string }[] };
    };
    return { status: answer.status, reason: body.error?.errors[0]?.reason, body };
  };
  const put = (name: string, size = 5) =>
    ask('POST', `/upload/storage/v1/b/contract/o?uploadType=media&name=${name}`, { body: Buffer.alloc(size, name) });
  const object = (name: string) => `/storage/v1/b/contract/o/${name}`;
  const refused = { status: 412, reason: 'conditionNotMet' };

  beforeAll(async () => {
    fixture = await makeGs({ rewriteBytes: 1024 * 1024 });
  });
  afterAll(() => fixture.close());

  it.each(['ifGenerationMatch=1', 'ifMetagenerationMatch=9'])(
    'judges %s at every call about an object',
    async (query) => {
      await put('x');
      for (const method of ['GET', 'DELETE', 'PATCH'])
        expect(await ask(method, `${object('x')}?${query}`, method === 'PATCH' ? { body: '{}' } : {})).toMatchObject(
          refused,
        );
      expect(await ask('GET', `${object('x')}?alt=media&${query}`)).toMatchObject(refused);
      for (const verb of ['copyTo', 'rewriteTo']) {
        const path = `${object('x')}/${verb}/b/contract/o/x2`;
        expect(await ask('POST', `${path}?${query.replace('if', 'ifSource')}`)).toMatchObject(refused);
      }
      expect(await ask('GET', object('x2'))).toMatchObject({ status: 404, reason: 'notFound' });
      expect(await ask('DELETE', object('x'))).toMatchObject({ status: 204 });
    },
  );

  it('takes generation 0 for what does not exist', async () => {
    await put('a');
    const path = `${object('a')}/rewriteTo/b/contract/o/b?ifGenerationMatch=0`;
    expect(await ask('POST', path)).toMatchObject({ status: 200, body: { done: true } });
    expect(await ask('POST', path)).toMatchObject(refused);
  });

  it('copies in several calls, and a token is good for one place', async () => {
    await put('large', 2_500_000);
    const path = `${object('large')}/rewriteTo/b/contract/o/copy`;
    const first = await ask('POST', path);
    expect(first).toMatchObject({ status: 200, body: { done: false, objectSize: '2500000' } });
    const token = String(first.body['rewriteToken']);
    expect(await ask('POST', `${object('large')}/rewriteTo/b/contract/o/other?rewriteToken=${token}`)).toMatchObject({
      status: 400,
      reason: 'invalid',
    });
    const second = await ask('POST', `${path}?rewriteToken=${token}`);
    expect(second).toMatchObject({ body: { done: false } });
    const third = await ask('POST', `${path}?rewriteToken=${String(second.body['rewriteToken'])}`);
    expect(third).toMatchObject({ body: { done: true, resource: { size: '2500000' } } });
  });

  it('keeps sessions of uploads: what they hold, their chunks, their md5', async () => {
    const begun = await fetch(
      `${fixture.location.endpoint}/upload/storage/v1/b/contract/o?uploadType=resumable&ifGenerationMatch=0`,
      { method: 'POST', body: JSON.stringify({ name: 'session', contentType: 'text/x' }) },
    );
    const { pathname, search } = new URL(begun.headers.get('location') ?? '');
    const chunk = (range: string, size: number, headers: Record<string, string> = {}) =>
      ask('PUT', `${pathname}${search}`, {
        headers: { 'content-range': `bytes ${range}`, ...headers },
        body: Buffer.alloc(size),
      });
    expect(await chunk('0-99/*', 100)).toMatchObject({ status: 400 });
    expect(await chunk('0-262143/*', 262_144)).toMatchObject({ status: 308 });
    expect(await chunk('*/*', 0)).toMatchObject({ status: 308 });
    expect(await ask('GET', object('session'))).toMatchObject({ status: 404 });
    const wrong = { 'x-goog-hash': 'md5=AAAAAAAAAAAAAAAAAAAAAA==' };
    expect(await chunk('262144-262148/262149', 5, wrong)).toMatchObject({ status: 400, reason: 'invalid' });
    expect(await ask('GET', object('session'))).toMatchObject({ status: 404 });
  });
});
