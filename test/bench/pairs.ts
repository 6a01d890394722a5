import { median, type Row } from './table.ts';

/** More of them for numbers to be quoted. */
export const rounds = Math.max(1, Number(process.env['LC2_BENCH_ROUNDS'] ?? 3));

export interface Pair {
  readonly ours: number;
  readonly other: number;
}

/** The row whose ratio is the median of the rounds' own ratios: what disturbs a round disturbs both of its sides. */
export const rowOf = (pairs: readonly Pair[], named: Omit<Row, 'ours' | 'other'>): Row => {
  const ratio = median(pairs.map(({ ours, other }) => ours / other));
  const middle = pairs.find(({ ours, other }) => ours / other === ratio);
  return { ...named, ours: middle?.ours ?? Number.NaN, other: middle?.other ?? Number.NaN };
};
