// What a server-side copy in S3 takes along beside the bytes, in one request and in parts, and under which conditions.
import {
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { MoveOrder, MoveResult } from '../../core/ports/mover.ts';
import { openMover } from '../../steps/movers/index.ts';
import { openStore } from '../../steps/stores/index.ts';
import { type Front, type FrontRequest, startFront } from '../fakes/http-front.ts';
import { s3Error } from '../fakes/s3-front.ts';
import { type S3Server, startMoto, startVersitygw } from '../support/s3-servers.ts';
import { listed } from './store-fixture.ts';

const mebibyte = 1024 * 1024;
/** A server takes no smaller part but the last. */
const limit = 5 * mebibyte;
const sizes = { 'in one request': 1000, 'in parts': limit + 17 } as const;
const ways = Object.keys(sizes) as readonly (keyof typeof sizes)[];

const headers = {
  ContentType: 'text/x-test; charset=utf-8',
  CacheControl: 'max-age=60',
  ContentDisposition: 'attachment; filename="a b.txt"',
  ContentEncoding: 'x-plain',
  ContentLanguage: 'de, en',
  Metadata: { colour: 'red', title: '=?UTF-8?B?w7w=?=' },
} as const;
const tags = [
  { Key: 'a b', Value: 'x=y+z @a' },
  { Key: 'empty', Value: '' },
  { Key: 'project', Value: 'retail/prd:1' },
] as const;
const tagging = tags.map(({ Key, Value }) => `${encodeURIComponent(Key)}=${encodeURIComponent(Value)}`).join('&');

const isCreation = ({ method, url }: FrontRequest): boolean => method === 'POST' && /[?&]uploads/.test(url);
const isCompletion = ({ method, url }: FrontRequest): boolean => method === 'POST' && url.includes('uploadId=');

interface Fixture {
  readonly start: () => Promise<S3Server>;
  readonly keepsClass: boolean;
}

const servers: Readonly<Record<S3Server['name'], Fixture>> = {
  versitygw: { start: () => startVersitygw(), keepsClass: false },
  moto: { start: () => startMoto(), keepsClass: true },
};

describe.each(['versitygw', 'moto'] as const)('a copy within S3 on %s', (name) => {
  const { keepsClass } = servers[name];
  let server: S3Server;
  let front: Front;
  /** Is done before a request reaches the server. */
  let before: (asked: FrontRequest) => Promise<unknown>;

  beforeAll(async () => {
    server = await servers[name].start();
    front = await startFront(server.endpoint, {
      contentType: 'application/xml',
      isInTurn: ({ method }) => method === 'PUT' || method === 'POST',
      handle: async (asked, forward) => {
        await before(asked);
        return forward(asked);
      },
    });
    for (const bucket of ['source', 'target']) await server.bucket(bucket);
  });
  beforeEach(() => {
    front.reset();
    before = () => Promise.resolve();
  });
  afterAll(async () => {
    await front.stop();
    await server.stop();
  });

  const open = async () => {
    const end = (bucket: string) => ({
      location: { url: `s3://${bucket}`, endpoint: front.endpoint, region: 'us-east-1', pathStyle: true },
      secrets: server.secrets,
    });
    const { signal } = new AbortController();
    const source = await openStore({ ...end('source'), signal });
    const target = await openStore({ ...end('target'), signal });
    const options = { source, target, signal, from: end('source'), to: end('target'), tuning: { copyLimit: limit } };
    const mover = await openMover('copy', options);
    const move = async (order: Partial<MoveOrder> & Pick<MoveOrder, 'from'>): Promise<MoveResult | undefined> => {
      const orders = async function* () {
        yield await Promise.resolve({ to: order.from.key, createOnly: true, ...order });
      };
      for await (const result of mover.move(orders())) return result;
      return undefined;
    };
    const info = async (key: string) => {
      const [found] = await listed(source, { prefix: key });
      if (found === undefined) throw new Error(`no ${key}`);
      return found;
    };
    return { move, info };
  };

  const put = (key: string, size: number, more: Partial<PutObjectCommand['input']> = {}) =>
    server.client.send(
      new PutObjectCommand({ Bucket: 'source', Key: key, Body: Buffer.alloc(size, key), ...headers, ...more }),
    );

  const described = async (bucket: string, key: string) => {
    const place = { Bucket: bucket, Key: key };
    const head = await server.client.send(new HeadObjectCommand(place));
    const { TagSet = [] } = await server.client.send(new GetObjectTaggingCommand(place));
    const { ContentType, CacheControl, ContentDisposition, ContentEncoding, ContentLanguage, Metadata } = head;
    return {
      headers: { ContentType, CacheControl, ContentDisposition, ContentEncoding, ContentLanguage, Metadata },
      size: head.ContentLength,
      expires: head.ExpiresString,
      storageClass: head.StorageClass ?? 'STANDARD',
      tags: TagSet.toSorted((a, b) => (a.Key ?? '').localeCompare(b.Key ?? '')),
    };
  };

  const nothingIsOpen = async (): Promise<void> => {
    const { Uploads = [] } = await server.client.send(new ListMultipartUploadsCommand({ Bucket: 'target' }));
    expect(Uploads).toEqual([]);
  };

  describe.each(ways)('%s', (way) => {
    const size = sizes[way];
    const key = way.replaceAll(' ', '-');

    it('keeps content headers, metadata and tags', async () => {
      await put(key, size, { Tagging: tagging, Expires: new Date('2030-01-02T03:04:05Z') });
      const { move, info } = await open();
      expect(await move({ from: await info(key) })).toMatchObject({ outcome: 'copied', object: { size } });
      const copy = await described('target', key);
      expect(copy).toEqual(await described('source', key));
      expect(copy).toMatchObject({ headers, size, tags });
    });

    it('asks for the class of the source where that can be read at once', async () => {
      const classes: Record<string, string | undefined> = {};
      for (const StorageClass of ['STANDARD_IA', 'GLACIER_IR'] as const) {
        if (keepsClass) await put(`${key}-${StorageClass}`, size, { StorageClass });
        else await put(`${key}-${StorageClass}`, size);
        const { move, info } = await open();
        const from = await info(`${key}-${StorageClass}`);
        expect(await move({ from: { ...from } })).toMatchObject({ outcome: 'copied' });
        classes[StorageClass] = (await described('target', `${key}-${StorageClass}`)).storageClass;
      }
      expect(classes).toEqual(
        keepsClass
          ? { STANDARD_IA: 'STANDARD_IA', GLACIER_IR: 'GLACIER_IR' }
          : { STANDARD_IA: 'STANDARD', GLACIER_IR: 'STANDARD' },
      );
    });

    it('carries both conditions', async () => {
      await put(`${key}-conditions`, size);
      const { move, info } = await open();
      const from = await info(`${key}-conditions`);
      const seen: FrontRequest[] = [];
      before = (asked) => Promise.resolve(seen.push(asked));
      await move({ from });
      const copies = seen.filter(({ headers: sent }) => sent['x-amz-copy-source'] !== undefined);
      expect(copies.length).toBeGreaterThanOrEqual(way === 'in parts' ? 2 : 1);
      for (const { headers: sent } of copies) expect(sent['x-amz-copy-source-if-match']).toBe(`"${from.version}"`);
      const ends = way === 'in parts' ? seen.filter((asked) => isCompletion(asked)) : copies;
      expect(ends.length).toBeGreaterThan(0);
      for (const { headers: sent } of ends) expect(sent['if-none-match']).toBe('*');
    });
  });

  it('in parts copies where a server knows no tags, and fails where they may not be read', async () => {
    await put('tagless', sizes['in parts']);
    const { move, info } = await open();
    const from = await info('tagless');
    const refuse = (status: number, code: string) =>
      front.inject({
        times: Infinity,
        fault: { kind: 'answer', status, body: s3Error(code) },
        matches: ({ url }) => url.includes('tagging'),
      });
    refuse(403, 'AccessDenied');
    await expect(move({ from })).rejects.toMatchObject({ code: 'STORE_DENIED' });
    front.reset();
    refuse(501, 'NotImplemented');
    expect(await move({ from })).toMatchObject({ outcome: 'copied' });
    front.reset();
    await nothingIsOpen();
  });

  it('in parts is of the version that was listed, or nothing', async () => {
    await put('changing', sizes['in parts']);
    const { move, info } = await open();
    const from = await info('changing');
    before = (asked) => (isCreation(asked) ? put('changing', sizes['in parts'] + 1) : Promise.resolve());
    expect(await move({ from })).toMatchObject({ outcome: 'changed' });
    await expect(described('target', 'changing')).rejects.toMatchObject({ name: 'NotFound' });
    await nothingIsOpen();
  });

  it('in parts writes over nothing that came meanwhile', async () => {
    await put('racing', sizes['in parts']);
    const { move, info } = await open();
    const from = await info('racing');
    const theirs = new PutObjectCommand({ Bucket: 'target', Key: 'racing', Body: 'theirs' });
    before = (asked) => (isCompletion(asked) ? server.client.send(theirs) : Promise.resolve());
    expect(await move({ from })).toMatchObject({ outcome: 'conflict' });
    expect((await described('target', 'racing')).size).toBe('theirs'.length);
    await nothingIsOpen();
  });
});
