// Restores into new instances of Cloud SQL: Google makes them and restores the snapshot into them, the live one stays as it is, and
// the oracle compares what is on them with the source at the moment of the snapshot.
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { cloudSqlNewServerPermissions } from '../../core/permissions/services.ts';
import { fairWeather, type Weather } from '../fakes/cloud-sql/cloud.ts';
import type { FakeOperation } from '../fakes/cloud-sql/instances.ts';
import { permissions as methodPermissions } from '../fakes/cloud-sql/methods.ts';
import { differences } from '../oracle/compare.ts';
import { runPsql } from '../oracle/psql.ts';
import { seedEverything, seedRoles } from '../oracle/seed/everything.ts';
import type { RunningCli } from '../support/cli.ts';
import { type CloudLab, instanceOf, startCloudLab } from '../support/cloud-sql.ts';
import {
  captureAt,
  connectTo,
  createLab,
  environmentDocument,
  errorLines,
  filesOf,
  type Lab,
  type Sealed,
  secretDocument,
  type Spec,
} from '../support/lab.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import {
  expectRefused,
  keepBackups,
  nextName,
  type RestoredBeside,
  restoreBeside,
  serversSince,
} from '../support/new-servers.ts';
import { waitFor } from '../support/processes.ts';
import { killStep } from '../support/running-step.ts';

/** Of polls. */

let server: PostgresServer;
let cloud: CloudLab;
let lab: Lab;
let weather: Weather;

/** Environments by name, all in one file. */
const environments: Readonly<Record<string, Spec>> = {
  // Every instance has an authority of its own, and the Secret that of the live one.
  prd: { method: 'dump', tls: { mode: 'verify-ca' } },
  bare: { method: 'dump', snapshot: { enabled: false } },
  elsewhere: { method: 'dump', project: 'retail-uat' },
};

let file: string;
/** By environment: its backup, and what was in the database then. */
const backups = keepBackups();
const backupOf = backups.of;

const backUp = async (name: string): Promise<void> => {
  const before = await captureAt(server, 'everything');
  const { backupId: id } = await lab.json<Sealed>('backup', '-f', file, '-e', name);
  backups.keep(name, { id, before });
};

beforeAll(async () => {
  [server, lab] = await Promise.all([startPostgres({ tls: true }), createLab()]);
  cloud = await startCloudLab([
    instanceOf(server, 'main'),
    instanceOf(server, 'other', { project: 'retail-uat', state: 'MAINTENANCE' }),
  ]);
  ({ weather } = cloud.fake.cloud);
  await seedRoles(connectTo(server));
  await runPsql(connectTo(server), 'CREATE DATABASE everything TEMPLATE template0');
  await seedEverything(connectTo(server, 'everything'), { eventTriggers: true });
  // No snapshot holds their rows: a server that starts from one empties them.
  await runPsql(connectTo(server, 'everything'), 'TRUNCATE app.unlogged');
  const documents = await lab.library('documents', { 'a/1': 'one' });
  const shared = {
    objectStores: [{ name: 'documents', url: `file://${documents}` }],
    storage: { url: `file://${lab.storage}` },
  };
  const all = Object.entries(environments).map(([name, more]) =>
    environmentDocument(name, {
      database: cloud.database(server, name === 'elsewhere' ? 'other' : 'main', more),
      ...shared,
    }),
  );
  const { superuser: username, password, tls } = server;
  const secret = secretDocument('db', { username, password, 'ca.crt': await readFile(tls?.ca ?? '', 'utf8') });
  file = await lab.write('environments.yaml', [...all, secret]);
  for (const name of ['prd', 'bare']) await backUp(name);
  await runPsql(connectTo(server, 'everything'), 'DROP SCHEMA app CASCADE');
});

beforeEach(() => void Object.assign(weather, fairWeather()));

/** What our client asks is what Google describes. */
afterEach(() => {
  const [violation] = cloud.fake.violations;
  if (violation !== undefined) throw new Error(violation);
});

afterAll(async () => {
  await cloud.stop();
  await server.stop();
  await lab.remove();
});

const argsOf = (into: string, name: string, ...more: readonly string[]): string[] =>
  restoreBeside({ file, into, backup: () => backupOf(into).id, name }, more);

const counter = () => serversSince(cloud.fake.cloud.made);
const restores = (): number => cloud.fake.cloud.counts().begun['RESTORE_VOLUME'] ?? 0;

test('a new server has what the snapshot has, beside a live one that stays as it is', async () => {
  const since = counter();
  const name = nextName();
  const live = await captureAt(server, 'everything');
  const restored = await lab.json<RestoredBeside>(...argsOf('prd', name));
  expect(restored).toMatchObject({ phase: 'Succeeded', previous: [], newServer: { name, port: server.port } });
  expect(restored.newServer.host).not.toBe(server.host);
  const there = await captureAt({ ...server, host: restored.newServer.host }, 'everything');
  expect(differences(backupOf('prd').before, there)).toEqual([]);
  expect(differences(live, await captureAt(server, 'everything'))).toEqual([]);
  expect(since()).toEqual({ begun: 1, there: 1 });
  // The next backup takes it for nothing of its own.
  await lab.json('backup', '-f', file, '-e', 'prd');
  expect(since()).toEqual({ begun: 1, there: 1 });
});

