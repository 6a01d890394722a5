// What core/ports/object-store.ts says of locks, on every kind of store; and that nothing gets past one.
import { DeleteObjectCommand, ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Location } from '../../core/api/location.ts';
import type { Lock, ObjectLocks, ObjectStore } from '../../core/ports/object-store.ts';
import { requireLocks } from '../../steps/runtime/lock-backup.ts';
import { openStore } from '../../steps/stores/index.ts';
import { startAzblobFront } from '../fakes/azblob-front.ts';
import { startGsFront } from '../fakes/gs-front.ts';
import {
  azuriteAccount,
  azuriteService,
  makeBucket,
  makeContainer,
  startAzurite,
  startFakeGcs,
} from '../support/cloud-servers.ts';
import { startVersitygw } from '../support/s3-servers.ts';
import { codeOf, makeFolder } from './store-fixture.ts';

interface Place {
  readonly location: (bucket: 'locking' | 'plain') => Location;
  readonly secrets: Readonly<Record<string, string>>;
  /** Tries to remove the bytes themselves, in the words of the vendor; says what that came to. */
  readonly destroy: (name: string) => Promise<string>;
  readonly stop: () => Promise<void>;
}

const startS3 = async (): Promise<Place> => {
  const server = await startVersitygw({ versions: true });
  const locations = {
    locking: await server.bucket('locking', { locks: true }),
    plain: await server.bucket('plain'),
  };
  return {
    location: (bucket) => locations[bucket],
    secrets: server.secrets,
    destroy: async (name) => {
      const asked = { Bucket: 'locking', Prefix: name };
      const { Versions = [] } = await server.client.send(new ListObjectVersionsCommand(asked));
      for (const { Key, VersionId } of Versions) {
        try {
          await server.client.send(new DeleteObjectCommand({ Bucket: 'locking', Key, VersionId }));
        } catch (error) {
          return error instanceof Error ? error.name : String(error);
        }
      }
      return 'gone';
    },
    stop: () => server.stop(),
  };
};

const startGs = async (): Promise<Place> => {
  const server = await startFakeGcs();
  const front = await startGsFront(server.endpoint, { retention: true });
  await makeBucket(front, 'locking', { locks: true });
  await makeBucket(front, 'plain');
  return {
    location: (bucket) => ({ url: `gs://${bucket}`, endpoint: front.endpoint, region: 'us-east-1', pathStyle: false }),
    secrets: {},
    destroy: async (name) => {
      const url = `${front.endpoint}/storage/v1/b/locking/o/${encodeURIComponent(name)}`;
      const answer = await fetch(url, { method: 'DELETE' });
      return answer.ok
        ? 'gone'
        : (((await answer.json()) as { error: { errors: { reason: string }[] } }).error.errors[0]?.reason ?? '');
    },
    stop: async () => {
      await front.stop();
      await server.stop();
    },
  };
};

const startAzblob = async (): Promise<Place> => {
  const server = await startAzurite();
  const front = await startAzblobFront(server.endpoint, { immutable: ['locking'] });
  for (const name of ['locking', 'plain']) await makeContainer(server, name);
  const { accountName } = azuriteAccount;
  return {
    location: (bucket) => ({
      url: `azblob://${accountName}/${bucket}`,
      endpoint: `${front.endpoint}/${accountName}`,
      region: 'us-east-1',
      pathStyle: false,
    }),
    secrets: azuriteAccount,
    destroy: async (name) => {
      const blob = azuriteService(front).getContainerClient('locking').getBlobClient(name);
      try {
        await blob.withVersion('2026-01-01T00:00:00.0000000Z').delete();
        return 'gone';
      } catch (error) {
        return error instanceof Error && 'code' in error ? String(error.code) : String(error);
      }
    },
    stop: async () => {
      await front.stop();
      await server.stop();
    },
  };
};

const day = 86_400_000;
const after = (days: number, mode: Lock['mode'] = 'compliance'): Lock => ({
  until: new Date(Math.ceil(Date.now() / 1000) * 1000 + days * day).toISOString(),
  mode,
});

