// What `copy` does within Google Cloud Storage and Azure that S3 has no word for.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { MoveOrder, MoveResult } from '../../core/ports/mover.ts';
import type { ObjectStore } from '../../core/ports/object-store.ts';
import { openMover } from '../../steps/movers/index.ts';
import { gsError } from '../fakes/gs-front.ts';
import type { Forward, Front, FrontAnswer, FrontRequest } from '../fakes/http-front.ts';
import {
  chunks,
  codeOf,
  keysOf,
  listed,
  makeAzblob,
  makeGs,
  openAt,
  readText,
  type StoreFixture,
} from './store-fixture.ts';

const { signal } = new AbortController();
const mebibyte = 1024 * 1024;

const openPair = async (fixture: StoreFixture, name: string, ending: AbortSignal = signal) => {
  const [source, target] = await Promise.all([openAt(fixture, `${name}/from`), openAt(fixture, `${name}/to`)]);
  const end = (subfolder: string) => ({ location: fixture.location, secrets: fixture.secrets, subfolder });
  const ends = { source, target, from: end(`${name}/from`), to: end(`${name}/to`), signal: ending };
  return { source, target, mover: await openMover('copy', ends) };
};

const orderOf = async (source: ObjectStore, key: string): Promise<MoveOrder> => {
  const [from] = await listed(source, { prefix: key });
  if (from === undefined) throw new Error(`no ${key}`);
  return { from, to: key, createOnly: true };
};

const move = async ({ mover }: Awaited<ReturnType<typeof openPair>>, order: MoveOrder): Promise<MoveResult> => {
  const one = async function* () {
    yield await Promise.resolve(order);
  };
  for await (const result of mover.move(one())) return result;
  throw new Error('no result');
};

