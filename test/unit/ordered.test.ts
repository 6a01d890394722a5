import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ordered } from '../../steps/runtime/ordered.ts';

async function* numbers(count: number): AsyncGenerator<number, void, undefined> {
  for (let i = 0; i < count; i++) yield await Promise.resolve(i);
}

const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};

describe('ordered', () => {
  it('keeps the order and the bounds, whatever takes how long', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(3), { maxLength: 40 }),
        fc.integer({ min: 1, max: 7 }),
        async (delays, concurrency) => {
          let active = 0;
          let most = 0;
          const work = async (index: number) => {
            most = Math.max(most, ++active);
            await sleep(delays[index]);
            active--;
            return index * 2;
          };
          const results = await collect(ordered(numbers(delays.length), { concurrency }, work));
          expect(results).toEqual(delays.map((_, index) => index * 2));
          expect(most).toBeLessThanOrEqual(concurrency);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('takes no more than its window while the oldest is slow', async () => {
    let taken = 0;
    let release: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => (release = resolve));
    const source = async function* () {
      for (; taken < 100;) yield await Promise.resolve(taken++);
    };
    const results = ordered(source(), { concurrency: 3, window: 6 }, async (item) => {
      if (item === 0) await slow;
      return item;
    });
    const first = results.next();
    await sleep(20);
    expect(taken).toBe(6);
    release();
    expect((await first).value).toBe(0);
    expect((await collect(results)).length).toBe(99);
  });

  it('hands out results while the next item is awaited', async () => {
    let second: (value: number) => void = () => undefined;
    const source = async function* () {
      yield 1;
      yield await new Promise<number>((resolve) => (second = resolve));
    };
    const results = ordered(source(), { concurrency: 4 }, (item) => Promise.resolve(item));
    expect((await results.next()).value).toBe(1);
    second(2);
    expect(await collect(results)).toEqual([2]);
  });

  it('throws the first error at once, stops the others and waits for them', async () => {
    const ended: number[] = [];
    const work = async (item: number, signal: AbortSignal) => {
      if (item === 2) throw new RangeError('item 2');
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      ended.push(item);
    };
    await expect(collect(ordered(numbers(100), { concurrency: 4 }, work))).rejects.toThrow('item 2');
    expect(ended.sort()).toEqual([0, 1]);
  });

  it('throws what the source throws', async () => {
    const source = async function* () {
      yield* numbers(3);
      throw new RangeError('source');
    };
    await expect(collect(ordered(source(), { concurrency: 2 }, (item) => Promise.resolve(item)))).rejects.toThrow(
      'source',
    );
  });

  it('ends its source and its work when its reader leaves', async () => {
    let onClosed: () => void = () => undefined;
    const closed = new Promise<void>((resolve) => (onClosed = resolve));
    let aborted = 0;
    const source = async function* () {
      try {
        yield* numbers(1000);
      } finally {
        onClosed();
      }
    };
    const work = async (item: number, signal: AbortSignal) => {
      if (item > 0) await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      aborted += signal.aborted ? 1 : 0;
      return item;
    };
    for await (const item of ordered(source(), { concurrency: 4 }, work)) {
      expect(item).toBe(0);
      break;
    }
    await closed;
    expect(aborted).toBeGreaterThan(0);
  });
});