/** Of the server that is made: Google works on it, and is held there. */
const inFlight = async (cli: RunningCli, name: string, operationType: string): Promise<void> => {
  const isAt = (each: FakeOperation): boolean =>
    each.instance.name === name && each.operationType === operationType && each.status === 'RUNNING';
  await waitFor(() => cloud.fake.cloud.operations.find(isAt), cli.ended);
  await sleep(Math.random() * 300);
};

test.each([
  ['CREATE', 'sql.instances.insert'],
  ['RESTORE_VOLUME', 'sql.instances.restoreBackup'],
] as const)(
  'a new server is one and restored once, though the step was killed at %s and an answer was lost',
  async (at, method) => {
    const since = counter();
    const before = restores();
    const name = nextName();
    weather.held = at;
    weather.lost.push({ method, times: 1 });
    const cli = lab.start(argsOf('prd', name, '--components', 'database'));
    await inFlight(cli, name, at);
    await killStep(cli, 'load-database');
    weather.held = false;
    const { status, stdout, stderr } = await cli.ended;
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(
      new RegExp(`the new server ${name} is at 127\\.\\S+:${server.port}; .*to switch over .*is yours`),
    );
    expect(since()).toEqual({ begun: 1, there: 1 });
    expect(restores() - before).toBe(1);
  },
);

test.each(['CREATE', 'RESTORE_VOLUME'])('a new server goes when the restore is told to stop at %s', async (at) => {
  const since = counter();
  const name = nextName();
  weather.held = at;
  const cli = lab.start(argsOf('prd', name));
  await inFlight(cli, name, at);
  cli.kill('SIGTERM');
  await sleep(500);
  weather.held = false;
  expect((await cli.ended).status).toBe(143);
  await expect.poll(since).toEqual({ begun: 1, there: 0 });
});

test('a new server that fails goes, and the restore says why; it needs these permissions and no others', async () => {
  const since = counter();
  const permissions = Object.keys(cloudSqlNewServerPermissions);
  weather.allowed = new Set(permissions);
  await lab.json<RestoredBeside>(...argsOf('prd', nextName()));
  weather.failures.push({ operationType: 'RESTORE_VOLUME', error: { code: 'ERROR_RDBMS', message: 'no luck' } });
  const before = cloud.fake.calls.length;
  const failed = await lab.cli(...argsOf('prd', nextName()));
  expect(errorLines(failed).at(-1)).toMatch(
    /^NEW_SERVER_FAILED: the new server failed: ERROR_RDBMS: no luck .*live server was not changed/,
  );
  expect(failed.status).toBe(70);
  await expect.poll(since).toEqual({ begun: 2, there: 1 });
  const used = new Set(cloud.fake.calls.slice(before).map((method) => methodPermissions[method]));
  expect(permissions.filter((permission) => !used.has(permission))).toEqual([]);
});

test('a new server that could not be removed is named, as what costs money', async () => {
  const since = counter();
  weather.failures.push({ operationType: 'CREATE', error: { code: 'ERROR_NETWORK', message: 'no addresses left' } });
  weather.missing.add('cloudsql.instances.delete');
  const result = await lab.cli(...argsOf('prd', nextName()), '--verbose');
  expect(errorLines(result).at(-1)).toMatch(
    /^NEW_SERVER_FAILED: the new server is FAILED: ERROR_NETWORK: no addresses/,
  );
  expect(result.stderr).toMatch(/the new server was not removed: permission cloudsql.instances.delete is missing/);
  expect(since()).toEqual({ begun: 1, there: 1 });
});

test('a new server cannot have the name of one that was deleted, and says for how long', async () => {
  const since = counter();
  const name = nextName();
  weather.failures.push({ operationType: 'RESTORE_VOLUME', error: { code: 'ERROR_RDBMS', message: 'no luck' } });
  await lab.cli(...argsOf('prd', name));
  await expect.poll(since).toEqual({ begun: 1, there: 0 });
  const result = await lab.cli(...argsOf('prd', name));
  expect(errorLines(result).at(-1)).toMatch(/^NAME_TAKEN: .*Google keeps that of a deleted instance for a week/);
  expect(result.status).toBe(78);
  expect(since()).toEqual({ begun: 1, there: 0 });
});

test.each<[string, () => string[], RegExp]>([
  ['a name that is taken', () => argsOf('prd', 'main'), /^NAME_TAKEN: main exists, and is not of this restore/],
  [
    'a backup without a snapshot',
    () => argsOf('bare', 'none'),
    /^SNAPSHOT_MISSING: .*has no snapshot.*databaseMode: swap/,
  ],
  [
    'a backup of another project',
    () => argsOf('elsewhere', 'none', '--source', 'prd', '--backup', backupOf('prd').id),
    /^SNAPSHOT_MISSING: projects\/retail-prd\/backups\/\S+ is no backup of the project retail-uat/,
  ],
])('a new server is refused for %s, before anything is done', async (_, args, line) => {
  const since = counter();
  await expectRefused(lab, { args: args(), line, since });
});

test('a new server is shown by a preview, which makes nothing', async () => {
  const since = counter();
  const files = await filesOf(lab.storage);
  const { stdout, status } = await lab.cli(...argsOf('prd', 'looked-at', '--preview'));
  expect(status).toBe(0);
  expect(stdout).toMatch(/new server looked-at of snapshot projects\/retail-prd\/backups\/\S+, beside the live one/);
  expect(stdout).toMatch(/of another moment than the dumps of this backup: its rows are not compared/);
  expect(since().begun).toBe(0);
  expect(await filesOf(lab.storage)).toEqual(files);
});
