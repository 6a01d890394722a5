import { createHash } from 'node:crypto';
import { median } from './table.ts';
import type { Usage } from './usage.ts';

/**
 * Rounds in which all sides take their turn, so that what else the machine does meets all of them. Before and after each
 * round a probe that always costs the same is timed: a round in which it moved is measured again.
 */
export type Round<Side extends string> = Readonly<Record<Side, Usage>>;

export interface RoundOptions<Side extends string> {
  readonly sides: Readonly<Record<Side, () => Promise<Usage>>>;
  /** Runs before each side: its cost is not measured. */
  readonly between?: () => Promise<void>;
  readonly rounds?: number;
}

/** More of them for numbers to be quoted. */
export const roundsWanted = (): number => Number(process.env['LC2_BENCH_ROUNDS'] ?? 3);

const probeBlock = Buffer.alloc(64 * 1024 * 1024, 'lc2');
const tolerance = 1.15;

/** Seconds for the sha256 of 1 GiB. */
const probe = (): number => {
  const start = performance.now();
  const hash = createHash('sha256');
  for (let i = 0; i < 16; i++) hash.update(probeBlock);
  hash.digest();
  return (performance.now() - start) / 1000;
};

const say = (text: string): void => void process.stderr.write(`${text}\n`);

export const measureRounds = async <Side extends string>(options: RoundOptions<Side>): Promise<Round<Side>[]> => {
  const { sides, between, rounds = roundsWanted() } = options;
  const names = Object.keys(sides) as Side[];
  const kept: Round<Side>[] = [];
  let [best, before] = [Math.min(probe(), probe()), probe()];
  for (let tries = 0; kept.length < rounds; tries++) {
    if (tries === 2 * rounds + 2)
      throw new Error(`the machine is too busy to measure on: ${tries - kept.length} of ${tries} rounds were void`);
    const round: Partial<Record<Side, Usage>> = {};
    // Another order in every round: nobody always comes first.
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(turn + tries) % names.length];
      if (name === undefined) continue;
      await between?.();
      const usage = await sides[name]();
      round[name] = usage;
      const { seconds, cpu, nodeBytes, treeBytes } = usage;
      const sizes = [nodeBytes, treeBytes].map((bytes) => (bytes / 1024 / 1024).toFixed(0)).join(' and ');
      say(`  ${name}: ${seconds.toFixed(2)} s, processor ${cpu.toFixed(2)} s, Node and all ${sizes} MiB`);
    }
    const after = probe();
    best = Math.min(best, before, after);
    const isVoid = Math.max(before, after) / best > tolerance;
    say(`round ${tries + 1}: probe ${before.toFixed(2)} s, ${after.toFixed(2)} s${isVoid ? ', void' : ''}`);
    before = after;
    if (!isVoid && isRound(round, names)) kept.push(round);
  }
  return kept;
};

const isRound = <Side extends string>(
  round: Partial<Record<Side, Usage>>,
  names: readonly Side[],
): round is Record<Side, Usage> => names.every((name) => name in round);

type Measured = (usage: Usage) => number;

/** Medians of both sides, and the median of the ratios of each round, which is what a goal is about. */
export const compareSides = <Side extends string>(
  rounds: readonly Round<Side>[],
  sides: { readonly ours: Side; readonly other: Side },
  of: Measured = ({ seconds }) => seconds,
): { ours: number; other: number; ratio: number } => ({
  ours: median(rounds.map((round) => of(round[sides.ours]))),
  other: median(rounds.map((round) => of(round[sides.other]))),
  ratio: median(rounds.map((round) => of(round[sides.ours]) / of(round[sides.other]))),
});
