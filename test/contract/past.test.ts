// What core/ports/object-store.ts says of the past of a store, on servers that keep versions.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Location } from '../../core/api/location.ts';
import type { ObjectStore, TimeSpan } from '../../core/ports/object-store.ts';
import { requirePast } from '../../steps/runtime/past.ts';
import { openStore } from '../../steps/stores/index.ts';
import { startGsFront } from '../fakes/gs-front.ts';
import { makeBucket, startFakeGcs } from '../support/cloud-servers.ts';
import { startMoto } from '../support/s3-servers.ts';
import { codeOf, keysOf, listed, makeFolder, readText } from './store-fixture.ts';

interface Place {
  readonly location: (bucket: 'keeping' | 'plain') => Location;
  readonly secrets: Readonly<Record<string, string>>;
  readonly stop: () => Promise<void>;
}

/** Of what was replaced versitygw tells when that was, and not since when it was there. */
const startS3 = async (): Promise<Place> => {
  const server = await startMoto();
  const locations = {
    keeping: await server.bucket('keeping', { versions: true }),
    plain: await server.bucket('plain'),
  };
  return { location: (bucket) => locations[bucket], secrets: server.secrets, stop: () => server.stop() };
};

const startGs = async (): Promise<Place> => {
  const server = await startFakeGcs();
  const front = await startGsFront(server.endpoint);
  await makeBucket(server, 'keeping', { versions: true });
  await makeBucket(server, 'plain');
  return {
    location: (bucket) => ({ url: `gs://${bucket}`, endpoint: front.endpoint, region: 'us-east-1', pathStyle: false }),
    secrets: {},
    stop: async () => {
      await front.stop();
      await server.stop();
    },
  };
};

/** Times of objects are of whole seconds: what is to be told apart lies further apart. */
const apart = 2100;

describe.each([
  ['s3', startS3],
  ['gs', startGs],
] as const)('the past of a store: %s', (_name, start) => {
  let place: Place;
  const open = (bucket: 'keeping' | 'plain', subfolder: string, pageSize = 3): Promise<ObjectStore> =>
    openStore({
      location: place.location(bucket),
      secrets: place.secrets,
      signal: new AbortController().signal,
      subfolder,
      tuning: { pageSize },
    });
  const put = async (store: ObjectStore, ...entries: readonly (readonly [string, string])[]): Promise<void> => {
    for (const [key, text] of entries)
      await store.put(key, Buffer.from(text), { contentType: 'text/plain', metadata: { of: text } });
  };
  /** A moment that nothing else happens near to. */
  const moment = async (store: ObjectStore): Promise<TimeSpan> => {
    await sleep(apart);
    const time = await store.time();
    await sleep(apart);
    return { from: time, until: time };
  };
  const at = async (store: ObjectStore, span: TimeSpan): Promise<ObjectStore> => (await requirePast(store)).at(span);

  let world: ObjectStore;
  let first: TimeSpan;
  let second: TimeSpan;

  beforeAll(async () => {
    place = await start();
    world = await open('keeping', 'world');
    await put(world, ['changed', 'c0'], ['gone', 'g'], ['kept', 'k'], ['twice', 't0'], ['à la carte', 'a']);
    await sleep(apart);
    await world.delete(['gone']);
    first = await moment(world);
    for (let n = 1; n <= 5; n++) await put(world, ['changed', `c${n}`]);
    await put(world, ['created', 'n'], ['twice', 't1']);
    await sleep(apart);
    await world.delete(['twice', 'à la carte']);
    second = await moment(world);
    await put(world, ['twice', 't2'], ['gone', 'again']);
    await world.delete(['kept']);
  });
  afterAll(() => place.stop());

  const texts = async (store: ObjectStore): Promise<Record<string, string>> => {
    const found: Record<string, string> = {};
    for (const key of await keysOf(store)) found[key] = await readText(store, key);
    return found;
  };

  it('is what was current at a moment, and nothing else', async () => {
    expect(await texts(await at(world, first))).toEqual({ changed: 'c0', kept: 'k', twice: 't0', 'à la carte': 'a' });
    expect(await texts(await at(world, second))).toEqual({ changed: 'c5', created: 'n', kept: 'k' });
    expect(await texts(world)).toEqual({ changed: 'c5', created: 'n', gone: 'again', twice: 't2' });
  });

  it('is of each key the newest that was current at any moment of a span', async () => {
    const span = { from: first.from, until: second.until };
    const whole = { changed: 'c5', created: 'n', kept: 'k', twice: 't1', 'à la carte': 'a' };
    expect(await texts(await at(world, span))).toEqual(whole);
  });

  it('is listed like the present, by pages of any size, below a prefix, after a key and with cuts', async () => {
    for (const pageSize of [1, 2, 1000]) {
      const store = await at(await open('keeping', 'world', pageSize), first);
      expect(await keysOf(store)).toEqual(['changed', 'kept', 'twice', 'à la carte']);
      expect(await keysOf(store, { prefix: 'k' })).toEqual(['kept']);
      expect(await keysOf(store, { startAfter: 'changed' })).toEqual(['kept', 'twice', 'à la carte']);
      expect(await keysOf(store, { cuts: ['created', 'kept', 'nothing'] })).toEqual(await keysOf(store));
    }
  });

  it('tells of versions what the present told of them', async () => {
    const store = await open('keeping', 'told');
    await put(store, ['a', 'one']);
    const [listedThen, thenHead] = [await listed(store), await store.head('a')];
    const span = await moment(store);
    await put(store, ['a', 'another'], ['ab', 'beside']);
    const past = await at(store, span);
    expect(await listed(past)).toEqual(listedThen);
    expect(await past.head('a')).toEqual(thenHead);
    expect(thenHead).toMatchObject({ contentType: 'text/plain', metadata: { of: 'one' } });
    const { info } = await past.get('a', { version: thenHead?.version ?? '' });
    expect(info).toMatchObject({ key: 'a', size: 3, version: thenHead?.version });
    expect(await past.head('ab')).toBeUndefined();
    expect(await codeOf(past.get('ab'))).toBe('OBJECT_NOT_FOUND');
    expect(await codeOf(past.get('a', { version: (await store.head('a'))?.version ?? '' }))).toBe('OBJECT_CHANGED');
  });

  it('needs a place that keeps versions', async () => {
    const { past } = await open('plain', 'any');
    await expect(past?.probe()).rejects.toMatchObject({ code: 'VERSIONS_UNAVAILABLE' });
  });
});

it('a folder has none', async () => {
  const fixture = await makeFolder();
  try {
    const { signal } = new AbortController();
    const store = await openStore({ location: fixture.location, secrets: {}, signal });
    expect(await codeOf(requirePast(store))).toBe('VERSIONS_UNAVAILABLE');
  } finally {
    await fixture.close();
  }
});
