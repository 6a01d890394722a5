import { expect, test } from 'vitest';
import { silentLog } from '../../../controller/log.ts';
import { createQueue, type Result } from '../../../controller/queue.ts';
import { backoffMs, sleep } from '../../../controller/time.ts';
import { createVirtualTime } from '../../fakes/kube/virtual-time.ts';

const backoff = { baseMs: 100, capMs: 1000 };

const make = (handle: (key: string, signal: AbortSignal) => Promise<Result>, workers = 2) => {
  const time = createVirtualTime();
  return { time, queue: createQueue({ handle, time, log: silentLog, workers, backoff }) };
};

test('asking often before a look is asking once', async () => {
  const seen: string[] = [];
  const { time, queue } = make((key) => {
    seen.push(key);
    return Promise.resolve({});
  }, 1);
  queue.add('a');
  for (let i = 0; i < 5; i++) queue.add('b');
  await time.advance(0);
  expect(seen).toEqual(['a', 'b']);
});

test('a key is never handled twice at once; asking during a look gives one more', async () => {
  let active = 0;
  let most = 0;
  let looks = 0;
  const { time, queue } = make(async () => {
    looks++;
    most = Math.max(most, ++active);
    await sleep(time, 10, new AbortController().signal);
    active--;
    return {};
  }, 8);
  queue.add('a');
  queue.add('a');
  queue.add('a');
  await time.advance(100);
  expect({ most, looks }).toEqual({ most: 1, looks: 2 });
});

test('no more keys at once than there are workers', async () => {
  let active = 0;
  let most = 0;
  const { time, queue } = make(async () => {
    most = Math.max(most, ++active);
    await sleep(time, 10, new AbortController().signal);
    active--;
    return {};
  });
  for (const key of ['a', 'b', 'c', 'd', 'e']) queue.add(key);
  await time.advance(100);
  expect(most).toBe(2);
  expect(queue.size()).toBe(0);
});

test('failures are tried again, later each time, and success forgets them', async () => {
  const at: number[] = [];
  const { time, queue } = make(() => {
    at.push(time.monotonic());
    return at.length < 6 || at.length === 7 ? Promise.reject(new Error('no')) : Promise.resolve({});
  });
  queue.add('a');
  await time.advance(10_000);
  const gaps = at.slice(1).map((each, index) => each - (at[index] ?? 0));
  expect(at).toHaveLength(6);
  gaps.forEach((gap, index) => {
    const full = Math.min(1000, 100 * 2 ** index);
    expect(gap).toBeGreaterThanOrEqual(full / 2);
    expect(gap).toBeLessThanOrEqual(full);
  });
  queue.add('a');
  await time.advance(100);
  expect(at).toHaveLength(8);
});

test('a handler that throws at once, not as a promise, is caught too', async () => {
  let looks = 0;
  const { time, queue } = make(() => {
    looks++;
    throw new Error('at once');
  });
  queue.add('a');
  await time.advance(120);
  expect(looks).toBe(2);
});

test('of several delays the nearest counts, and news come at once', async () => {
  const at: number[] = [];
  const { time, queue } = make(() => {
    at.push(time.monotonic());
    return Promise.resolve({});
  });
  queue.addAfter('a', 500);
  queue.addAfter('a', 200);
  queue.addAfter('a', 900);
  await time.advance(1000);
  expect(at).toEqual([200]);
});

test('stop aborts what is in flight and starts nothing more', async () => {
  let looks = 0;
  const { time, queue } = make(async (_key, signal) => {
    looks++;
    await sleep(time, 60_000, signal);
    return { requeueAfterMs: 1 };
  });
  queue.add('a');
  await time.advance(0);
  queue.add('a');
  queue.addAfter('b', 5);
  await queue.stop();
  await time.advance(1000);
  expect(looks).toBe(1);
});

test('back-off stays below its cap for any number of failures', () => {
  expect(backoffMs(backoff, 10_000, 0.999)).toBeLessThanOrEqual(1000);
  expect(backoffMs(backoff, 1, 0)).toBe(50);
});
