import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutsBelow, cutsOf, usableCuts } from '../../core/plan/split-listing.ts';
import { compareUtf8 } from '../../core/utf8.ts';
import { splitPages } from '../../steps/runtime/split-pages.ts';

interface Item {
  readonly key: string;
}

interface Library {
  readonly keys: readonly string[];
  readonly pageSize: number;
  /** What a server does wrong where it is asked to begin after a key. */
  readonly lie?: (keys: readonly string[], after: string) => readonly string[];
  readonly fails?: string;
}

interface Counts {
  pages: number;
  atOnce: number;
  mostAtOnce: number;
  held: number;
  mostHeld: number;
}

/** A listing of a library, which counts what is asked. */
const pagesOf = (library: Library, counts: Counts) =>
  async function* (after?: string): AsyncGenerator<readonly Item[], void, undefined> {
    const { keys, pageSize, lie = (rest) => rest, fails } = library;
    const behind =
      after === undefined
        ? keys
        : lie(
            keys.filter((key) => compareUtf8(key, after) > 0),
            after,
          );
    for (let at = 0; at === 0 || at < behind.length; at += pageSize) {
      counts.pages++;
      counts.mostAtOnce = Math.max(counts.mostAtOnce, ++counts.atOnce);
      await new Promise((resolve) => setImmediate(resolve));
      counts.atOnce--;
      const page = behind.slice(at, at + pageSize).map((key) => ({ key }));
      if (page.some(({ key }) => key === fails)) throw new RangeError('no such page');
      counts.mostHeld = Math.max(counts.mostHeld, ++counts.held);
      yield page;
    }
  };

