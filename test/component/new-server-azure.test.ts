// Restores into new flexible servers: Azure makes them as of the point of the backup, the live one stays as it is, and the oracle
// compares what is on them with the source at that moment.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { flexibleServerPermissions } from '../../core/permissions/services.ts';
import { fairWeather, type Weather } from '../fakes/azure-arm/cloud.ts';
import { differences } from '../oracle/compare.ts';
import { runPsql } from '../oracle/psql.ts';
import { seedEverything, seedRoles } from '../oracle/seed/everything.ts';
import { type AzureLab, azureDatabase, azureSecret, startAzureLab } from '../support/azure.ts';
import {
  captureAt,
  connectTo,
  createLab,
  environmentDocument,
  errorLines,
  type Lab,
  type Sealed,
  type Spec,
} from '../support/lab.ts';
import {
  expectRefused,
  inFlight,
  keepBackups,
  nextName,
  type RestoredBeside,
  restoreBeside,
  serversSince,
} from '../support/new-servers.ts';
import { killStep } from '../support/running-step.ts';

/** Of polls. */

const environments: Readonly<Record<string, Spec>> = {
  prd: { dumpFrom: 'point', temporary: { logDelay: '1s' } },
  live: { temporary: { logDelay: '1s' } },
  uat: { server: 'uat' },
};

let azure: AzureLab;
let lab: Lab;
let weather: Weather;
let file: string;
/** A moment before a table of that name was made. */
let recent: number;
/** By environment: its backup, and what was in the database then. */
const backups = keepBackups();
const backupOf = backups.of;

const change = (sql: string): Promise<unknown> => runPsql(connectTo(azure.server, 'everything'), sql);

const backUp = async (name: string): Promise<void> => {
  const before = await captureAt(azure.server, 'everything');
  const { backupId: id } = await lab.json<Sealed>('backup', '-f', file, '-e', name);
  backups.keep(name, { id, before });
  // What comes later is on no new server, whole seconds after.
  await sleep(1100);
  await change(`CREATE TABLE after_${name} AS SELECT 1 AS one`);
};

beforeAll(async () => {
  azure = await startAzureLab();
  lab = await createLab(azure.env);
  ({ weather } = azure.fake.cloud);
  await seedRoles(connectTo(azure.server));
  await runPsql(connectTo(azure.server), 'CREATE DATABASE everything TEMPLATE template0');
  await seedEverything(connectTo(azure.server, 'everything'), { eventTriggers: true });
  // Nothing that is restored holds their rows: a server that recovers empties them.
  await change('TRUNCATE app.unlogged');
  // The log has sequences some values ahead, until they are set.
  await change(
    `SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, last_value) FROM pg_sequences WHERE last_value IS NOT NULL`,
  );
  const documents = await lab.library('documents', { 'a/1': 'one' });
  const shared = {
    objectStores: [{ name: 'documents', url: `file://${documents}` }],
    storage: { url: `file://${lab.storage}` },
  };
  const all = Object.entries(environments).map(([name, more]) =>
    environmentDocument(name, { database: azureDatabase(azure, more), ...shared }),
  );
  file = await lab.write('environments.yaml', [...all, azureSecret(azure)]);
  recent = Date.now();
  await change('CREATE TABLE app.recent AS SELECT 1 AS one');
  for (const name of ['prd', 'live']) await backUp(name);
  await change('DROP SCHEMA app CASCADE');
});

beforeEach(() => void Object.assign(weather, fairWeather()));

/** What our client asks is what Microsoft describes. */
afterEach(() => {
  const [violation] = azure.fake.violations.splice(0);
  if (violation !== undefined) throw new Error(violation);
});

afterAll(async () => {
  await azure.stop();
  await lab.remove();
});

const argsOf = (into: string, name: string, ...more: readonly string[]): string[] =>
  restoreBeside({ file, into, backup: () => backupOf(into).id, name }, more);

const counter = () => serversSince(azure.fake.cloud);

