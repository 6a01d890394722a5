import { hasCode, Lc2Error } from '../../../core/errors.ts';
import type { PreviousDatabase } from '../../../core/ports/database.ts';
import { listDatabases, type Mark, type NamedDatabase, setMark } from './marks.ts';
import { quoteName, quoteText } from './quote.ts';
import { type ServerAccess, type Session, withSession } from './session.ts';

/** One database to put in place: the loaded one, the name it gets, and the name that the one in place gets. */
export interface Swap {
  readonly loaded: string;
  readonly live: string;
  readonly previous: string;
  /** Comment of the database once it is live. */
  readonly comment: string | undefined;
  /** False: what is replaced goes, at the latest with the next restore into this database. */
  readonly keep: boolean;
}

export interface SwapMark {
  readonly restoreId: string;
  readonly environment: string;
  readonly keepUntil: string;
}

/** Clients that come back at once can win the race for a connection a few times, not always. */
const tries = 20;

/**
 * Renames all databases in one transaction: before its commit every live database is what it was, after it every one is
 * the restored one. What has happened already is left as it is.
 */
export const swapAll = async (
  session: Session,
  swaps: readonly Swap[],
  mark: SwapMark,
): Promise<PreviousDatabase[]> => {
  for (let attempt = 1; ; attempt++) {
    const open = pendingSwaps(await listDatabases(session), swaps, mark);
    if (open.length === 0) break;
    try {
      await swapOnce(session, open, mark);
      break;
    } catch (error) {
      await session.query('ROLLBACK');
      if (!hasCode(error, 'DATABASE_BUSY') || attempt === tries) throw error;
    }
  }
  const now = await listDatabases(session);
  return swaps.flatMap((swap) =>
    now.some(({ name, mark: found }) => name === swap.previous && found?.restoreId === mark.restoreId)
      ? [{ database: swap.live, previous: swap.previous, restoreId: mark.restoreId, keepUntil: mark.keepUntil }]
      : [],
  );
};

interface OpenSwap extends Swap {
  readonly replaces: NamedDatabase | undefined;
}

const pendingSwaps = (databases: readonly NamedDatabase[], swaps: readonly Swap[], mark: SwapMark): OpenSwap[] => {
  const find = (name: string): NamedDatabase | undefined => databases.find((database) => database.name === name);
  return swaps.flatMap((swap) => {
    const loaded = find(swap.loaded);
    const replaces = find(swap.live);
    if (loaded?.mark?.kind === 'temporary' && loaded.mark.restoreId === mark.restoreId) return [{ ...swap, replaces }];
    // Gone because it is live now: the swap is one transaction, so all of them are.
    if (!loaded && replaces) return [];
    throw new Lc2Error('RUN_MISSING', 'the loaded database is gone; the live one was not changed', {
      where: swap.loaded,
    });
  });
};

const swapOnce = async (session: Session, swaps: readonly OpenSwap[], mark: SwapMark): Promise<void> => {
  await session.query('BEGIN');
  await keepOthersOut(session);
  await endSessions(
    session,
    swaps.flatMap(({ loaded, live }) => [loaded, live]),
  );
  for (const { loaded, live, previous, comment, replaces, keep } of swaps) {
    if (replaces) {
      await session.query(`ALTER DATABASE ${quoteName(live)} RENAME TO ${quoteName(previous)}`);
      const kept: Mark = {
        kind: keep ? 'previous' : 'temporary',
        restoreId: mark.restoreId,
        environment: mark.environment,
        keepUntil: mark.keepUntil,
        database: live,
        ...(replaces.comment === undefined ? {} : { comment: replaces.comment }),
      };
      await setMark(session, previous, kept);
    }
    await session.query(`ALTER DATABASE ${quoteName(loaded)} RENAME TO ${quoteName(live)}`);
    await session.query(
      `COMMENT ON DATABASE ${quoteName(live)} IS ${comment === undefined ? 'NULL' : quoteText(comment)}`,
    );
  }
  await session.query('COMMIT');
};

/**
 * New connections read pg_database first: while we hold it, nobody gets in, and the lock ends with the transaction, also
 * when we are killed. Without the right to lock it, renaming may need several tries.
 */
const keepOthersOut = async (session: Session): Promise<void> => {
  await session.query('SAVEPOINT before_lock');
  try {
    await session.query(`SET LOCAL lock_timeout = '10s'`);
    await session.query('LOCK TABLE pg_catalog.pg_database IN ACCESS EXCLUSIVE MODE');
  } catch (error) {
    if (!hasCode(error, 'DATABASE_PRIVILEGE', 'DATABASE_BUSY')) throw error;
    await session.query('ROLLBACK TO SAVEPOINT before_lock');
  }
};

const endSessions = (session: Session, databases: readonly string[]): Promise<unknown> =>
  session.query(
    `SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
      WHERE datname = ANY ($1::text[]) AND pid <> pg_catalog.pg_backend_pid() AND backend_type = 'client backend'`,
    [databases],
  );

export const dropDatabase = async (access: ServerAccess, session: Session, name: string): Promise<void> => {
  await dropSubscriptions(access, session, name);
  await endSessions(session, [name]);
  for (let attempt = 1; ; attempt++) {
    try {
      await session.query(`DROP DATABASE IF EXISTS ${quoteName(name)}`);
      return;
    } catch (error) {
      if (!hasCode(error, 'DATABASE_BUSY') || attempt === tries) throw error;
      await endSessions(session, [name]);
    }
  }
};

/** With them the server drops no database. Their slots at the publisher stay: the database that was restored may go on with them. */
const dropSubscriptions = async (access: ServerAccess, session: Session, database: string): Promise<void> => {
  const [present] = await session.query<{ some: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_catalog.pg_subscription s
       JOIN pg_catalog.pg_database d ON d.oid = s.subdbid WHERE d.datname = $1) AS some`,
    [database],
  );
  if (!present?.some) return;
  await withSession(access, database, async (inside) => {
    // All databases see the names, but in the encoding of their own only this one can read them.
    const found = await inside.query<{ name: string }>(
      `SELECT s.subname::text AS name FROM pg_catalog.pg_subscription s
         JOIN pg_catalog.pg_database d ON d.oid = s.subdbid WHERE d.datname = pg_catalog.current_database()`,
    );
    await inside.query('SET default_transaction_read_only = off');
    for (const subscription of found.map(({ name }) => quoteName(name))) {
      await inside.query(`ALTER SUBSCRIPTION ${subscription} DISABLE`);
      await inside.query(`ALTER SUBSCRIPTION ${subscription} SET (slot_name = NONE)`);
      await inside.query(`DROP SUBSCRIPTION ${subscription}`);
    }
  });
};
