// Objects that nobody can read as they are: what says so before their bytes are asked for.
import { PutObjectCommand, RestoreObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ObjectInfo, ObjectStore } from '../../core/ports/object-store.ts';
import type { Front } from '../fakes/http-front.ts';
import { azuriteService } from '../support/cloud-servers.ts';
import type { S3Server } from '../support/s3-servers.ts';
import { bytesOf, listed, makeAzblob, makeGs, makeMoto, openAt, type StoreFixture } from './store-fixture.ts';

type Fixture = StoreFixture & { readonly front: Front };

const withFront = ({ front, ...made }: StoreFixture): Fixture => {
  if (front === undefined) throw new Error('it has a front');
  return { ...made, front };
};

const read = async (store: ObjectStore, key: string): Promise<string> =>
  bytesOf((await store.get(key)).bytes).then(String);
const marksOf = (objects: readonly ObjectInfo[]) =>
  Object.fromEntries(objects.map((each) => [each.key, each.unreadable]));

describe('in an archive of s3', () => {
  let fixture: Fixture;
  let server: S3Server;
  beforeAll(async () => {
    fixture = withFront(await makeMoto());
    if (fixture.server === undefined) throw new Error('it has a server');
    server = fixture.server;
  });
  afterAll(() => fixture.close());

  it.each(['GLACIER', 'DEEP_ARCHIVE'] as const)(
    'an object of class %s is named, until it is taken out',
    async (StorageClass) => {
      const store = await openAt(fixture, StorageClass);
      await store.put('plain', Buffer.from('x'));
      const at = { Bucket: 'contract', Key: `${StorageClass}/away` };
      await server.client.send(new PutObjectCommand({ ...at, Body: 'away', StorageClass }));
      expect(marksOf(await listed(store))).toEqual({ away: 'archived', plain: undefined });
      expect(await store.head('away')).toMatchObject({ unreadable: 'archived' });
      await expect(read(store, 'away')).rejects.toMatchObject({ code: 'OBJECT_UNREADABLE' });
      await server.client.send(new RestoreObjectCommand({ ...at, RestoreRequest: { Days: 1 } }));
      // Listings go on to say its class.
      expect(marksOf(await listed(store))).toEqual({ away: 'archived', plain: undefined });
      expect(await store.head('away')).not.toHaveProperty('unreadable');
      expect(await read(store, 'away')).toBe('away');
    },
  );

  it('an object of intelligent tiering is named by its head', async () => {
    const store = await openAt(fixture, 'tiered');
    await store.put('x', Buffer.from('x'));
    const headers = { 'last-modified': new Date(0).toUTCString(), etag: '"e"', 'content-length': '1' };
    const archived = {
      ...headers,
      'x-amz-storage-class': 'INTELLIGENT_TIERING',
      'x-amz-archive-status': 'DEEP_ARCHIVE_ACCESS',
    };
    fixture.front.inject({
      matches: ({ method }) => method === 'HEAD',
      times: 1,
      fault: { kind: 'answer', status: 200, body: '', headers: archived },
    });
    expect(await store.head('x')).toMatchObject({ unreadable: 'archived', storageClass: 'INTELLIGENT_TIERING' });
  });
});

describe('in an archive of azblob', () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = withFront(await makeAzblob());
  });
  afterEach(() => fixture.front.reset());
  afterAll(() => fixture.close());

  it('an object is named, until it is taken out', async () => {
    const store = await openAt(fixture, 'f');
    for (const key of ['away', 'plain']) await store.put(key, Buffer.from(key));
    const away = azuriteService(fixture.front).getContainerClient('contract').getBlobClient('f/away');
    await away.setAccessTier('Archive');
    expect(marksOf(await listed(store))).toEqual({ away: 'archived', plain: undefined });
    expect(await store.head('away')).toMatchObject({ unreadable: 'archived' });
    await expect(read(store, 'away')).rejects.toMatchObject({ code: 'OBJECT_UNREADABLE' });
    await away.setAccessTier('Hot');
    expect(marksOf(await listed(store))).toEqual({ away: undefined, plain: undefined });
    expect(await read(store, 'away')).toBe('away');
  });

  it('an object with a key of the customer is named by its listing', async () => {
    const store = await openAt(fixture, 'keys');
    await store.put('x', Buffer.from('x'));
    const change = (body: string) =>
      body.replace('</Properties>', '<CustomerProvidedKeySha256>c2hhMjU2</CustomerProvidedKeySha256></Properties>');
    fixture.front.inject({
      matches: ({ url }) => url.includes('comp=list'),
      times: 1,
      fault: { kind: 'rewrite', change },
    });
    expect(marksOf(await listed(store))).toEqual({ x: 'customer-key' });
  });
});

describe('in gs', () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await makeGs();
  });
  afterEach(() => fixture.front.reset());
  afterAll(() => fixture.close());

  it('an object with a key of the customer is named by its listing', async () => {
    const store = await openAt(fixture, 'f');
    for (const key of ['plain', 'x']) await store.put(key, Buffer.from(key));
    const change = (body: string): string => {
      const page = JSON.parse(body) as { items: { name: string }[] };
      const customerEncryption = { encryptionAlgorithm: 'AES256', keySha256: 'c2hhMjU2' };
      return JSON.stringify({
        ...page,
        items: page.items.map((item) => (item.name === 'f/x' ? { ...item, customerEncryption } : item)),
      });
    };
    fixture.front.inject({
      // Google sends what is asked for, and nothing else.
      matches: ({ url }) => url.includes('prefix=') && decodeURIComponent(url).includes('customerEncryption'),
      times: 1,
      fault: { kind: 'rewrite', change },
    });
    expect(marksOf(await listed(store))).toEqual({ plain: undefined, x: 'customer-key' });
  });
});
