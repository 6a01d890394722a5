// What PostgreSQL keeps about a database beside it, and what a database does to its sessions: through every way of restoring.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { differences } from '../oracle/compare.ts';
import type { Capture } from '../oracle/facts.ts';
import { runPsql } from '../oracle/psql.ts';
import {
  captureAt,
  connectTo,
  createLab,
  databaseSecret,
  databaseSpec,
  environmentDocument,
  type Lab,
  secretDocument,
} from '../support/lab.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';

let server: PostgresServer;
let lab: Lab;
let file: string;
let sealed: ReadonlyMap<string, Capture>;

const names = ['properties', 'bytes'];
const sql = (database: string, text: string): Promise<string> => runPsql(connectTo(server, database), text);
const restore = (...args: string[]): Promise<unknown> =>
  lab.json('restore', '-f', file, '-e', 'prd', '--backup', 'latest', ...args, '--confirm', 'prd');
const captureAll = async (): Promise<Map<string, Capture>> => {
  const captures = new Map<string, Capture>();
  for (const name of names) captures.set(name, await captureAt(server, name));
  return captures;
};
const changed = async (): Promise<string[]> => {
  const found = await captureAll();
  return names.flatMap((name) => differences(sealed.get(name) ?? { format: 1 }, found.get(name) ?? { format: 1 }));
};

beforeAll(async () => {
  [server, lab] = await Promise.all([startPostgres({ settings: { allow_in_place_tablespaces: 'on' } }), createLab()]);
  await sql(
    'postgres',
    `CREATE ROLE holder; CREATE ROLE first; CREATE ROLE "Second; one"; CREATE TABLESPACE "odd space" LOCATION '';
     CREATE DATABASE properties TEMPLATE template0 TABLESPACE "odd space" OWNER holder;
     CREATE DATABASE bytes TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C';
     REVOKE ALL ON DATABASE properties FROM PUBLIC; REVOKE TEMPORARY ON DATABASE properties FROM holder;
     GRANT CONNECT ON DATABASE properties TO first WITH GRANT OPTION;
     SET ROLE first; GRANT CONNECT ON DATABASE properties TO "Second; one" WITH GRANT OPTION;
     SET ROLE "Second; one"; GRANT CONNECT ON DATABASE properties TO PUBLIC; RESET ROLE;`,
  );
  await sql(
    'properties',
    `CREATE TABLE t (v text[]); INSERT INTO t VALUES ('{a,NULL}'); CREATE VIEW w AS SELECT * FROM t WHERE v IS NULL;
     CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM 1; END';
     CREATE EVENT TRIGGER noted ON ddl_command_end EXECUTE FUNCTION note();
     CREATE MATERIALIZED VIEW days AS SELECT (date '2020-02-01')::text AS day, (interval '-1 day 2 hours')::text AS term;
     CREATE SCHEMA inner_rights; GRANT USAGE ON SCHEMA inner_rights TO first; CREATE TABLE inner_rights.t (); GRANT SELECT ON inner_rights.t
     TO first WITH GRANT OPTION; SET ROLE first; GRANT SELECT ON inner_rights.t TO "Second; one"; RESET ROLE;
     ALTER DATABASE properties SET default_transaction_read_only = on; ALTER DATABASE properties SET array_nulls = off;
     ALTER DATABASE properties SET datestyle = 'German, DMY'; ALTER DATABASE properties SET intervalstyle = 'sql_standard';
     ALTER DATABASE properties SET timezone = 'Asia/Kolkata'; ALTER DATABASE properties SET default_text_search_config = 'german';
     ALTER DATABASE properties SET default_transaction_isolation = 'serializable';`,
  );
  await sql(
    'properties',
    `SET default_transaction_read_only = off;
     CREATE MATERIALIZED VIEW reports AS SELECT date_trunc('day', timestamptz '2020-02-01 20:00+00')::date AS day,
       to_tsvector('die Häuser') AS words, current_setting('timezone') AS zone;`,
  );
  await sql('bytes', String.raw`CREATE TABLE t (v text); INSERT INTO t VALUES (E'\xff\xfe'), ('plain');`);
  file = await lab.write('env.yaml', [
    environmentDocument('uat', {
      database: databaseSpec(server, { role: 'first' }),
      storage: { url: `file://${lab.path('uat')}` },
    }),
    environmentDocument('prd', { database: databaseSpec(server), storage: { url: `file://${lab.storage}` } }),
    databaseSecret(server),
  ]);
  sealed = await captureAll();
  await lab.json('backup', '-f', file, '-e', 'prd');
});

beforeEach(async () => {
  await sql('bytes', 'DELETE FROM t');
  const live = await sql('postgres', `SELECT 'yes' FROM pg_database WHERE datname = 'properties'`);
  if (live !== '') await sql('properties', 'SET default_transaction_read_only = off; DELETE FROM t');
});

afterAll(async () => {
  await server.stop();
  await lab.remove();
});

test('a database that is replaced keeps its tablespace, and its grants by whoever made them', async () => {
  await restore();
  expect(await changed()).toEqual([]);
});

test('a database that was dropped comes back with them', async () => {
  await sql('postgres', 'DROP DATABASE properties');
  await restore();
  expect(await changed()).toEqual([]);
});

test('settings of a database do not stop or bend a restore in place', async () => {
  await restore('--database-mode', 'in-place');
  expect(await changed()).toEqual([]);
});

test('money of a locale that the target does not have comes back', async () => {
  const german = await startPostgres({ locale: 'de_DE.UTF-8', settings: { lc_monetary: 'de_DE.UTF-8' } });
  try {
    const source = (text: string): Promise<string> => runPsql(connectTo(german, 'postgres'), text);
    await source('CREATE DATABASE money');
    await runPsql(
      connectTo(german, 'money'),
      `CREATE TABLE t AS SELECT '1.234,56 €'::money AS price, '-0,01'::money AS least`,
    );
    const abroad = await lab.write('german.yaml', [
      environmentDocument('german', {
        database: { ...databaseSpec(german), credentials: { secretName: 'german' } },
        storage: { url: `file://${lab.storage}` },
      }),
      environmentDocument('prd', { database: databaseSpec(server), storage: { url: `file://${lab.storage}` } }),
      databaseSecret(server),
      secretDocument('german', { username: german.superuser, password: german.password }),
    ]);
    await lab.json('backup', '-f', abroad, '-e', 'german');
    await lab.json(
      'restore',
      '-f',
      abroad,
      '--source',
      'german',
      '--into',
      'prd',
      '--backup',
      'latest',
      '--confirm',
      'prd',
    );
    expect(await source('SELECT current_setting($$lc_monetary$$)')).toBe('de_DE.UTF-8\n');
    expect(await sql('money', 'SELECT price::numeric, least::numeric FROM t')).toBe('1234.56|-0.01\n');
  } finally {
    await german.stop();
  }
});

test('a superuser who loads for a role leaves out what the role may not make', async () => {
  const args = ['--source', 'prd', '--into', 'uat', '--backup', 'latest', '--database', 'properties=elsewhere'];
  await lab.json('restore', '-f', file, ...args, '--confirm', 'uat');
  const facts = (await captureAt(server, 'elsewhere')).database?.facts ?? [];
  expect(facts.filter(({ kind }) => kind === 'event trigger')).toEqual([]);
  expect(facts.find(({ kind, name }) => kind === 'table' && name === 'public.t')).toMatchObject({
    attributes: { owner: 'first' },
  });
});