const list = async (
  library: Library,
  cuts: Iterable<string>,
): Promise<{ readonly keys: string[]; readonly counts: Counts }> => {
  const counts = { pages: 0, atOnce: 0, mostAtOnce: 0, held: 0, mostHeld: 0 };
  const keys: string[] = [];
  for await (const page of splitPages({ open: pagesOf(library, counts), cuts: usableCuts(cuts, { prefix: '' }) })) {
    counts.held--;
    keys.push(...page.map(({ key }) => key));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { keys, counts };
};

const sorted = (keys: readonly string[]): string[] => [...new Set(keys)].sort(compareUtf8);

const numbered = (count: number, prefix = 'k'): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${String(i).padStart(7, '0')}`);

const every = (keys: readonly string[], count: number): string[] => keys.filter((_, i) => i % count === count - 1);

/** Few letters, so that keys and cuts meet; some beyond the plane where UTF-16 and UTF-8 differ in order. */
const key = fc.string({
  unit: fc.constantFrom('a', 'b', '/', '-', 'é', '\uffe5', '\u{1f600}'),
  minLength: 1,
  maxLength: 5,
});

describe('a listing that is split', () => {
  it('has every key once and in order, whatever the keys, the cuts and the pages', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(key, { maxLength: 120 }),
        fc.array(key, { maxLength: 30 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 9 }),
        async (some, cuts, isSorted, pageSize) => {
          const keys = sorted(some);
          expect((await list({ keys, pageSize }, isSorted ? sorted(cuts) : cuts)).keys).toEqual(keys);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('has them also where a server does not begin where it should', async () => {
    const lies: NonNullable<Library['lie']>[] = [
      (behind) => behind.slice(1),
      (behind) => behind.filter((_, i) => i % 7 !== 0),
      () => [],
      (_, after) => [after],
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 5 }),
        fc.constantFrom(...lies),
        async (count, apart, pageSize, lie) => {
          const keys = numbered(count);
          // Within pages, where both readers see what comes behind the cut.
          const cuts = every(keys, apart).map((cut) => `${cut}!`);
          const { keys: found } = await list({ keys, pageSize, lie }, cuts);
          expect(found).toEqual(sorted(found));
          // Holes in what it lists afterwards nobody can see.
          expect(lie === lies[1] ? keys : found).toEqual(keys);
        },
      ),
    );
  });

  it('is read at many places at once, and holds a bounded number of pages', async () => {
    const most = async (count: number) => {
      const keys = numbered(count);
      const { keys: found, counts } = await list({ keys, pageSize: 10 }, every(keys, 100));
      expect(found).toEqual(keys);
      return counts;
    };
    const [small, large] = [await most(6000), await most(30_000)];
    expect(small.mostAtOnce).toBe(12);
    expect(large.mostHeld).toBeLessThanOrEqual(75);
    expect(large.mostHeld).toBeLessThanOrEqual(small.mostHeld * 1.1);
  });

  it.each([
    ['at the cuts', 100, 0, 1.105],
    ['elsewhere', 97, 3, 1.105],
    ['with many that the cuts know nothing of', 500, 1, 1.055],
  ])('costs at most one page in ten more where objects end %s', async (_, apart, off, most) => {
    const keys = numbered(20_000);
    const cuts = every(keys, apart).map((cut) => keys[Number(cut.slice(1)) - off] ?? cut);
    const { keys: found, counts } = await list({ keys, pageSize: 10 }, cuts);
    expect(found).toEqual(keys);
    expect(counts.mostAtOnce).toBeGreaterThan(4);
    expect(counts.pages).toBeLessThanOrEqual(2000 * most);
  });

  it('costs nothing more where there are few pages, or few objects between the cuts', async () => {
    for (const [count, apart] of [
      [35, 5],
      [30, 1],
      [2000, 30],
      [2000, 7],
    ] as const) {
      const keys = numbered(count);
      const { keys: found, counts } = await list({ keys, pageSize: 10 }, every(keys, apart));
      expect(found).toEqual(keys);
      expect(counts.pages).toBe(Math.ceil(count / 10));
    }
  });

  it('fails as a whole, after what came before, and reads no further', async () => {
    const keys = numbered(5000);
    const found: string[] = [];
    const counts = { pages: 0, atOnce: 0, mostAtOnce: 0, held: 0, mostHeld: 0 };
    const open = pagesOf({ keys, pageSize: 10, fails: 'k0002500' }, counts);
    const run = async (): Promise<void> => {
      for await (const page of splitPages({ open, cuts: every(keys, 100) }))
        found.push(...page.map((item) => item.key));
    };
    await expect(run()).rejects.toThrow('no such page');
    expect(found).toEqual(keys.slice(0, found.length));
    expect(found.length).toBeLessThanOrEqual(2500);
  });

  it('ends when nobody wants more', async () => {
    const keys = numbered(20_000);
    const counts = { pages: 0, atOnce: 0, mostAtOnce: 0, held: 0, mostHeld: 0 };
    for await (const page of splitPages({ open: pagesOf({ keys, pageSize: 10 }, counts), cuts: every(keys, 100) }))
      if (page.some(({ key: name }) => name === 'k0003000')) break;
    const { pages } = counts;
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(counts.pages - pages).toBeLessThanOrEqual(12);
    expect(pages).toBeLessThan(500);
  });
});

describe('cuts', () => {
  it('are the ends of parts, with ten thousand objects between them or more', () => {
    const part = (last: string, objects: number) => ({ last, objects });
    expect([...cutsOf([])]).toEqual([]);
    expect([...cutsOf([part('a', 10_000)])]).toEqual([]);
    expect([
      ...cutsOf([part('a', 10_000), part('b', 4_000), part('c', 7_000), part('d', 10_000), part('e', 1)]),
    ]).toEqual(['a', 'c', 'd']);
  });

  it('are used in order, below the prefix and behind the begin, where every server understands them', () => {
    const cuts = ['p/a', 'p/c', 'p/b', 'p/c', 'q/a', 'p/d\n', 'p/e\u200b', 'p/\ud800', 'p/é'];
    expect([...usableCuts(cuts, { prefix: '' })]).toEqual(['p/a', 'p/c', 'q/a']);
    expect([...usableCuts(cuts, { prefix: 'p/', startAfter: 'p/b' })]).toEqual(['p/c', 'p/é']);
    expect([...cutsBelow('f/', ['a', 'b'])]).toEqual(['f/a', 'f/b']);
  });
});
