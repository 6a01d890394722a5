import { createHash } from 'node:crypto';
import { Lc2Error } from '../../../core/errors.ts';
import type { Session } from './session.ts';

/**
 * Advisory locks by database name, taken in the maintenance database: two environments may mean one server, and then no
 * mutex of theirs helps. Backups share, restores exclude. They end with the session, so a dead step holds none.
 */
const lockClass = 0x1c2b;

const keyOf = (database: string): number => createHash('sha256').update(database).digest().readInt32BE(0);

export const lockDatabases = async (
  session: Session,
  databases: readonly string[],
  mode: 'shared' | 'exclusive',
): Promise<void> => {
  const take = mode === 'shared' ? 'pg_try_advisory_lock_shared' : 'pg_try_advisory_lock';
  // Always in the same order, so that two runs cannot hold each other up.
  for (const database of [...databases].sort()) {
    const [row] = await session.query<{ locked: boolean }>(`SELECT pg_catalog.${take}($1, $2) AS locked`, [
      lockClass,
      keyOf(database),
    ]);
    if (row?.locked === true) continue;
    const who = mode === 'shared' ? 'a restore' : 'a backup or another restore';
    throw new Lc2Error('DATABASE_BUSY', `${who} of this database is running`, { where: database });
  }
};

/** Those of the databases that a backup or restore is working on right now. */
export const busyDatabases = async (session: Session, databases: readonly string[]): Promise<string[]> => {
  const busy: string[] = [];
  for (const database of databases) {
    const key = [lockClass, keyOf(database)];
    const [row] = await session.query<{ free: boolean }>('SELECT pg_catalog.pg_try_advisory_lock($1, $2) AS free', key);
    if (row?.free === true) await session.query('SELECT pg_catalog.pg_advisory_unlock($1, $2)', key);
    else busy.push(database);
  }
  return busy;
};