describe('copy within Google Cloud Storage', () => {
  let fixture: StoreFixture & { readonly front: Front };
  let front: Front;
  let meanwhile: (forward: Forward) => Promise<void> = () => Promise.resolve();
  beforeAll(async () => {
    fixture = await makeGs({ rewriteBytes: mebibyte, betweenRewrites: (forward) => meanwhile(forward) });
    ({ front } = fixture);
  });
  afterEach(() => {
    meanwhile = () => Promise.resolve();
    front.reset();
  });
  afterAll(() => fixture.close());

  const put = (forward: Forward, name: string, body: string): Promise<FrontAnswer> =>
    forward({
      method: 'POST',
      url: `/upload/storage/v1/b/contract/o?uploadType=media&name=${encodeURIComponent(name)}`,
      headers: { 'content-type': 'text/plain' },
      body: Buffer.from(body),
    });

  it('goes on until Google is done, with both conditions in every call', async () => {
    const pair = await openPair(fixture, 'long');
    await pair.source.put('x', chunks(3, mebibyte + 5));
    front.reset();
    const result = await move(pair, await orderOf(pair.source, 'x'));
    expect(result).toMatchObject({ outcome: 'copied', adopted: false, object: { size: 3 * mebibyte + 15 } });
    const calls = front.seen.filter((line) => line.includes('/rewriteTo/'));
    expect(calls).toHaveLength(4);
    for (const line of calls) expect(line).toMatch(/ifSourceGenerationMatch=\d+&ifGenerationMatch=0/);
  });

  it('never overwrites what came between two calls', async () => {
    const pair = await openPair(fixture, 'came');
    await pair.source.put('x', chunks(3, mebibyte));
    meanwhile = async (forward) => void (await put(forward, 'came/to/x', 'theirs'));
    expect(await move(pair, await orderOf(pair.source, 'x'))).toMatchObject({ outcome: 'conflict' });
    expect(await readText(pair.target, 'x')).toBe('theirs');
  });

  it('says changed when the source is replaced between two calls', async () => {
    const pair = await openPair(fixture, 'replaced');
    await pair.source.put('x', chunks(3, mebibyte));
    meanwhile = async (forward) => void (await put(forward, 'replaced/from/x', 'new'));
    expect(await move(pair, await orderOf(pair.source, 'x'))).toMatchObject({ outcome: 'changed' });
    expect(await keysOf(pair.target)).toEqual([]);
  });

  it.each([
    ['md5', /"md5Hash": ?"[^"]+"/, '"md5Hash":"AAAAAAAAAAAAAAAAAAAAAA=="'],
    ['size', /"size": ?"\d+"/, '"size":"3"'],
  ])('does not believe a copy of another %s, and removes it', async (_name, pattern, instead) => {
    const pair = await openPair(fixture, `other-${_name}`);
    await pair.source.put('x', Buffer.from('hello'));
    const order = await orderOf(pair.source, 'x');
    front.inject({
      matches: ({ url }) => url.includes('/rewriteTo/'),
      times: 1,
      fault: { kind: 'rewrite', change: (body) => body.replace(pattern, instead) },
    });
    expect(await codeOf(move(pair, order))).toBe('COPY_INCOMPLETE');
    expect(await keysOf(pair.target)).toEqual([]);
  });

  it('compares composite objects, which have no md5, by crc32c', async () => {
    const pair = await openPair(fixture, 'composite');
    for (const [name, body] of [
      ['a', 'one'],
      ['b', 'two'],
    ] as const)
      await pair.source.put(name, Buffer.from(body));
    const isListing = ({ url }: { url: string }) => url.includes('/o?');
    const isCopy = ({ url }: { url: string }) => url.includes('/rewriteTo/');
    const without = (body: string) => body.replaceAll(/"md5Hash": ?"[^"]+",/g, '');
    const strip = (matches: (request: { url: string }) => boolean, change = without) =>
      front.inject({ matches, times: 1, fault: { kind: 'rewrite', change } });
    strip(isListing);
    const order = await orderOf(pair.source, 'a');
    expect(order.from.checksum?.algorithm).toBe('etag');
    strip(isCopy);
    expect(await move(pair, order)).toMatchObject({ outcome: 'copied' });
    strip(isListing);
    const other = await orderOf(pair.source, 'b');
    strip(isCopy, (body) => without(body).replace(/"crc32c": ?"[^"]+"/, '"crc32c":"AAAAAA=="'));
    expect(await codeOf(move(pair, other))).toBe('COPY_INCOMPLETE');
    // One that stands already is compared so, too, and not read.
    front.reset();
    expect(await move(pair, order)).toMatchObject({ outcome: 'copied', adopted: true });
    expect(front.seen.filter((line) => line.includes('alt=media'))).toEqual([]);
  });

  it.each(['lose', 'answer'] as const)('gets over a call whose answer is none (%s)', async (kind) => {
    const pair = await openPair(fixture, `none-${kind}`);
    await pair.source.put('x', chunks(2, mebibyte));
    const order = await orderOf(pair.source, 'x');
    const fault = kind === 'lose' ? { kind } : { kind, status: 503, body: gsError(503, 'backendError') };
    front.inject({ matches: ({ url }) => url.includes('/rewriteTo/'), times: 2, fault });
    expect(await move(pair, order)).toMatchObject({ outcome: 'copied', object: { size: 2 * mebibyte } });
    expect(await keysOf(pair.target)).toEqual(['x']);
  });

  it('moves no byte through here', async () => {
    const pair = await openPair(fixture, 'bytes');
    await pair.source.put('x', chunks(2, mebibyte));
    const order = await orderOf(pair.source, 'x');
    front.reset();
    expect(await move(pair, order)).toMatchObject({ outcome: 'copied' });
    const { sent = 0, received = 0 } = front.bytes.get('lc2-backup') ?? {};
    expect(sent + received).toBeLessThan(10_000);
  });
});

describe('copy within Azure', () => {
  let fixture: StoreFixture & { readonly front: Front };
  /** Looks at a copy that still find it pending, and what becomes of it then. */
  let pending = 0;
  let end = 'success';
  /** Looks that find a copy failed, before others find what it is. */
  let failures = 0;
  const later = async (request: FrontRequest, forward: Forward): Promise<FrontAnswer> => {
    // The imitation has long copied what it is told to end.
    if (request.url.includes('comp=copy')) return { status: 204, headers: {}, body: Buffer.alloc(0) };
    const answer = await forward(request);
    const isCopy = answer.headers['x-ms-copy-id'] !== undefined;
    const isLook = request.method === 'HEAD' || request.headers['x-ms-copy-source'] !== undefined;
    if (!isCopy || !isLook) return answer;
    const status = pending > 0 ? 'pending' : failures > 0 ? 'failed' : end;
    if (pending-- <= 0) failures--;
    const length = status === 'success' ? {} : { 'content-length': '0' };
    return { ...answer, headers: { ...answer.headers, ...length, 'x-ms-copy-status': status } };
  };
  beforeAll(async () => {
    fixture = await makeAzblob(later);
  });
  afterEach(() => {
    pending = 0;
    end = 'success';
    failures = 0;
    fixture.front.reset();
  });
  afterAll(() => fixture.close());

  it('is done when Azure says so, and not before', async () => {
    const pair = await openPair(fixture, 'later');
    await pair.source.put('x', Buffer.from('hello'));
    const order = await orderOf(pair.source, 'x');
    pending = 4;
    expect(await move(pair, order)).toMatchObject({ outcome: 'copied', adopted: false, object: { size: 5 } });
    expect(pending).toBeLessThanOrEqual(0);
  });

  it.each(['failed', 'aborted'])('removes what a copy that %s leaves', async (status) => {
    const pair = await openPair(fixture, status);
    await pair.source.put('x', Buffer.from('hello'));
    const order = await orderOf(pair.source, 'x');
    end = status;
    expect(await codeOf(move(pair, order))).toBe('COPY_INCOMPLETE');
    end = 'success';
    expect(await keysOf(pair.target)).toEqual([]);
    expect(await move(pair, order)).toMatchObject({ outcome: 'copied' });
  });

  it('waits for the copy that another began, and takes it when it is the ordered one', async () => {
    const pair = await openPair(fixture, 'another');
    await pair.source.put('x', Buffer.from('hello'));
    const order = await orderOf(pair.source, 'x');
    await move(pair, order);
    pending = 3;
    expect(await move(pair, order)).toMatchObject({ outcome: 'copied', adopted: true });
    expect(pending).toBeLessThanOrEqual(0);
  });

  it('copies again where the copy of an attempt that was killed has failed since', async () => {
    const pair = await openPair(fixture, 'killed');
    await pair.source.put('x', Buffer.from('hello'));
    const order = await orderOf(pair.source, 'x');
    await move(pair, order);
    failures = 1;
    expect(await move(pair, order)).toMatchObject({ outcome: 'copied', adopted: false });
    expect(await readText(pair.target, 'x')).toBe('hello');
  });

  it('says vanished when the source is gone, changed when it is another', async () => {
    const pair = await openPair(fixture, 'gone');
    for (const key of ['a', 'b']) await pair.source.put(key, Buffer.from('old'));
    const [a, b] = [await orderOf(pair.source, 'a'), await orderOf(pair.source, 'b')];
    await pair.source.delete(['a']);
    await pair.source.put('b', Buffer.from('new'));
    expect([await move(pair, a), await move(pair, b)]).toMatchObject([{ outcome: 'vanished' }, { outcome: 'changed' }]);
    expect(await keysOf(pair.target)).toEqual([]);
  });

  it('does not believe a copy of another md5, and removes it', async () => {
    const pair = await openPair(fixture, 'md5');
    await pair.source.put('x', Buffer.from('hello'));
    const order = await orderOf(pair.source, 'x');
    const other = { algorithm: 'md5', value: '0'.repeat(32) } as const;
    expect(await codeOf(move(pair, { ...order, from: { ...order.from, checksum: other } }))).toBe('COPY_INCOMPLETE');
    expect(await keysOf(pair.target)).toEqual([]);
  });

  it('ends a pending copy when the run is cancelled, and leaves no object', async () => {
    const abort = new AbortController();
    const pair = await openPair(fixture, 'cancel', abort.signal);
    await pair.source.put('x', Buffer.from('hello'));
    const order = await orderOf(pair.source, 'x');
    pending = 1_000;
    setTimeout(() => abort.abort(), 200);
    expect(await codeOf(move(pair, order))).toBe('CANCELLED');
    expect(fixture.front.seen.some((line) => line.includes('comp=copy'))).toBe(true);
    expect(await keysOf(pair.target)).toEqual([]);
  });

  it('gets over a beginning whose answer was lost', async () => {
    const pair = await openPair(fixture, 'lost');
    await pair.source.put('x', Buffer.from('hello'));
    const order = await orderOf(pair.source, 'x');
    fixture.front.inject({ matches: ({ method }) => method === 'PUT', times: 1, fault: { kind: 'lose' } });
    expect(await move(pair, order)).toMatchObject({ outcome: 'copied' });
    expect(await readText(pair.target, 'x')).toBe('hello');
  });

  it('moves no byte through here, and shows no signature', async () => {
    const pair = await openPair(fixture, 'bytes');
    await pair.source.put('x', chunks(2, mebibyte));
    const order = await orderOf(pair.source, 'x');
    fixture.front.reset();
    expect(await move(pair, order)).toMatchObject({ outcome: 'copied' });
    expect(fixture.front.seen.map((line) => line.split(' ')[0])).toEqual(['PUT', 'HEAD']);
    expect(fixture.front.seen.join('\n')).not.toContain('sig=');
  });
});
