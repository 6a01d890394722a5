import { Lc2Error } from '../../core/errors.ts';
import type { RowCounts } from '../../core/ports/database.ts';

export interface RowComparison {
  readonly expected: RowCounts;
  readonly found: RowCounts;
  /** Tables of extensions, of which a dump holds only some rows. */
  readonly partial: readonly string[];
  /** The database holds nothing else: tables that nobody expects are a difference. */
  readonly exact: boolean;
  readonly where: string;
}

/** RESTORE_DIFFERS with the first table whose rows are not those of the backup. */
export const compareRows = ({ expected, found, partial, exact, where }: RowComparison): void => {
  const skip = new Set(partial);
  for (const [table, rows] of Object.entries(expected)) {
    if (skip.has(table) || found[table] === rows) continue;
    throw new Lc2Error('RESTORE_DIFFERS', `table ${table} has ${found[table] ?? 'no'} rows instead of ${rows}`, {
      where,
    });
  }
  if (!exact) return;
  const extra = Object.keys(found).find((table) => !skip.has(table) && expected[table] === undefined);
  if (extra !== undefined) throw new Lc2Error('RESTORE_DIFFERS', `table ${extra} is not in the backup`, { where });
};
