import { describe, expect, it } from 'vitest';
import { Lc2Error } from '../../core/errors.ts';
import { lockDatabases } from '../../steps/engines/postgresql/locks.ts';
import type { Session } from '../../steps/engines/postgresql/session.ts';
import { swapAll } from '../../steps/engines/postgresql/swap.ts';
import { codeOf } from './support/streams.ts';

/** A server that knows databases by name and comment, and transactions; it writes down what it was told. */
const serverOf = (
  databases: Record<string, string | null>,
  fault: (sql: string) => Lc2Error | undefined = () => undefined,
) => {
  let committed = new Map(Object.entries(databases));
  let pending: typeof committed | undefined;
  const heard: string[] = [];
  const rename = /^ALTER DATABASE "(.+)" RENAME TO "(.+)"$/;
  const comment = /^COMMENT ON DATABASE "(.+)" IS (?:NULL|'(.*)')$/s;
  const apply = (sql: string): void => {
    const state = pending ?? committed;
    const [, from, to] = rename.exec(sql) ?? [];
    if (from !== undefined && to !== undefined) {
      state.set(to, state.get(from) ?? null);
      state.delete(from);
    }
    const [, name, text] = comment.exec(sql) ?? [];
    if (name !== undefined) state.set(name, text ?? null);
    if (sql === 'BEGIN') pending = new Map(committed);
    if (sql === 'COMMIT' && pending) committed = pending;
    if (sql === 'COMMIT' || sql === 'ROLLBACK') pending = undefined;
  };
  const rowsOf = (sql: string): unknown[] =>
    sql.includes('FROM pg_catalog.pg_database') && sql.includes('SELECT datname')
      ? [...(pending ?? committed)].map(([name, text]) => ({ name, owner: 'o', bytes: '1', comment: text }))
      : [];
  const session: Session = {
    query: <R>(sql: string) => {
      heard.push(sql.trim().split('\n')[0] ?? '');
      const error = fault(sql);
      if (error) return Promise.reject(error);
      apply(sql);
      return Promise.resolve(rowsOf(sql) as R[]);
    },
    end: () => Promise.resolve(),
  };
  return { session, heard, live: () => Object.fromEntries(committed) };
};

const mark = { restoreId: 'r1', environment: 'prd', keepUntil: '2025-11-16T00:00:00Z' };
const temporary = (database: string, restoreId = 'r1'): string =>
  `lc2-backup ${JSON.stringify({ kind: 'temporary', restoreId, environment: 'prd', database })}`;
const swapOf = (name: string) => ({
  loaded: `${name}_new`,
  live: name,
  previous: `${name}_old`,
  comment: undefined,
  keep: true,
});
const two = { a: null, b: 'mine', a_new: temporary('a'), b_new: temporary('b') };
const swaps = [swapOf('a'), swapOf('b')];

describe('the swap', () => {
  it('renames all databases between BEGIN and COMMIT', async () => {
    const { session, heard, live } = serverOf(two);
    const previous = await swapAll(session, swaps, mark);
    const [begin, end] = [heard.indexOf('BEGIN'), heard.indexOf('COMMIT')];
    const renames = heard.flatMap((sql, index) => (sql.includes('RENAME') ? [index] : []));
    expect(renames).toHaveLength(4);
    expect(begin).toBeGreaterThanOrEqual(0);
    for (const index of renames) expect(index > begin && index < end).toBe(true);
    expect(Object.keys(live()).toSorted()).toEqual(['a', 'a_old', 'b', 'b_old']);
    expect(live()['a']).toBeNull();
    expect(live()['b_old']).toContain('"comment":"mine"');
    expect(previous).toEqual(
      ['a', 'b'].map((database) => ({
        database,
        previous: `${database}_old`,
        restoreId: 'r1',
        keepUntil: mark.keepUntil,
      })),
    );
  });

  it('ends sessions after new ones are kept out, and before it renames', async () => {
    const { session, heard } = serverOf(two);
    await swapAll(session, swaps, mark);
    const at = (text: string): number => heard.findIndex((sql) => sql.includes(text));
    expect(at('LOCK TABLE')).toBeGreaterThan(at('BEGIN'));
    expect(at('pg_terminate_backend')).toBeGreaterThan(at('LOCK TABLE'));
    expect(at('RENAME')).toBeGreaterThan(at('pg_terminate_backend'));
  });

  it('leaves every live database as it was when one cannot be renamed', async () => {
    const { session, live } = serverOf(two, (sql) =>
      sql.includes('"b_new" RENAME') ? new Lc2Error('DATABASE_PRIVILEGE', 'must be owner') : undefined,
    );
    expect(await codeOf(() => swapAll(session, swaps, mark))).toBe('DATABASE_PRIVILEGE');
    expect(live()).toEqual(two);
  });

  it('tries again when a client came back in between', async () => {
    let busy = 3;
    const { session, live } = serverOf(two, (sql) =>
      sql.includes('"b" RENAME') && busy-- > 0 ? new Lc2Error('DATABASE_BUSY', 'in use') : undefined,
    );
    await swapAll(session, swaps, mark);
    expect(Object.keys(live()).toSorted()).toEqual(['a', 'a_old', 'b', 'b_old']);
  });

  it('repeated changes nothing and says the same', async () => {
    const { session, heard, live } = serverOf(two);
    const first = await swapAll(session, swaps, mark);
    const after = live();
    heard.length = 0;
    expect(await swapAll(session, swaps, mark)).toEqual(first);
    expect(live()).toEqual(after);
    expect(heard).not.toContain('BEGIN');
  });

  it('marks what is not kept as one to remove, so that nobody finds it if we die before we drop it', async () => {
    const { session, live } = serverOf(two);
    await swapAll(session, [{ ...swapOf('a'), keep: false }, swapOf('b')], mark);
    expect(live()['a_old']).toContain('"kind":"temporary"');
    expect(live()['b_old']).toContain('"kind":"previous"');
  });

  it('never takes a database of another restore or of somebody for its own', async () => {
    for (const comment of [temporary('a', 'other'), 'mine', null]) {
      const { session, live } = serverOf({ a_new: comment });
      expect(await codeOf(() => swapAll(session, [swapOf('a')], mark))).toBe('RUN_MISSING');
      expect(live()).toEqual({ a_new: comment });
    }
  });
});

describe('locks of databases', () => {
  const lockedBy = (held: readonly string[]) => {
    const asked: { sql: string; values: readonly unknown[] }[] = [];
    const session: Session = {
      query: <R>(sql: string, values: readonly unknown[] = []) => {
        asked.push({ sql, values });
        return Promise.resolve([{ locked: held.length === 0 }] as R[]);
      },
      end: () => Promise.resolve(),
    };
    return { session, asked };
  };

  it('are shared by backups, exclusive to restores, and taken in one order', async () => {
    const { session, asked } = lockedBy([]);
    await lockDatabases(session, ['b', 'a'], 'shared');
    await lockDatabases(session, ['a', 'b'], 'exclusive');
    expect(asked.map(({ sql }) => sql.includes('_shared'))).toEqual([true, true, false, false]);
    expect(asked.slice(0, 2).map(({ values }) => values)).toEqual(asked.slice(2).map(({ values }) => values));
    expect(new Set(asked.map(({ values }) => String(values[1]))).size).toBe(2);
  });

  it('that another holds are a clear error', async () => {
    expect(await codeOf(() => lockDatabases(lockedBy(['a']).session, ['a'], 'exclusive'))).toBe('DATABASE_BUSY');
  });
});
