/** One measured thing beside what it is measured against. Smaller is better. */
export interface Row {
  readonly bench: string;
  readonly ours: number;
  readonly other: number;
  readonly unit: string;
  /** Median of the ratios of each round; without it, the ratio of the two. */
  readonly ratio?: number;
  /** Largest good ratio of ours to the other; undefined: measured for information. */
  readonly goal?: number;
}

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
};

const ratioOf = ({ ours, other, ratio = ours / other }: Row): number => ratio;

export const isMissed = (row: Row): boolean => row.goal !== undefined && !(ratioOf(row) <= row.goal);

const verdict = (row: Row): string => {
  if (row.goal === undefined) return '-';
  return isMissed(row) ? 'missed' : 'ok';
};

export const printTable = (rows: readonly (readonly string[])[]): string => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ');
  return `${rows.map(line).join('\n')}\n`;
};

export const printRows = (rows: readonly Row[]): string =>
  printTable([
    ['bench', 'ours', 'other', 'unit', 'ratio', 'goal', 'verdict'],
    ...rows.map((row) => [
      row.bench,
      row.ours.toFixed(3),
      row.other.toFixed(3),
      row.unit,
      ratioOf(row).toFixed(2),
      row.goal?.toFixed(2) ?? '-',
      verdict(row),
    ]),
  ]);
