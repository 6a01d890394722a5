// Restore never destroys: what was replaced is kept, can be put back or dropped, and a killed restore leaves the live database as it was.
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
  type Restored,
  type Sealed,
} from '../support/lab.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { descendantsOf, survivorsOf, waitFor } from '../support/processes.ts';

let server: PostgresServer;
let lab: Lab;
let file: string;

interface Kept {
  readonly previous: readonly { readonly database: string; readonly previous: string; readonly keepUntil: string }[];
}

const sql = async (database: string, text: string): Promise<string> =>
  (await runPsql(connectTo(server, database), text)).trim();
const databasesLike = (pattern: string): Promise<string> =>
  sql('postgres', `SELECT datname FROM pg_database WHERE datname LIKE '${pattern}' ORDER BY 1`);
const restore = () => lab.json<Restored>('restore', '-f', file, '--backup', 'latest', '--confirm', 'prd');
const kept = async (): Promise<Kept['previous']> => (await lab.json<Kept>('previous', '-f', file)).previous;

const writeEnvironment = (keepPrevious: string): Promise<string> =>
  lab.write(`env-${keepPrevious}.yaml`, [
    environmentDocument('prd', {
      database: databaseSpec(server),
      storage: { url: `file://${lab.storage}` },
      restore: { allowed: true, keepPrevious },
    }),
    databaseSecret(server),
  ]);

beforeAll(async () => {
  [server, lab] = await Promise.all([startPostgres(), createLab()]);
  await sql('postgres', `CREATE DATABASE app TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'`);
  await sql(
    'app',
    `CREATE TABLE t (v text); INSERT INTO t VALUES ('sealed'); COMMENT ON DATABASE app IS 'the application'`,
  );
  await sql('app', 'CREATE TABLE big AS SELECT n, repeat(md5(n::text), 20) AS v FROM generate_series(1, 60000) n');
  file = await writeEnvironment('7d');
  await lab.json<Sealed>('backup', '-f', file);
  await sql('app', `UPDATE t SET v = 'live'`);
});

afterAll(async () => {
  await server.stop();
  await lab.remove();
});

test('a restore killed while it loads leaves the live database untouched and no program behind', async () => {
  const before = await captureAt(server, 'app');
  const running = lab.start(['restore', '-f', file, '--backup', 'latest', '--confirm', 'prd']);
  const loader = await waitFor(
    () => descendantsOf(running.pid).find(({ name }) => name === 'pg_restore' || name === 'zstd'),
    running.ended,
  );
  expect(loader).toBeDefined();
  const family = descendantsOf(running.pid);
  running.kill('SIGKILL');
  expect((await running.ended).status).toBe(137);
  expect(await survivorsOf(family)).toEqual([]);
  expect(differences(before, await captureAt(server, 'app'))).toEqual([]);
  expect(await databasesLike('app\\_before\\_%')).toBe('');
});

test('its repetition succeeds and leaves no temporary database', async () => {
  const restored = await restore();
  expect(await sql('app', 'SELECT v FROM t')).toBe('sealed');
  expect(await databasesLike('app\\_restore\\_%')).toBe('');
  expect(await databasesLike('app\\_before\\_%')).toBe(restored.previous.join('\n'));
});

test('previous lists what was kept, with its name, size and time', async () => {
  const [only] = await kept();
  expect(only).toMatchObject({ database: 'app' });
  expect(new Date(only?.keepUntil ?? 0).getTime() - Date.now()).toBeGreaterThan(6.9 * 86_400_000);
  const plain = await lab.cli('previous', '-f', file);
  expect(plain.stdout).toContain(`${only?.previous}  was app`);
});

test('previous swaps back only when the name is confirmed, and keeps the other one', async () => {
  const name = (await kept())[0]?.previous ?? '';
  const refused = await lab.cli('previous', '-f', file, '--swap-back', name);
  expect([refused.status, errorLines(refused)]).toEqual([78, [expect.stringMatching(/^RESTORE_NOT_CONFIRMED: /u)]]);
  expect(await sql('app', 'SELECT v FROM t')).toBe('sealed');
  await lab.json('previous', '-f', file, '--swap-back', name, '--confirm', name);
  expect(await sql('app', 'SELECT v FROM t')).toBe('live');
  expect(
    await sql('postgres', `SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'app'`),
  ).toBe('the application');
  const [other] = await kept();
  expect(other?.previous).not.toBe(name);
  expect(await sql(other?.previous ?? '', 'SELECT v FROM t')).toBe('sealed');
});

test('previous drops only what a restore kept, when the name is confirmed', async () => {
  await sql('postgres', 'CREATE DATABASE app_before_mine');
  const foreign = await lab.cli('previous', '-f', file, '--drop', 'app_before_mine', '--confirm', 'app_before_mine');
  expect([foreign.status, errorLines(foreign)]).toEqual([78, [expect.stringMatching(/^DATABASE_NOT_FOUND: /u)]]);
  const name = (await kept())[0]?.previous ?? '';
  await lab.json('previous', '-f', file, '--drop', name, '--confirm', name);
  expect(await kept()).toEqual([]);
  expect(await databasesLike('app\\_before\\_%')).toBe('app_before_mine');
  await sql('postgres', 'DROP DATABASE app_before_mine');
});

test('the next backup drops kept databases whose time is over, and no others', async () => {
  await restore();
  const short = await writeEnvironment('1s');
  const brief = await lab.json<Restored>('restore', '-f', short, '--backup', 'latest', '--confirm', 'prd');
  expect(await kept()).toHaveLength(2);
  await lab.json('backup', '-f', file);
  const left = (await kept()).map(({ previous }) => previous);
  expect(left).toHaveLength(1);
  expect(left).not.toContain(brief.previous[0]);
});

test('what is dropped may have subscriptions, which are not taken from their publishers', async () => {
  const subscribe = (): Promise<string> =>
    sql(
      'app',
      `CREATE SUBSCRIPTION "né" CONNECTION 'host=127.0.0.1 port=1 dbname=none' PUBLICATION p WITH (connect = false);
       ALTER SUBSCRIPTION "né" ENABLE; ALTER DATABASE app SET default_transaction_read_only = on;`,
    );
  const before = await databasesLike('app\\_before\\_%');
  await subscribe();
  const name = (await restore()).previous[0] ?? '';
  await lab.json('previous', '-f', file, '--drop', name, '--confirm', name);
  await sql('postgres', 'ALTER DATABASE app RESET ALL');
  await subscribe();
  await lab.json('restore', '-f', file, '--backup', 'latest', '--database-mode', 'recreate', '--confirm', 'prd');
  expect(await sql('postgres', 'SELECT subname FROM pg_subscription')).toBe('');
  expect(await databasesLike('app\\_before\\_%')).toBe(before);
});
