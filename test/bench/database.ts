import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { parseEnvironment } from '../../core/plan/environment.ts';
import { startPostgres, type PostgresServer } from '../support/postgres.ts';
import type { StepHost, StepRun } from './steps.ts';

/** A server with databases of rows as applications have them, and an environment whose storage is a folder. */
export interface BenchDatabase {
  readonly server: PostgresServer;
  readonly host: StepHost;
  /** The same, for another database of the server. */
  readonly hostOf: (database: string, env?: Readonly<Record<string, string>>) => StepHost;
  readonly fill: (database: string, mebibytes: number) => Promise<void>;
  readonly sql: (database: string, ...statements: readonly string[]) => Promise<void>;
  /** For the client programs in scripts: they are in `$BIN`. */
  readonly toolEnv: (database: string) => Readonly<Record<string, string>>;
  /** Drops what restores loaded beside the live database. */
  readonly dropLoaded: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** What both sides of a comparison work on; `LC2_BENCH_MIB` for shorter runs. */
export const mebibytesWanted = (): number => Number(process.env['LC2_BENCH_MIB'] ?? 1024);

/** Of one row as COPY writes it. */
const rowBytes = 289;
const tables = 4;

/** JSON, digests, dates and numbers, three indexes a table: pgbench's padding would flatter every compression. */
const createTable = (name: string, rows: number): string[] => [
  `CREATE TABLE ${name} (id bigint NOT NULL, code text NOT NULL, changed timestamptz, amount numeric(12, 2), body jsonb)`,
  `INSERT INTO ${name} SELECT i, md5('${name}' || i), timestamptz '2020-01-01' + i * interval '17 seconds',
     (i::bigint * 7919 % 1000003)::numeric / 100,
     jsonb_build_object('title', 'Document ' || i, 'path', '/group/' || (i % 97) || '/' || md5((i % 5000)::text),
       'tags', jsonb_build_array('t' || i % 13, 't' || i % 101), 'owner', i % 3000, 'checksum', md5((i::bigint * 31)::text),
       'text', repeat(substr('the quick brown fox jumps over the lazy dog ', 1 + i % 30, 12), 3))
     FROM generate_series(1, ${rows}) i`,
  `ALTER TABLE ${name} ADD PRIMARY KEY (id)`,
  `CREATE INDEX ON ${name} (changed)`,
  `CREATE INDEX ON ${name} (code)`,
];

export const startBenchDatabase = async (): Promise<BenchDatabase> => {
  const folder = await mkdtemp(join(tmpdir(), 'lc2-bench-'));
  // Autovacuum would come at one side's turn or the other's.
  const settings = {
    shared_buffers: '256MB',
    max_wal_size: '3GB',
    checkpoint_timeout: '1h',
    wal_level: 'replica',
    autovacuum: 'off',
  };
  const server = await startPostgres({ settings });
  const connect = async (database: string): Promise<Client> => {
    const { host, port, superuser: user, password } = server;
    const client = new Client({ host, port, user, password, database });
    await client.connect();
    return client;
  };
  const sql = async (database: string, ...statements: readonly string[]): Promise<void> => {
    const client = await connect(database);
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  };
  const hostOf = (database: string, env: Readonly<Record<string, string>> = {}): StepHost => {
    const { host, port, superuser: username, password } = server;
    const spec = {
      projectId: 'bench',
      database: { server: { engine: 'postgresql', host, port, databases: [database], tls: { mode: 'disable' } } },
      storage: { url: `file://${folder}/storage-${database}` },
    };
    const environment = parseEnvironment({ name: database, spec }, 'bench');
    return { folder, environment, secrets: { database: { username, password }, objects: {}, storage: {} }, env };
  };
  return {
    server,
    host: hostOf('app'),
    hostOf,
    sql,
    fill: async (database, mebibytes) => {
      const rows = Math.ceil((mebibytes * 1024 * 1024) / rowBytes / tables);
      await mkdir(join(folder, `storage-${database}`));
      await sql('postgres', `CREATE DATABASE ${database}`);
      const names = Array.from({ length: tables }, (_, i) => `entry_${i}`);
      // Two at a time: the machine has two cores, and filling is not what is measured.
      for (let i = 0; i < tables; i += 2)
        await Promise.all(names.slice(i, i + 2).map((name) => sql(database, ...createTable(name, rows))));
      await sql(database, 'VACUUM ANALYZE', 'CHECKPOINT');
    },
    toolEnv: (database) => ({
      BIN: server.bin,
      PGHOST: server.host,
      PGPORT: String(server.port),
      PGUSER: server.superuser,
      PGPASSWORD: server.password,
      PGDATABASE: database,
    }),
    dropLoaded: async () => {
      const client = await connect('postgres');
      const query = `SELECT datname AS name FROM pg_database WHERE datname LIKE '%\\_restore\\_%'`;
      const { rows } = await client.query<{ name: string }>(query);
      for (const { name } of rows) await client.query(`DROP DATABASE "${name}"`);
      await client.query('CHECKPOINT');
      await client.end();
    },
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

let second = 0;

/** Ids of backups have a resolution of one second: each run gets a time of its own. */
export const newRun = (flow: StepRun['flow'], parameters: StepRun['parameters'] = {}): StepRun => ({
  flow,
  runUid: randomUUID(),
  timestamp: new Date(Date.UTC(2030, 0, 1) + ++second * 1000),
  parameters,
});
