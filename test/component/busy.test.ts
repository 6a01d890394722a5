// Two runs that mean one database: the later one is told so, and neither spoils the other.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runPsql } from '../oracle/psql.ts';
import {
  connectTo,
  createLab,
  databaseSecret,
  databaseSpec,
  environmentDocument,
  errorLines,
  type Lab,
  type Sealed,
} from '../support/lab.ts';
import { lockTable } from '../support/lock-table.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { descendantsOf, waitFor } from '../support/processes.ts';

let server: PostgresServer;
let lab: Lab;
let file: string;

const sql = async (database: string, text: string): Promise<string> =>
  (await runPsql(connectTo(server, database), text)).trim();

beforeAll(async () => {
  [server, lab] = await Promise.all([startPostgres(), createLab()]);
  await sql('postgres', 'CREATE DATABASE app');
  await sql('app', `CREATE TABLE t (v text); INSERT INTO t VALUES ('sealed')`);
  const environment = (name: string) =>
    environmentDocument(name, { database: databaseSpec(server), storage: { url: `file://${lab.storage}` } });
  // Two names for one server: no mutex of an environment sees that.
  file = await lab.write('env.yaml', [environment('prd'), environment('alias'), databaseSecret(server)]);
  await lab.json<Sealed>('backup', '-f', file, '-e', 'prd');
  await sql('app', `UPDATE t SET v = 'live'`);
});

afterAll(async () => {
  await server.stop();
  await lab.remove();
});

/** A backup that waits for a lock of the application, and the way to let it go on. */
const heldBackup = async (environment: string) => {
  const lock = await lockTable(connectTo(server, 'app'), 't');
  const running = lab.start(['backup', '-f', file, '-e', environment, '--json']);
  const dumping = () => descendantsOf(running.pid).find(({ name }) => name === 'pg_dump');
  expect(await waitFor(dumping, running.ended)).toBeDefined();
  const release = async () => {
    await lock.release();
    return running.ended;
  };
  return { release };
};

test('a restore into the database of a running backup is TARGET_BUSY and changes nothing, and the backup is good', async () => {
  const backup = await heldBackup('alias');
  const args = ['--source', 'prd', '--into', 'prd', '--backup', 'latest', '--confirm', 'prd'];
  const refused = await lab.cli('restore', '-f', file, ...args);
  const ended = await backup.release();
  expect([refused.status, errorLines(refused)]).toEqual([78, [expect.stringMatching(/^TARGET_BUSY: .*app/u)]]);
  expect(ended.status).toBe(0);
  expect(await sql('app', 'SELECT v FROM t')).toBe('live');
  expect(await sql('postgres', `SELECT count(*) FROM pg_database WHERE datname LIKE 'app%'`)).toBe('1');
  const { backupId } = JSON.parse(ended.stdout) as Sealed;
  expect(await lab.json('verify', backupId, '-f', file, '-e', 'alias')).toMatchObject({ ok: true });
});

/** Seconds until the server asks each of its clients whether it is there. /proc/net/tcp has address, state and timer. */
const untilAsked = (): number[] => {
  const own = `:${server.port.toString(16).toUpperCase().padStart(4, '0')}`;
  const [established, isKeepalive] = ['01', '02'];
  return readFileSync('/proc/net/tcp', 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/u))
    .filter(([, local = '', , state]) => local.endsWith(own) && state === established)
    .map(([, , , , , timer = '']) => timer.split(':'))
    .map(([kind, ticks = '']) => (kind === isKeepalive ? Number.parseInt(ticks, 16) / 100 : Number.POSITIVE_INFINITY));
};

test('the server asks within 20 s whether the machine of a backup is still there', async () => {
  const backup = await heldBackup('prd');
  // Who holds our locks, who holds the snapshot, and pg_dump; the test's own session is asked when the system likes.
  const inTime = () => untilAsked().map((seconds) => seconds <= 20);
  await expect.poll(() => inTime().toSorted()).toEqual([false, true, true, true]);
  expect((await backup.release()).status).toBe(0);
});

test('two backups at once are both good, and each leaves the other alone', async () => {
  const first = await heldBackup('prd');
  // A backup is named by its second.
  await sleep(1000);
  const second = lab.start(['backup', '-f', file, '-e', 'prd', '--json']);
  const dumping = () => descendantsOf(second.pid).find(({ name }) => name === 'pg_dump');
  expect(await waitFor(dumping, second.ended)).toBeDefined();
  const [one, two] = await Promise.all([first.release(), second.ended]);
  const ids = [one, two].map((ended) => {
    expect([ended.status, errorLines(ended)]).toEqual([0, []]);
    return (JSON.parse(ended.stdout) as Sealed).backupId;
  });
  expect(new Set(ids).size).toBe(2);
  for (const id of ids) expect(await lab.json('verify', id, '-f', file, '-e', 'prd')).toMatchObject({ ok: true });
});
