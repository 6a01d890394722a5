// An application at work while a backup runs: it puts a document before its row, and deletes the row before the document.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { runPsql } from '../../oracle/psql.ts';
import { connectTo } from '../../support/lab.ts';
import type { PostgresServer } from '../../support/postgres.ts';
import type { Random } from '../random.ts';
import type { Place } from './place.ts';

/** Its own corner of database and library, so that all else can be compared with what was captured before. */
export const writerSchema = `"Writer's; \\ corner"`;
export const writerPrefix = 'writer & co/';
const table = `${writerSchema}."docs %"`;

interface Written {
  readonly digest: string;
  /** When its bytes began to go, after its row; undefined while it stands. */
  removed?: number;
}

export interface Log {
  /** Every document that was ever begun, by key. */
  readonly documents: ReadonlyMap<string, Written>;
  /** Rows that stood when the backup began. */
  readonly early: ReadonlySet<string>;
  /** Rows that stood when the backup began and whose deletion was not begun before it ended. */
  readonly steady: ReadonlySet<string>;
  /** Rows that were gone before the backup began. */
  readonly gone: ReadonlySet<string>;
}

export interface Writer {
  /** Works until `during` is done. */
  workDuring<T>(during: () => Promise<T>): Promise<{ readonly result: T; readonly log: Log }>;
  close(): Promise<void>;
}

export const createWriter = async (options: {
  readonly server: PostgresServer;
  readonly database: string;
  readonly place: Place;
  readonly random: Random;
}): Promise<Writer> => {
  const { server, database, place, random } = options;
  const { host, port, superuser: user, password } = server;
  const client = new Client({ host, port, user, password, database });
  client.on('error', () => undefined);
  await client.connect();
  await client.query(`SET default_transaction_read_only = off; SET standard_conforming_strings = on`);
  await client.query(
    `CREATE SCHEMA ${writerSchema}; CREATE TABLE ${table} (key text PRIMARY KEY, digest text NOT NULL)`,
  );
  const documents = new Map<string, Written>();
  const standing: string[] = [];
  let count = 0;
  const add = async (): Promise<void> => {
    const key = `${writerPrefix}${count % 5}/it's %${count++}`;
    const body = random.bytes(random.between(1, 400));
    const digest = createHash('sha256').update(body).digest('hex');
    documents.set(key, { digest });
    await place.put({ key, body });
    await client.query(`INSERT INTO ${table} VALUES ($1, $2)`, [key, digest]);
    standing.push(key);
  };
  const remove = async (): Promise<void> => {
    const [key] = standing.splice(random.int(standing.length), 1);
    const written = key === undefined ? undefined : documents.get(key);
    if (key === undefined || !written) return;
    written.removed = Number.POSITIVE_INFINITY;
    await client.query(`DELETE FROM ${table} WHERE key = $1`, [key]);
    written.removed = Date.now();
    await place.remove(key);
  };
  for (let n = 0; n < 25; n++) await add();
  return {
    workDuring: async (during) => {
      const gone = new Set([...documents].flatMap(([key, { removed }]) => (removed === undefined ? [] : [key])));
      const before = [...standing];
      const stands = (key: string): boolean => documents.get(key)?.removed === undefined;
      const state = { working: true };
      const work = async (): Promise<void> => {
        while (state.working) {
          await add();
          if (random.chance(0.6)) await remove();
          // As fast as people are, not as fast as a machine is.
          await sleep(random.between(1, 20));
        }
      };
      const done = work();
      try {
        const result = await during();
        state.working = false;
        await done;
        return {
          result,
          log: { documents, gone, early: new Set(before), steady: new Set(before.filter(stands)) },
        };
      } finally {
        state.working = false;
        await done;
      }
    },
    close: () => client.end(),
  };
};

/** Rows of a restored database: key and digest. */
export const restoredRows = async (server: PostgresServer, database: string): Promise<Map<string, string>> => {
  const lines = (await runPsql(connectTo(server, database), `SELECT digest || key FROM ${table}`))
    .split('\n')
    .filter(Boolean);
  return new Map(lines.map((line) => [line.slice(64), line.slice(0, 64)]));
};