test('a new server has what there was at the point, beside a live one that stays as it is, and needs these roles', async () => {
  const since = counter();
  const name = nextName();
  const live = await captureAt(azure.server, 'everything');
  const roles = Object.keys(flexibleServerPermissions.temporary);
  const before = azure.fake.actions.length;
  weather.allowed = new Set(roles);
  const restored = await lab.json<RestoredBeside>(...argsOf('prd', name));
  expect(restored).toMatchObject({ phase: 'Succeeded', previous: [], newServer: { name } });
  const there = await captureAt({ ...azure.server, host: restored.newServer.host }, 'everything');
  expect(differences(backupOf('prd').before, there)).toEqual([]);
  expect(differences(live, await captureAt(azure.server, 'everything'))).toEqual([]);
  expect(since()).toEqual({ begun: 1, there: 1 });
  weather.restores.push({ code: 'RestoreFailed', message: 'no luck' });
  const failed = await lab.cli(...argsOf('prd', nextName()));
  expect(errorLines(failed).at(-1)).toMatch(/^NEW_SERVER_FAILED: the new server failed: RestoreFailed/);
  await expect.poll(since).toEqual({ begun: 2, there: 1 });
  const used = new Set(azure.fake.actions.slice(before));
  expect(roles.filter((action) => !used.has(action))).toEqual([]);
});

test('a new server is one, though the step was killed in flight and an answer was lost', async () => {
  const since = counter();
  weather.held = true;
  weather.lost.push({ call: 'servers.create', times: 1 });
  const cli = lab.start(argsOf('prd', nextName(), '--components', 'database'));
  await inFlight(cli, since);
  await killStep(cli, 'load-database');
  weather.held = false;
  const { status, stderr } = await cli.ended;
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
  expect(since()).toEqual({ begun: 1, there: 1 });
});

test('a new server goes when the restore is told to stop', async () => {
  const since = counter();
  weather.held = true;
  const cli = lab.start(argsOf('prd', nextName()));
  await inFlight(cli, since);
  cli.kill('SIGTERM');
  await sleep(500);
  weather.held = false;
  expect((await cli.ended).status).toBe(143);
  await expect.poll(since).toEqual({ begun: 1, there: 0 });
});

test('a new server goes when it is not as far as it was asked for', async () => {
  const since = counter();
  const { points } = await lab.json<{ readonly points: readonly { readonly time: string }[] }>(
    'show',
    backupOf('prd').id,
    '-f',
    file,
    '-e',
    'prd',
  );
  weather.behind = new Date(points[0]?.time ?? '').getTime() - recent;
  const result = await lab.cli(...argsOf('prd', nextName()));
  expect(errorLines(result).at(-1)).toMatch(/^RESTORE_DIFFERS: table app.recent has no rows instead of 1/);
  expect(result.status).toBe(70);
  await expect.poll(since).toEqual({ begun: 1, there: 0 });
});

test('a new server of a backup with dumps of the live server is not held against them', async () => {
  const { stdout } = await lab.cli(...argsOf('live', nextName(), '--preview'));
  expect(stdout).toMatch(/of another moment than the dumps of this backup: its rows are not compared/);
  await lab.json<RestoredBeside>(...argsOf('live', nextName()));
});

test.each<[string, () => string[], RegExp]>([
  ['a name that is taken', () => argsOf('prd', 'main'), /^NAME_TAKEN: main exists, and is not of this restore/],
  [
    'a backup of another server',
    () => argsOf('uat', 'other', '--source', 'prd', '--backup', backupOf('prd').id),
    /^SNAPSHOT_MISSING: .*is of the server \S+\/main, and the target is \S+\/uat.*databaseMode: swap/,
  ],
])('a new server is refused for %s, before anything is done', async (_, args, line) => {
  const since = counter();
  await expectRefused(lab, { args: args(), line, since });
});

test('a new server is shown by a preview, which makes nothing', async () => {
  const since = counter();
  const { stdout, status } = await lab.cli(...argsOf('prd', 'looked-at', '--preview'));
  expect(status).toBe(0);
  expect(stdout).toMatch(/new server looked-at of the live server at \S+\.000Z, beside the live one/);
  expect(stdout).not.toMatch(/are not compared/);
  expect(since().begun).toBe(0);
});
