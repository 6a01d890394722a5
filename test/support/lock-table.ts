import { Client } from 'pg';
import type { Connection } from '../oracle/psql.ts';

/** Keeps a table locked, so that pg_dump waits for it, until released. */
export const lockTable = async (database: Connection, table: string): Promise<{ release(): Promise<void> }> => {
  const { host, port, user, password } = database;
  const client = new Client({ host, port, user, password, database: database.database, application_name: 'holder' });
  await client.connect();
  await client.query('BEGIN');
  await client.query(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
  return { release: () => client.end().catch(() => undefined) };
};
