// The PostgreSQL server that a case kills around: what is in it, what a run left there, and what a dump really holds.
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { restoreContents } from '../../oracle/clone.ts';
import { captureDatabase } from '../../oracle/database.ts';
import type { DatabaseFacts } from '../../oracle/facts.ts';
import { runPsql } from '../../oracle/psql.ts';
import { connectTo, type Lab } from '../../support/lab.ts';
import type { PostgresServer } from '../../support/postgres.ts';

export interface DatabaseSide {
  sql(database: string, text: string): Promise<string>;
  capture(database: string): Promise<DatabaseFacts>;
  /** Resolves when the server takes connections and the product has none; throws when it keeps some. */
  quiet(): Promise<void>;
  /** What a run may never leave behind in the server. */
  leftInServer(): Promise<string[]>;
  /** What a dump holds, restored by PostgreSQL's own program into a database named `judge`. */
  restored(dump: Buffer, format: 'custom' | 'plain'): Promise<DatabaseFacts>;
}

export const databaseSide = (postgres: PostgresServer, lab: Lab): DatabaseSide => {
  const sql = async (database: string, text: string): Promise<string> =>
    (await runPsql(connectTo(postgres, database), text)).trim();
  return {
    sql,
    capture: (database) => captureDatabase(connectTo(postgres, database)),
    quiet: () => waitUntilQuiet(sql),
    leftInServer: () => leftInServer(sql),
    restored: async (dump, format) => {
      await sql('postgres', 'CREATE DATABASE judge TEMPLATE template0');
      const judge = connectTo(postgres, 'judge');
      const file = lab.path('judged.dump');
      try {
        await writeFile(file, dump);
        if (format === 'custom') await restoreContents(postgres.bin, judge, file);
        else await runPsql(judge, dump.toString('utf8'));
        return await captureDatabase(judge);
      } finally {
        await sql('postgres', 'DROP DATABASE judge');
      }
    },
  };
};

type Sql = DatabaseSide['sql'];

const sessions = `SELECT string_agg(application_name || ': ' || left(query, 60), '; ') FROM pg_stat_activity
  WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`;

const patience = 20_000;

const waitUntilQuiet = async (sql: Sql): Promise<void> => {
  let last = '';
  for (const deadline = Date.now() + patience; Date.now() < deadline; await sleep(30)) {
    try {
      last = await sql('postgres', sessions);
      if (last === '') return;
    } catch (error) {
      // After a backend was killed the server recovers first.
      last = String(error);
    }
  }
  throw new Error(`the server is not left alone: ${last}`);
};

const leftInServer = async (sql: Sql): Promise<string[]> => {
  const found = await sql(
    'postgres',
    `SELECT 'database ' || datname FROM pg_database WHERE datname ~ '_restore_[0-9a-f]{10}$'
      UNION ALL SELECT 'advisory lock' FROM pg_locks WHERE locktype = 'advisory'
      UNION ALL SELECT 'prepared transaction ' || gid FROM pg_prepared_xacts
      UNION ALL SELECT 'replication slot ' || slot_name FROM pg_replication_slots`,
  );
  return found.split('\n').filter(Boolean);
};
