import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { all } from './all.ts';
import type { CampaignTest, Seed, VitestTest } from './seed.ts';
import { copyTree, type Tree } from './tree.ts';

/** `40`: so many of them, evenly drawn. Any other text: those whose promise has it. All where nothing is said. */
const chosen = (said: string): readonly Seed[] => {
  if (!/^\d*$/.test(said)) return all.filter(({ breaks }) => breaks.includes(said));
  const wanted = said === '' ? all.length : Math.min(all.length, Number(said));
  const placeOf = (index: number): number => Math.floor((index * wanted) / all.length);
  return all.filter((_, index) => placeOf(index) !== placeOf(index + 1));
};
const seeds = chosen(process.env['LC2_DEFECTS'] ?? '');
/** Two at a time: each is a whole vitest. */
const trees: Tree[] = [];
const states = new Map<Seed, string | Error>();
/** What the tests say of the tree as it is, by `nameOf`. */
const sound = new Map<string, string>();

const isCampaign = (test: Seed['test']): test is CampaignTest => 'campaign' in test;
const isVitest = (test: Seed['test']): test is VitestTest => !isCampaign(test);
const nameOf = (test: Seed['test']): string => (isCampaign(test) ? [test.campaign, ...test.args].join(' ') : test.name);

beforeAll(async () => {
  trees.push(copyTree(), copyTree());
  const tests = new Map(seeds.map(({ test }) => [nameOf(test), test] as const));
  const campaigns = [...tests.values()].filter(isCampaign);
  const waiting: ((tree: Tree) => Promise<void>)[] = [
    async (tree) => {
      for (const [name, state] of await tree.run([...tests.values()].filter(isVitest))) sound.set(name, state);
    },
    ...campaigns.map((test) => async (tree: Tree) => {
      sound.set(nameOf(test), await tree.runCampaign(test));
    }),
    ...seeds.map((seed) => async (tree: Tree) => {
      states.set(seed, await stateOf(tree, seed));
    }),
  ];
  const work = async (tree: Tree): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next(tree);
  };
  await Promise.all(trees.map(work));
});
afterAll(() => trees.forEach((tree) => tree.remove()));

const stateOf = async (tree: Tree, seed: Seed): Promise<string | Error> => {
  try {
    const { test } = seed;
    return await tree.broken(seed, async () =>
      isCampaign(test) ? tree.runCampaign(test) : ((await tree.run([test])).get(test.name) ?? 'did not run'),
    );
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
};

describe('seeded defects', () => {
  it('are at least thirty, each with a promise of its own', () => {
    expect(seeds).not.toEqual([]);
    expect(all.length).toBeGreaterThanOrEqual(30);
    expect(new Set(all.map(({ breaks }) => breaks)).size).toBe(all.length);
  });

  it.each(seeds.map((seed) => [seed.breaks, seed] as const))('%s: the test turns red', (_, seed) => {
    expect(sound.get(nameOf(seed.test))).toBe('passed');
    expect(states.get(seed)).toBe('failed');
  });
});
