import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backupSeeds } from './backup-seeds.ts';
import { inputSeeds } from './input-seeds.ts';
import { restoreSeeds } from './restore-seeds.ts';
import type { Seed } from './seed.ts';
import { copyTree, type Tree } from './tree.ts';

const seeds = [...backupSeeds, ...restoreSeeds, ...inputSeeds];
/** Two at a time: each is a whole vitest. */
const trees: Tree[] = [];
const states = new Map<Seed, string | Error>();
let sound: ReadonlyMap<string, string> = new Map();

beforeAll(async () => {
  trees.push(copyTree(), copyTree());
  const [first] = trees;
  sound = (await first?.run(seeds.map(({ test }) => test))) ?? sound;
  const waiting = [...seeds];
  const work = async (tree: Tree): Promise<void> => {
    for (let seed = waiting.shift(); seed !== undefined; seed = waiting.shift())
      states.set(seed, await stateOf(tree, seed));
  };
  await Promise.all(trees.map(work));
});
afterAll(() => trees.forEach((tree) => tree.remove()));

const stateOf = async (tree: Tree, seed: Seed): Promise<string | Error> => {
  try {
    const found = await tree.broken(seed, () => tree.run([seed.test]));
    return found.get(seed.test.name) ?? 'did not run';
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
};

describe('seeded defects', () => {
  it('are at least twenty, each with a promise of its own', () => {
    expect(seeds.length).toBeGreaterThanOrEqual(20);
    expect(new Set(seeds.map(({ breaks }) => breaks)).size).toBe(seeds.length);
  });

  it.each(seeds.map((seed) => [seed.breaks, seed] as const))('%s: the test turns red', (_, seed) => {
    expect(sound.get(seed.test.name)).toBe('passed');
    expect(states.get(seed)).toBe('failed');
  });
});
