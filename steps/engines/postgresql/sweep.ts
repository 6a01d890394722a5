import type { NamedDatabase } from './marks.ts';
import { listDatabases } from './marks.ts';
import { temporaryName } from './preview.ts';
import { type ServerAccess, type Session, withSession } from './session.ts';
import { dropDatabase } from './swap.ts';

/** Removing temporary databases of restores that died, at whatever moment. */

const suffix = /_restore_([0-9a-f]{10})$/;

/** Of one restore, or all of an environment. Whoever is still creating one for it is ended first. */
export const sweepTemporary = async (
  access: ServerAccess,
  session: Session,
  { environment, restoreId }: { readonly environment: string; readonly restoreId: string | undefined },
): Promise<string[]> => {
  if (restoreId !== undefined) await endCreation(session, restoreId);
  const dropped: string[] = [];
  for (const database of await listDatabases(session)) {
    const { mark, name } = database;
    const wanted = restoreId === undefined || restoreId === (mark?.restoreId ?? suffix.exec(name)?.[1]);
    const marked = mark?.kind === 'temporary' && mark.environment === environment;
    if (!wanted || !(marked || (restoreId !== undefined && (await isUnmarked(access, database))))) continue;
    await dropDatabase(access, session, name);
    dropped.push(name);
  }
  return dropped;
};

/** Of every dead restore into this database: nobody else may be loading, the caller holds the lock. */
export const removeDead = async (
  access: ServerAccess,
  session: Session,
  target: { readonly live: string; readonly present: readonly NamedDatabase[] },
): Promise<void> => {
  for (const database of target.present) {
    const { mark, name } = database;
    const restoreId = suffix.exec(name)?.[1];
    const named = restoreId !== undefined && temporaryName(target.live, restoreId) === name;
    const marked = mark?.kind === 'temporary' && mark.database === target.live;
    if (marked || (named && (await isUnmarked(access, database)))) await dropDatabase(access, session, name);
  }
};

/** Killed between making the database and marking it: it has our form of name, no comment, and nothing in it. */
const isUnmarked = async (access: ServerAccess, { name, comment }: NamedDatabase): Promise<boolean> => {
  if (comment !== undefined || !suffix.test(name)) return false;
  const [row] = await withSession(access, name, (session) =>
    session.query<{ empty: boolean }>(
      'SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid >= 16384) AS empty',
    ),
  );
  return row?.empty === true;
};

/** The server goes on with CREATE DATABASE when its client is gone, and would have it done after we looked. */
const endCreation = async (session: Session, restoreId: string): Promise<void> => {
  for (;;) {
    const busy = await session.query(
      `SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
        WHERE application_name = 'lc2-backup' AND state = 'active' AND pid <> pg_catalog.pg_backend_pid()
          AND pg_catalog.strpos(query, 'CREATE DATABASE') = 1 AND pg_catalog.strpos(query, $1) > 0`,
      [`_restore_${restoreId}"`],
    );
    if (busy.length === 0) return;
    await session.query('SELECT pg_catalog.pg_sleep(0.1)');
  }
};
