// A restore in several jobs: the error of any of them ends it, and none outlives a step that was killed.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { differences } from '../oracle/compare.ts';
import { runPsql } from '../oracle/psql.ts';
import {
  captureAt,
  connectTo,
  createLab,
  databaseSecret,
  databaseSpec,
  environmentDocument,
  errorLines,
  type Lab,
} from '../support/lab.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { commandLineOf, descendantsOf, survivorsOf, waitFor } from '../support/processes.ts';

let server: PostgresServer;
let lab: Lab;

const sql = async (database: string, text: string): Promise<string> =>
  (await runPsql(connectTo(server, database), text)).trim();

/** Does something while a restore builds the index, and nothing while the database was made. */
const onRestore = (statement: string): string => `
  CREATE FUNCTION trap(i integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
  BEGIN IF current_database() LIKE '%\\_restore\\_%' THEN ${statement}; END IF; RETURN i; END $$;
  CREATE TABLE one AS SELECT i, md5(i::text) AS v FROM generate_series(1, 90) i;
  CREATE TABLE two AS SELECT * FROM one;
  CREATE INDEX ON one (trap(i)); CREATE INDEX ON two (trap(i)); CREATE INDEX ON two (v);`;

const environment = async (database: string, statement: string, more = ''): Promise<string> => {
  await sql('postgres', `CREATE DATABASE ${database}`);
  await sql(database, onRestore(statement) + more);
  const spec = { database: databaseSpec(server, { databases: [database] }), storage: { url: `file://${lab.storage}` } };
  const file = await lab.write(`${database}.yaml`, [environmentDocument(database, spec), databaseSecret(server)]);
  await lab.json('backup', '-f', file);
  return file;
};

beforeAll(async () => {
  [server, lab] = await Promise.all([startPostgres(), createLab()]);
});

afterAll(async () => {
  await server.stop();
  await lab.remove();
});

test('an error of one job ends the restore and leaves the live database as it was', async () => {
  const file = await environment('failing', `RAISE EXCEPTION 'sprung'`);
  const before = await captureAt(server, 'failing');
  const ended = await lab.cli('restore', '-f', file, '--backup', 'latest', '--confirm', 'failing');
  expect(ended.status).toBe(70);
  expect(errorLines(ended).join('\n')).toMatch(/LOAD_FAILED.*sprung/s);
  expect(differences(before, await captureAt(server, 'failing'))).toEqual([]);
  expect(await sql('postgres', `SELECT count(*) FROM pg_database WHERE datname ~ '_restore_'`)).toBe('0');
});

test('one session loads a dump in which indexes of partitions are attached', async () => {
  const sessions = `(SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend')`;
  const parted = `CREATE TABLE t (part integer) PARTITION BY LIST (part);
    CREATE TABLE t_1 PARTITION OF t FOR VALUES IN (1); CREATE INDEX ON t (part);`;
  const statement = `IF current_query() LIKE 'CREATE INDEX%' AND ${sessions} > 1 THEN RAISE EXCEPTION 'two sessions'; END IF`;
  const file = await environment('parted', statement, parted);
  const before = await captureAt(server, 'parted');
  await lab.json('restore', '-f', file, '--backup', 'latest', '--confirm', 'parted');
  expect(differences(before, await captureAt(server, 'parted'))).toEqual([]);
  // Two sessions are noticed where they are allowed.
  const other = await environment('plain', statement);
  const ended = await lab.cli('restore', '-f', other, '--backup', 'latest', '--confirm', 'plain');
  expect(errorLines(ended).join('\n')).toMatch(/LOAD_FAILED.*two sessions/s);
});

test('no job outlives a step that is killed', async () => {
  const file = await environment('slow', 'PERFORM pg_sleep(1)');
  const running = lab.start(['restore', '-f', file, '--backup', 'latest', '--confirm', 'slow']);
  const jobs = await waitFor(() => {
    const step = descendantsOf(running.pid).find((each) => commandLineOf(each).endsWith('\0load-database\0'));
    const below = step === undefined ? [] : descendantsOf(step.pid);
    return step !== undefined && below.filter(({ name }) => name === 'pg_restore').length === 3
      ? { step, below }
      : undefined;
  }, running.ended);
  if (jobs === undefined) throw new Error(`no three programs ran: ${running.stderr()}`);
  // The runner first: a repetition would end the sessions of the jobs.
  running.kill('SIGKILL');
  process.kill(jobs.step.pid, 'SIGKILL');
  expect(await survivorsOf(jobs.below)).toEqual([]);
  await running.ended;
  expect((await lab.leftBehind()).filter((name) => name.startsWith('lc2-dump-'))).toEqual([]);
});
