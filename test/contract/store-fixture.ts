import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Location } from '../../core/api/location.ts';
import type { ObjectInfo, ObjectStore } from '../../core/ports/object-store.ts';
import { openStore } from '../../steps/stores/index.ts';
import type { StoreTuning } from '../../steps/stores/store-options.ts';
import { type GsFrontOptions, startGsFront } from '../fakes/gs-front.ts';
import { startAzblobFront } from '../fakes/azblob-front.ts';
import type { Front, FrontOptions } from '../fakes/http-front.ts';
import { startS3Front } from '../fakes/s3-front.ts';
import { azuriteAccount, makeBucket, makeContainer, startAzurite, startFakeGcs } from '../support/cloud-servers.ts';
import { type S3Server, startMoto, startVersitygw } from '../support/s3-servers.ts';

/** One kind of place, made for a whole test file. */
export interface StoreFixture {
  readonly name: string;
  readonly location: Location;
  readonly secrets: Readonly<Record<string, string>>;
  /** What this place can show of the port's promises; every difference is written down here. */
  readonly can: {
    /** Of simultaneous creators exactly one wins. */
    readonly decideRaces: boolean;
    /** Which of the keys that its adapter allows the place really keeps as they are. */
    readonly keep: (key: string) => boolean;
    /** `p` beside `p/q`. */
    readonly holdNestedKeys: boolean;
    readonly keepMetadata: boolean;
  };
  /** Parts small enough for a test. */
  readonly tuning: StoreTuning;
  readonly server?: S3Server;
  readonly front?: Front;
  readonly close: () => Promise<void>;
}

export const openAt = (
  fixture: StoreFixture,
  subfolder: string,
  options: { readonly signal?: AbortSignal; readonly tuning?: StoreTuning } = {},
): Promise<ObjectStore> =>
  openStore({
    location: fixture.location,
    secrets: fixture.secrets,
    signal: options.signal ?? new AbortController().signal,
    subfolder,
    tuning: { ...fixture.tuning, ...options.tuning },
  });

export const makeFolder = async (): Promise<StoreFixture> => {
  const folder = await mkdtemp(join(tmpdir(), 'lc2-contract-'));
  return {
    name: 'file',
    location: { url: `file://${folder}/root`, region: 'us-east-1', pathStyle: false },
    secrets: {},
    can: { decideRaces: true, keep: () => true, holdNestedKeys: false, keepMetadata: false },
    tuning: {},
    close: () => rm(folder, { recursive: true, force: true }),
  };
};

/** The gateway keeps keys as files: it collapses what a path collapses and lists other control characters as U+FFFD. */
const isFileName = (key: string): boolean =>
  // oxlint-disable-next-line no-control-regex
  !/[\u0000-\u0009\u000b-\u001f]/.test(key) &&
  key.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && Buffer.byteLength(part) <= 255);

/** Its creations race, and it bends or refuses what its folders cannot hold; its parts have at least 5 MiB. */
export const makeVersitygw = async (): Promise<StoreFixture> => {
  const server = await startVersitygw();
  return {
    name: 's3 on versitygw',
    location: await server.bucket('contract'),
    secrets: server.secrets,
    can: { decideRaces: false, keep: isFileName, holdNestedKeys: false, keepMetadata: true },
    tuning: { partSize: 5 * 1024 * 1024, partsPerSize: 2, pageSize: 7 },
    server,
    close: () => server.stop(),
  };
};

/** Keeps odd keys, except that no request of it matches a newline; a front makes its conditional writes exact. */
export const makeMoto = async (): Promise<StoreFixture> => {
  const server = await startMoto();
  const front = await startS3Front(server.endpoint, { serialize: true });
  return {
    name: 's3 on moto',
    location: { ...(await server.bucket('contract')), endpoint: front.endpoint },
    secrets: server.secrets,
    can: { decideRaces: true, keep: (key) => !key.includes('\n'), holdNestedKeys: true, keepMetadata: true },
    tuning: { partSize: 10_000, partsPerSize: 2, bufferLimit: 80_000, pageSize: 7 },
    server,
    front,
    close: async () => {
      await front.stop();
      await server.stop();
    },
  };
};

/** The front makes its conditions exact. Chunks of uploads are multiples of 256 KiB. */
export const makeGs = async (options: GsFrontOptions = {}): Promise<StoreFixture & { readonly front: Front }> => {
  const server = await startFakeGcs();
  const front = await startGsFront(server.endpoint, options);
  await makeBucket(server, 'contract');
  return {
    name: 'gs',
    location: { url: 'gs://contract', endpoint: front.endpoint, region: 'us-east-1', pathStyle: false },
    secrets: {},
    can: { decideRaces: true, keep: () => true, holdNestedKeys: true, keepMetadata: true },
    tuning: { partSize: 256 * 1024, partsPerSize: 2, bufferLimit: 8 * 1024 * 1024, pageSize: 7 },
    front,
    close: async () => {
      await front.stop();
      await server.stop();
    },
  };
};

/** Keeps all that its adapter allows; a front only for faults. */
export const makeAzblob = async (
  handle?: FrontOptions['handle'],
): Promise<StoreFixture & { readonly front: Front }> => {
  const server = await startAzurite();
  const front = await startAzblobFront(server.endpoint, { ...(handle && { handle }) });
  await makeContainer(server, 'contract');
  return {
    name: 'azblob',
    location: {
      url: `azblob://${azuriteAccount.accountName}/contract`,
      endpoint: `${front.endpoint}/${azuriteAccount.accountName}`,
      region: 'us-east-1',
      pathStyle: false,
    },
    secrets: azuriteAccount,
    can: { decideRaces: true, keep: () => true, holdNestedKeys: true, keepMetadata: true },
    tuning: { partSize: 10_000, partsPerSize: 2, bufferLimit: 80_000, pageSize: 7 },
    front,
    close: async () => {
      await front.stop();
      await server.stop();
    },
  };
};

export const readText = async (store: ObjectStore, key: string): Promise<string> => {
  const body = await store.get(key);
  return (await bytesOf(body.bytes)).toString('utf8');
};

export const bytesOf = async (bytes: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
};

export const listed = async (
  store: ObjectStore,
  options?: Parameters<ObjectStore['list']>[0],
): Promise<ObjectInfo[]> => {
  const all: ObjectInfo[] = [];
  for await (const info of store.list(options)) all.push(info);
  return all;
};

export const keysOf = async (store: ObjectStore, options?: Parameters<ObjectStore['list']>[0]): Promise<string[]> =>
  (await listed(store, options)).map(({ key }) => key);

/** `count` chunks of `size` bytes, each filled with its own number. */
export async function* chunks(count: number, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let i = 0; i < count; i++) yield await Promise.resolve(Buffer.alloc(size, i));
}

export const codeOf = async (promise: Promise<unknown>): Promise<string> => {
  try {
    await promise;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
  return 'no error';
};
