// What every campaign has: a seed that repeats it, workers, a table of what was hit, and a tally that the CI reads.
import { parseArgs } from 'node:util';

/** One thing that is tried. */
export interface Case {
  /** What it is drawn from; a row of the table. */
  readonly stratum: string;
  readonly name: string;
  /** Throws when a promise was broken. What it says is counted in the table, such as `in flight` or `ended 70`. */
  readonly run: () => Promise<string>;
}

export interface CampaignArgs {
  readonly seed: number;
  readonly count: number;
  /** Indices of the cases to run; none means all. */
  readonly only: readonly number[];
  readonly workers: number;
  /** What the campaign itself takes, such as `flow`. */
  readonly options: Readonly<Record<string, string>>;
}

export interface CampaignDefaults {
  readonly count: number;
  readonly workers: number;
  readonly options?: Readonly<Record<string, string>>;
}

const wholeNumber = (name: string, text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`--${name} takes a whole number, not ${text}`);
  return value;
};

/** `--seed N --count N --only N,N --workers N` and the campaign's own options. Without a seed the clock gives one. */
export const readCampaignArgs = (argv: readonly string[], now: Date, defaults: CampaignDefaults): CampaignArgs => {
  const own = defaults.options ?? {};
  const names = ['seed', 'count', 'only', 'workers', ...Object.keys(own)];
  const { values } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])),
  });
  const text = (name: string): string | undefined => {
    const value = values[name];
    return typeof value === 'string' ? value : undefined;
  };
  const number = (name: string, otherwise: number): number => wholeNumber(name, text(name) ?? String(otherwise));
  return {
    seed: number('seed', now.getTime() % 1_000_000),
    count: number('count', defaults.count),
    only: (text('only') ?? '')
      .split(',')
      .filter(Boolean)
      .map((part) => wholeNumber('only', part)),
    workers: number('workers', defaults.workers),
    options: Object.fromEntries(Object.entries(own).map(([name, otherwise]) => [name, text(name) ?? otherwise])),
  };
};

interface Row {
  passed: number;
  failed: number;
  readonly said: Map<string, number>;
}

/** What a campaign knows at its end: `false` fails it, though every case passed (such as: too few were hit in flight). */
export interface Closing {
  readonly good: boolean;
  readonly text: string;
}

export interface Campaign {
  readonly name: string;
  readonly args: CampaignArgs;
  readonly cases: readonly Case[];
  /** Judges the whole; gets how often each thing was said. */
  readonly close?: (said: ReadonlyMap<string, number>) => readonly Closing[];
}

const write = (text: string): void => void process.stdout.write(text);

/** Runs the cases, prints the table and the tally, and sets the exit status. */
export const runCampaign = async ({ name, args, cases, close }: Campaign): Promise<void> => {
  const own = Object.entries(args.options).map(([option, value]) => `--${option}=${value}`);
  const repeat = ['npm run', `test:${name}`, '--', `--seed ${args.seed}`, `--count ${args.count}`, ...own].join(' ');
  write(`${name}: ${cases.length} cases; again with: ${repeat}\n`);
  const rows = new Map<string, Row>();
  const waiting = [...cases.entries()].filter(([index]) => args.only.length === 0 || args.only.includes(index));
  const total = waiting.length;
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, each] = next;
      const row = rows.get(each.stratum) ?? { passed: 0, failed: 0, said: new Map<string, number>() };
      rows.set(each.stratum, row);
      try {
        const said = await each.run();
        row.passed++;
        row.said.set(said, (row.said.get(said) ?? 0) + 1);
      } catch (error) {
        row.failed++;
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        write(`\nFAILED ${each.stratum}: ${each.name}\n${text}\nagain with: ${repeat} --only ${index}\n`);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, args.workers) }, work));
  write(`\n${tableOf(rows)}`);
  const sums = [...rows.values()];
  let passed = sums.reduce((sum, row) => sum + row.passed, 0);
  let failed = sums.reduce((sum, row) => sum + row.failed, 0);
  if (args.only.length === 0)
    for (const { good, text } of close?.(saidIn(sums)) ?? []) {
      write(`${good ? '' : 'FAILED '}${text}\n`);
      if (good) passed++;
      else failed++;
    }
  if (total === 0) failed++;
  write(`\n${passed} passed, ${failed} failed\n`);
  if (failed > 0) process.exitCode = 1;
};

const saidIn = (rows: readonly Row[]): Map<string, number> => {
  const all = new Map<string, number>();
  for (const { said } of rows) for (const [text, count] of said) all.set(text, (all.get(text) ?? 0) + count);
  return all;
};

const tableOf = (rows: ReadonlyMap<string, Row>): string => {
  const lines = [...rows].map(([stratum, { passed, failed, said }]) => [
    stratum,
    String(passed),
    String(failed),
    [...said].map(([text, count]) => `${count} ${text}`).join(', '),
  ]);
  const table = [['case', 'passed', 'failed', 'what happened'], ...lines];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((line) => line[column]?.length ?? 0)));
  return table
    .map((line) =>
      line
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
};
