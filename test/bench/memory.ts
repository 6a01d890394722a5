import type { StepName } from '../../core/steps/index.ts';
import { type BenchDatabase, mebibytesWanted, newRun, startBenchDatabase } from './database.ts';
import { roundsWanted } from './rounds.ts';
import { runStep } from './steps.ts';
import { median, type Row } from './table.ts';
import { measureUsage, type Usage } from './usage.ts';

const mebibyte = 1024 * 1024;
const steps = ['dump', 'verify', 'load-database'] as const satisfies readonly StepName[];
type Measured = Readonly<Record<(typeof steps)[number], Usage>>;

const sizes = { one: 'one', four: 'four' } as const;

const measureAll = async (bench: BenchDatabase, database: string): Promise<Measured> => {
  const host = bench.hostOf(database);
  const [backup, restore] = [newRun('lc2-backup'), newRun('lc2-restore', { confirm: database })];
  const measure = (step: StepName) =>
    measureUsage(() => runStep(host, step === 'load-database' ? restore : backup, step), [bench.server.pid]);
  const dump = await measure('dump');
  const verify = await measure('verify');
  await runStep(host, backup, 'manifest');
  await runStep(host, restore, 'preview');
  const measured = { dump, verify, 'load-database': await measure('load-database') };
  await bench.dropLoaded();
  return measured;
};

/**
 * Memory of `dump`, `verify` and `load-database` with four times the data beside once the data, and beside what they may
 * have: the Node process by its high-water mark, and the most that it and its programs had together.
 */
export const benchMemory = async (): Promise<Row[]> => {
  const bench = await startBenchDatabase();
  try {
    // Below some 200 MiB a Node process has not had all of its garbage yet.
    await bench.fill(sizes.one, mebibytesWanted() / 2);
    await bench.fill(sizes.four, mebibytesWanted() * 2);
    const rounds: { one: Measured; four: Measured }[] = [];
    while (rounds.length < roundsWanted())
      rounds.push({ one: await measureAll(bench, sizes.one), four: await measureAll(bench, sizes.four) });
    const middle = (of: (round: (typeof rounds)[number]) => number): number => median(rounds.map(of));
    return steps.flatMap((step) => [
      {
        bench: `memory of ${step}: data x 4 / data`,
        ours: middle(({ four }) => four[step].treeBytes) / mebibyte,
        other: middle(({ one }) => one[step].treeBytes) / mebibyte,
        ratio: middle(({ one, four }) => four[step].treeBytes / one[step].treeBytes),
        unit: 'MiB',
        goal: 1.05,
      },
      ...limitRows(step, middle),
    ]);
  } finally {
    await bench.stop();
  }
};

const limitRows = (
  step: (typeof steps)[number],
  middle: (of: (round: { readonly four: Measured }) => number) => number,
): Row[] => [
  {
    bench: `memory of ${step}: Node / limit`,
    ours: middle(({ four }) => four[step].nodeBytes) / mebibyte,
    other: 220,
    unit: 'MiB',
    goal: 1,
  },
  {
    bench: `memory of ${step}: all programs / limit`,
    ours: middle(({ four }) => four[step].treeBytes) / mebibyte,
    other: 512,
    unit: 'MiB',
    goal: 1,
  },
];