describe.each([
  ['s3', startS3, 'AccessDenied', /Object Lock/],
  ['gs', startGs, 'retentionPolicyNotMet', /object retention/],
  ['azblob', startAzblob, 'BlobImmutableDueToPolicy', /version-level immutability/],
])('locks of objects: %s', (_name, start, refusal, remedy) => {
  let place: Place;
  const opened: ObjectStore[] = [];
  const open = async (bucket: 'locking' | 'plain', signal = new AbortController().signal): Promise<ObjectStore> => {
    const { secrets } = place;
    const store = await openStore({ location: place.location(bucket), secrets, signal, subfolder: 'retail/prd' });
    opened.push(store);
    return store;
  };
  const locking = async (): Promise<{ store: ObjectStore; locks: ObjectLocks }> => {
    const store = await open('locking');
    return { store, locks: await requireLocks(store) };
  };

  beforeAll(async () => {
    place = await start();
  });
  afterAll(async () => {
    for (const store of opened) await store.close();
    await place.stop();
  });

  it('need a place that was set up for them', async () => {
    const { locks } = await open('plain');
    await expect(locks?.probe()).rejects.toMatchObject({
      code: 'LOCK_UNAVAILABLE',
      remedy: expect.stringMatching(remedy) as string,
    });
  });

  it('are not there before they are set, nor where there is no object', async () => {
    const { store, locks } = await locking();
    await store.put('free', Buffer.from('x'));
    expect(await locks.read('free')).toBeUndefined();
    expect(await locks.read('nothing')).toBeUndefined();
    expect(await codeOf(locks.extend('nothing', after(1)))).toBe('OBJECT_NOT_FOUND');
  });

  it.each(['plain', 'a b/ü+%25.txt', '~ab/cdef'])('keep %s from everybody', async (key) => {
    const { store, locks } = await locking();
    await store.put(key, Buffer.from('sealed'));
    const lock = after(1);
    await locks.extend(key, lock);
    expect(await locks.read(key)).toEqual(lock);
    expect(await place.destroy(`retail/prd/${key}`)).toBe(refusal);
    expect((await store.head(key))?.size).toBe(6);
  });

  it.each(['governance', 'compliance'] as const)('are extended in %s mode, and never shortened', async (mode) => {
    const { store, locks } = await locking();
    const key = `longer-${mode}`;
    await store.put(key, Buffer.from('x'));
    const [one, two, three] = [after(1, mode), after(2, mode), after(3, mode)];
    for (const [asked, standing] of [
      [two, two],
      [one, two],
      [three, three],
      [three, three],
    ] as const) {
      await locks.extend(key, asked);
      expect(await locks.read(key)).toEqual(standing);
    }
  });

  it('stay in the stronger mode', async () => {
    const { store, locks } = await locking();
    await store.put('strong', Buffer.from('x'));
    await locks.extend('strong', after(2));
    const longer = after(5, 'governance');
    await locks.extend('strong', longer);
    expect(await locks.read('strong')).toEqual({ ...longer, mode: 'compliance' });
  });

  it('end with CANCELLED when the signal fires', async () => {
    const store = await open('locking', AbortSignal.abort());
    expect(await codeOf(store.locks?.read('x') ?? Promise.resolve())).toBe('CANCELLED');
    expect(await codeOf(store.locks?.extend('x', after(1)) ?? Promise.resolve())).toBe('CANCELLED');
    expect(await codeOf(store.locks?.probe() ?? Promise.resolve())).toBe('CANCELLED');
  });
});

describe('locks of objects: elsewhere', () => {
  it('are refused by a folder', async () => {
    const folder = await makeFolder();
    const { location, secrets } = folder;
    const store = await openStore({ location, secrets, signal: new AbortController().signal });
    expect(await codeOf(requireLocks(store))).toBe('LOCK_UNAVAILABLE');
    await folder.close();
  });

  it('are not there on a server that keeps no versions', async () => {
    const server = await startVersitygw();
    const location = await server.bucket('unversioned', { locks: true });
    const store = await openStore({ location, secrets: server.secrets, signal: new AbortController().signal });
    await expect(requireLocks(store)).rejects.toMatchObject({
      code: 'LOCK_UNAVAILABLE',
      what: 'the bucket keeps no versions',
    });
    await store.close();
    await server.stop();
  });

  it('hide behind a marker what is deleted without naming its version, and keep it', async () => {
    const place = await startS3();
    const { secrets } = place;
    const store = await openStore({
      location: place.location('locking'),
      secrets,
      signal: new AbortController().signal,
    });
    const locks = await requireLocks(store);
    await store.put('x', Buffer.from('sealed'));
    await locks.extend('x', after(1));
    await store.delete(['x']);
    expect(await store.head('x')).toBeUndefined();
    expect(await locks.read('x')).toBeUndefined();
    expect(await place.destroy('x')).toBe('AccessDenied');
    await store.close();
    await place.stop();
  });
});
