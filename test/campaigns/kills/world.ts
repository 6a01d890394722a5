// What one worker kills in: a PostgreSQL server of its own (a killed backend takes the others of its server along), buckets
// and folders of its own, and fronts before both. It lasts until a case fails in it.
import { mkdir, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { restoreContents } from '../../oracle/clone.ts';
import { captureDatabase } from '../../oracle/database.ts';
import type { DatabaseFacts } from '../../oracle/facts.ts';
import { runPsql } from '../../oracle/psql.ts';
import type { RunningCli } from '../../support/cli.ts';
import {
  connectTo,
  createLab,
  databaseSecret,
  databaseSpec,
  environmentDocument,
  type Lab,
  secretDocument,
  type Spec,
} from '../../support/lab.ts';
import { type PostgresServer, startPostgres } from '../../support/postgres.ts';
import type { S3Server } from '../../support/s3-servers.ts';
import { bucketPlace, folderPlace, type Place } from './place.ts';
import { type PostgresFront, startPostgresFront } from './postgres-front.ts';
import { type S3Front, startS3Front } from './s3-front.ts';
import type { Trap } from './trap.ts';

export interface World {
  readonly lab: Lab;
  readonly s3: S3Front;
  sql(database: string, text: string): Promise<string>;
  capture(database: string): Promise<DatabaseFacts>;
  folder(name: string): Promise<Place>;
  bucket(name: string): Promise<Place>;
  /** An environment of this world; returns its file. */
  environment(name: string, parts: EnvironmentParts): Promise<string>;
  set(trap: Trap): void;
  start(args: readonly string[]): RunningCli;
  /** Resolves when the server takes connections and the product has none; throws when it keeps some. */
  quiet(): Promise<void>;
  /** What a run may never leave behind in the server. */
  leftInServer(): Promise<string[]>;
  /** What a dump holds, restored by PostgreSQL's own program into a database named `judge`. */
  restored(dump: Buffer): Promise<DatabaseFacts>;
  /** Whatever a scene keeps between cases, made on first use. */
  once<T>(name: string, make: () => Promise<T>): Promise<T>;
  remove(): Promise<void>;
}

export interface EnvironmentParts {
  readonly databases?: readonly string[];
  readonly library?: Place;
  readonly mover?: string;
  readonly storage: Place;
}

let worlds = 0;

export const createWorld = async (server: S3Server, compileCache: string): Promise<World> => {
  const number = worlds++;
  // A commit that was answered must survive the crash that a killed backend is.
  const settings = { synchronous_commit: 'on', shared_buffers: '16MB', max_connections: '40' };
  const [postgres, lab, s3] = await Promise.all([
    startPostgres({ settings }),
    createLab(),
    startS3Front(server.endpoint),
  ]);
  const front = await startPostgresFront(postgres);
  const sql = async (database: string, text: string): Promise<string> =>
    (await runPsql(connectTo(postgres, database), text)).trim();
  const kept = new Map<string, Promise<unknown>>();
  return {
    lab,
    s3,
    sql,
    capture: (database) => captureDatabase(connectTo(postgres, database)),
    folder: (name) => folderPlace(lab.path(name)),
    bucket: (name) => bucketPlace(server, `w${number}-${name}`, s3.endpoint),
    environment: (name, parts) => writeEnvironment({ lab, postgres, front, server }, name, parts),
    set: (trap) => {
      front.set(trap);
      s3.set(trap);
    },
    start: (args) => lab.start(args, { NODE_COMPILE_CACHE: compileCache }),
    quiet: () => waitUntilQuiet(sql),
    leftInServer: () => leftInServer(sql),
    restored: async (dump) => {
      await sql('postgres', 'CREATE DATABASE judge TEMPLATE template0');
      const judge = connectTo(postgres, 'judge');
      const file = lab.path('judged.dump');
      try {
        await writeFile(file, dump);
        await restoreContents(postgres.bin, judge, file);
        return await captureDatabase(judge);
      } finally {
        await sql('postgres', 'DROP DATABASE judge');
      }
    },
    once: <T>(name: string, make: () => Promise<T>): Promise<T> => {
      const found = kept.get(name) ?? make();
      kept.set(name, found);
      return found as Promise<T>;
    },
    remove: async () => {
      await s3.stop();
      await front.stop();
      await postgres.stop();
      await lab.remove();
    },
  };
};

interface Parts {
  readonly lab: Lab;
  readonly postgres: PostgresServer;
  readonly front: PostgresFront;
  readonly server: S3Server;
}

const writeEnvironment = async (
  { lab, postgres, front, server }: Parts,
  name: string,
  { databases, library, mover, storage }: EnvironmentParts,
): Promise<string> => {
  const withSecret = ({ spec, folder }: Place): Spec =>
    folder === undefined ? { ...spec, credentials: { secretName: 's3' } } : spec;
  const store = library && { name: 'documents', ...withSecret(library), ...(mover !== undefined && { mover }) };
  const documents = [
    environmentDocument('prd', {
      ...(databases && { database: databaseSpec({ ...postgres, port: front.port }, { databases: [...databases] }) }),
      ...(store && { objectStores: [store] }),
      storage: withSecret(storage),
    }),
    databaseSecret(postgres),
    secretDocument('s3', server.secrets),
  ];
  await mkdir(lab.path('environments'), { recursive: true });
  return lab.write(`environments/${name}.yaml`, documents);
};

type Sql = (database: string, text: string) => Promise<string>;

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
