import { expect, test } from 'vitest';
import type { KubeApi } from '../../../controller/kube/api.ts';
import { KubeError, type KubeFailure } from '../../../controller/kube/errors.ts';
import { paced } from '../../../controller/kube/pace.ts';
import { resources } from '../../../controller/kube/resources.ts';
import { createVirtualTime } from '../../fakes/kube/virtual-time.ts';

const collection = { resource: resources.BackupRequest };
const target = { ...collection, namespace: 'n', name: 'r' };
const { signal } = new AbortController();

const setUp = () => {
  const time = createVirtualTime();
  const server: { failure: KubeFailure | undefined; asked: number } = { failure: undefined, asked: 0 };
  const answer = async <T>(value: T): Promise<T> => {
    server.asked++;
    if (server.failure !== undefined) throw new KubeError(server.failure, 'no');
    return value;
  };
  const api: KubeApi = {
    list: () => answer({ items: [], resourceVersion: '1' }),
    get: () => answer({}),
    create: () => answer({}),
    patch: () => answer({}),
    watch: async (_collection, { onOpen }) => {
      await answer(undefined);
      onOpen();
    },
  };
  const slow = paced(api, time);
  const failing = (): Promise<boolean> =>
    slow.get(target, signal).then(
      () => false,
      () => true,
    );
  return { time, server, slow, failing };
};

test('a server that is away is asked once a second, by whoever comes first', async () => {
  const { time, server, failing } = setUp();
  server.failure = 'broken';
  for (let passed = 0; passed < 30_000; passed += 100) {
    expect(await failing()).toBe(true);
    await time.advance(100);
  }
  expect(server.asked).toBeLessThanOrEqual(33);
  expect(server.asked).toBeGreaterThan(28);
});

test('one answer opens the way for all', async () => {
  const { time, server, slow, failing } = setUp();
  server.failure = 'unavailable';
  for (let turn = 0; turn < 5; turn++) await failing();
  server.failure = undefined;
  expect(await failing()).toBe(true);
  await time.advance(1000);
  const options = { resourceVersion: '1', timeoutSeconds: 1, onEvent: () => {}, onOpen: () => {}, signal };
  await slow.watch(collection, options);
  for (let turn = 0; turn < 5; turn++) expect(await failing()).toBe(false);
});

test('a refusal is an answer', async () => {
  const { server, failing } = setUp();
  server.failure = 'conflict';
  for (let turn = 0; turn < 50; turn++) await failing();
  expect(server.asked).toBe(50);
});
