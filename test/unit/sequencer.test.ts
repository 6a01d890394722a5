import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeByKey } from '../../core/plan/merge.ts';
import { compareUtf8 } from '../../core/utf8.ts';
import { ordered } from '../../steps/runtime/ordered.ts';
import { createSequencer } from '../../steps/runtime/sequencer.ts';
import { collect, from } from './support/streams.ts';

const keyed = fc
  .uniqueArray(fc.string({ unit: fc.constantFrom('a', 'b', '/', '\uffff', '😀'), maxLength: 4 }), { maxLength: 12 })
  .map((keys) => keys.toSorted(compareUtf8).map((key) => ({ key })));

const pageSizes = fc.array(fc.nat(3), { minLength: 1, maxLength: 6 });

/** In pages of these sizes, and the rest in one. */
const paged = <T>(items: readonly T[], sizes: readonly number[]): (readonly T[])[] => {
  let from = 0;
  const pages = sizes.map((size) => items.slice(from, (from += size)));
  return [...pages, items.slice(from)];
};

describe('merge by key', () => {
  it('shows every key once, with what each side has of it', async () => {
    await fc.assert(
      fc.asyncProperty(keyed, keyed, pageSizes, async (left, right, sizes) => {
        const pairs = (
          await collect(mergeByKey(from(paged(left, sizes)), from(paged(right, sizes.toReversed()))))
        ).flat();
        const all = [...new Set([...left, ...right].map(({ key }) => key))].toSorted(compareUtf8);
        expect(pairs.map(({ key }) => key)).toEqual(all);
        for (const pair of pairs) {
          expect(pair.left).toBe(left.find(({ key }) => key === pair.key));
          expect(pair.right).toBe(right.find(({ key }) => key === pair.key));
        }
      }),
    );
  });

  it('closes both sides when it is left early', async () => {
    const closed: string[] = [];
    const side = async function* (name: string): AsyncGenerator<readonly { key: string }[], void, undefined> {
      try {
        for (let i = 0; ; i++) yield await Promise.resolve([{ key: `${name}${i}` }]);
      } finally {
        closed.push(name);
      }
    };
    for await (const _ of mergeByKey(side('a'), side('b'))) break;
    expect(closed).toEqual(['a', 'b']);
  });
});

interface Item {
  readonly copy: boolean;
  readonly delay: number;
}

/** A run as transfer makes it: lines pass, orders go through a mover that works on some at a time. */
const run = async (items: readonly Item[], room: number, concurrency = 3) => {
  const written: number[] = [];
  let undecided = 0;
  let most = 0;
  const sequencer = createSequencer<number>(async (line) => {
    written.push(line);
    await Promise.resolve();
  }, room);
  const orders = async function* (): AsyncGenerator<number, void, undefined> {
    for (const [index, { copy }] of items.entries()) {
      most = Math.max(most, ++undecided - written.length);
      if (!copy) await sequencer.line(index);
      else {
        await sequencer.order();
        yield index;
      }
    }
  };
  const work = async (index: number): Promise<number> => {
    for (let i = 0; i < (items[index]?.delay ?? 0); i++) await Promise.resolve();
    return index;
  };
  for await (const index of ordered(orders(), { concurrency }, work)) await sequencer.decide(index);
  return { written, most };
};

describe('sequencer', () => {
  it('keeps the order of lines and orders', async () => {
    const item = fc.record({ copy: fc.boolean(), delay: fc.nat(20) });
    await fc.assert(
      fc.asyncProperty(fc.array(item, { maxLength: 60 }), fc.integer({ min: 1, max: 8 }), async (items, room) => {
        expect((await run(items, room)).written).toEqual(items.map((_, index) => index));
      }),
    );
  });

  it('leaves the place of a dropped order empty', async () => {
    const written: string[] = [];
    const sequencer = createSequencer<string>((line) => Promise.resolve(void written.push(line)));
    await sequencer.line('a');
    await sequencer.order();
    await sequencer.line('b');
    await sequencer.order();
    await sequencer.line('c');
    expect(written).toEqual(['a']);
    await sequencer.decide(undefined);
    expect(written).toEqual(['a', 'b']);
    await sequencer.decide('x');
    expect(written).toEqual(['a', 'b', 'x', 'c']);
  });

  it('holds no more than its room while one copy is slow, and gets on when orders are rare', async () => {
    const items = Array.from({ length: 5000 }, (_, index) => ({ copy: index % 1000 === 0, delay: 400 }));
    const { written, most } = await run(items, 10);
    expect(written).toHaveLength(items.length);
    expect(most).toBeLessThanOrEqual(13);
  });

  it('refuses a decision that nobody asked for', async () => {
    const sequencer = createSequencer<string>(() => Promise.resolve());
    await expect(sequencer.decide('a')).rejects.toThrow('not open');
  });
});
