// A restore under kill -9 of its steps: tried again, equal in the end, nothing temporary left, one database kept.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { differences } from '../oracle/compare.ts';
import { captureFiles } from '../oracle/objects.ts';
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
  type Sealed,
  writeKey,
} from '../support/lab.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { waitFor } from '../support/processes.ts';
import { stepOf } from '../support/running-step.ts';

let server: PostgresServer;
let lab: Lab;
let file: string;
let library: string;

const sql = async (database: string, text: string): Promise<string> =>
  (await runPsql(connectTo(server, database), text)).trim();

beforeAll(async () => {
  [server, lab] = await Promise.all([startPostgres(), createLab()]);
  await sql('postgres', 'CREATE DATABASE app');
  await sql('app', 'CREATE TABLE big AS SELECT n, md5(n::text) AS v FROM generate_series(1, 50000) n');
  library = await lab.library(
    'library',
    Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`k/${n}`, `object ${n}`])),
  );
  file = await lab.write('env.yaml', [
    environmentDocument('prd', {
      database: databaseSpec(server),
      objectStores: [{ name: 'documents', url: `file://${library}` }],
      storage: { url: `file://${lab.storage}` },
    }),
    databaseSecret(server),
  ]);
  await lab.json<Sealed>('backup', '-f', file);
});

afterAll(async () => {
  await server.stop();
  await lab.remove();
});

test.for(['load-database', 'restore-objects', 'commit', 'verify-restore'] as const)(
  'a restore whose step %s is killed is tried again and equal in the end',
  async (step) => {
    const [before, objects] = [await captureAt(server, 'app'), await captureFiles(library)];
    await sql('app', 'CREATE TABLE surplus (a integer)');
    await writeKey(library, 'k/7', 'damaged');
    await writeKey(library, 'surplus', 'surplus');
    const args = ['--backup', 'latest', '--objects-mode', 'mirror', '--confirm', 'prd'];
    const running = lab.start(['restore', '-f', file, ...args]);
    const found = await waitFor(() => stepOf(running, step), running.ended);
    if (found === undefined) throw new Error(`step ${step} never ran: ${running.stderr()}`);
    process.kill(found.pid, 'SIGKILL');
    const ended = await running.ended;
    expect([ended.status, errorLines(ended)]).toEqual([0, []]);
    expect(ended.stderr).toContain('again in 0.3 s');
    expect(differences(before, await captureAt(server, 'app'))).toEqual([]);
    expect(await captureFiles(library)).toEqual(objects);
    expect(await sql('postgres', `SELECT datname FROM pg_database WHERE datname LIKE '%\\_restore\\_%'`)).toBe('');
    const kept = await sql('postgres', `SELECT datname FROM pg_database WHERE datname LIKE '%\\_before\\_%'`);
    expect(kept.split('\n')).toHaveLength(1);
    await sql('postgres', `DROP DATABASE "${kept}"`);
  },
);

test('what a killed restore made but could not mark is removed by the next one, and nothing that only looks like it', async () => {
  const [made, foreign, other] = ['app_restore_0123456789', 'app_restore_abcdef0123', 'other_restore_0123456789'];
  await sql('postgres', `CREATE DATABASE ${made}; CREATE DATABASE ${foreign}; CREATE DATABASE ${other};`);
  await sql(foreign, 'CREATE TABLE somebodys (a integer)');
  await lab.json('restore', '-f', file, '--backup', 'latest', '--components', 'database', '--confirm', 'prd');
  const left = await sql(
    'postgres',
    "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE datname ~ '_restore_'",
  );
  expect(left).toBe(`${foreign} ${other}`);
});
