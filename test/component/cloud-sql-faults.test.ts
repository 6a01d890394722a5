// A cloud in bad weather, and steps that die while it works: no second snapshot, export or import, and nothing left over.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { fairWeather, type Weather } from '../fakes/cloud-sql/cloud.ts';
import type { FakeInstance, FakeOperation } from '../fakes/cloud-sql/instances.ts';
import { runPsql } from '../oracle/psql.ts';
import { type CloudLab, instanceOf, startCloudLab } from '../support/cloud-sql.ts';
import type { RunningCli } from '../support/cli.ts';
import {
  connectTo,
  createLab,
  databaseSecret,
  environmentDocument,
  errorLines,
  type Lab,
  type Spec,
} from '../support/lab.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { descendantsOf, waitFor } from '../support/processes.ts';
import { killStep } from '../support/running-step.ts';

let server: PostgresServer;
let cloud: CloudLab;
let lab: Lab;
let main: FakeInstance;
let weather: Weather;
let file: string;

beforeAll(async () => {
  [server, lab] = await Promise.all([startPostgres(), createLab()]);
  main = instanceOf(server, 'main');
  cloud = await startCloudLab([main]);
  ({ weather } = cloud.fake.cloud);
  await runPsql(connectTo(server), 'CREATE DATABASE shop');
  await runPsql(connectTo(server, 'shop'), 'CREATE TABLE orders AS SELECT generate_series(1, 1000) AS id');
});

let buckets = 0;
beforeEach(async () => {
  Object.assign(weather, fairWeather());
  Object.assign(main, { state: 'RUNNABLE', activationPolicy: 'ALWAYS' });
  const bucket = `backups-${++buckets}`;
  await cloud.bucket(bucket);
  const environment = environmentDocument('prd', {
    database: cloud.database(server, 'main'),
    storage: cloud.storage(bucket),
  });
  file = await lab.write('faults.yaml', [environment, databaseSecret(server)]);
});

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

/** What was begun since. */
const counter = () => {
  const before = cloud.fake.cloud.counts();
  return (): Spec => {
    const { begun, backups } = cloud.fake.cloud.counts();
    const since = Object.entries(begun).map(([type, count]) => [type, count - (before.begun[type] ?? 0)] as const);
    return { ...Object.fromEntries(since.filter(([, count]) => count > 0)), backups: backups - before.backups };
  };
};

const running = (type: string): FakeOperation | undefined =>
  cloud.fake.cloud.operations.find(({ operationType, status }) => operationType === type && status === 'RUNNING');

/** Kills the step while the cloud works for it, and lets the cloud go on when the next attempt has come. */
const killInFlight = async (
  cli: RunningCli,
  step: string,
  { type, signal = 'SIGKILL' }: { readonly type: string; readonly signal?: NodeJS.Signals },
): Promise<void> => {
  await waitFor(() => running(type), cli.ended);
  // The handle is written down, or is about to be.
  await sleep(Math.random() * 300);
  await killStep(cli, step, signal);
  weather.held = false;
};

test.each([
  ['snapshot', 'BACKUP_VOLUME'],
  ['export', 'EXPORT'],
] as const)(
  'a step %s that is killed in flight is followed by one that goes on with the same work',
  async (step, type) => {
    const since = counter();
    const cli = lab.start(['backup', '-f', file, '--json']);
    if (step === 'export') await waitFor(() => (since()['BACKUP_VOLUME'] === 1 ? true : undefined), cli.ended);
    weather.held = true;
    await killInFlight(cli, step, { type });
    const { status, stderr } = await cli.ended;
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
    expect(since()).toEqual({ BACKUP_VOLUME: 1, EXPORT: 1, backups: 1 });
  },
);

test('a step that is killed while the cloud imports is followed by one that goes on with the same import', async () => {
  await lab.json('backup', '-f', file);
  await runPsql(connectTo(server, 'shop'), 'DELETE FROM orders WHERE id > 10');
  const since = counter();
  weather.held = true;
  const cli = lab.start(['restore', '-f', file, '--backup', 'latest', '--confirm', 'prd', '--json']);
  await killInFlight(cli, 'load-database', { type: 'IMPORT' });
  const { status, stderr } = await cli.ended;
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
  expect(since()).toEqual({ IMPORT: 1, backups: 0 });
  expect((await runPsql(connectTo(server, 'shop'), 'SELECT count(*) FROM orders')).trim()).toBe('1000');
});

test('a step whose pod is taken away, while its run goes on, gives up neither export nor import', async () => {
  const since = counter();
  const backup = lab.start(['backup', '-f', file, '--json']);
  await waitFor(() => (since()['BACKUP_VOLUME'] === 1 ? true : undefined), backup.ended);
  weather.held = true;
  await killInFlight(backup, 'export', { type: 'EXPORT', signal: 'SIGTERM' });
  expect((await backup.ended).status).toBe(0);
  weather.held = true;
  const restore = lab.start(['restore', '-f', file, '--backup', 'latest', '--confirm', 'prd', '--json']);
  await killInFlight(restore, 'load-database', { type: 'IMPORT', signal: 'SIGTERM' });
  expect((await restore.ended).status).toBe(0);
  expect(since()).toEqual({ BACKUP_VOLUME: 1, EXPORT: 1, IMPORT: 1, backups: 1 });
  expect(cloud.fake.cloud.operations.slice(0, 2).map(({ errors }) => errors)).toEqual([undefined, undefined]);
});

test('answers that are lost lead to no second snapshot and no second export', async () => {
  const since = counter();
  weather.lost.push({ method: 'sql.Backups.CreateBackup', times: 1 }, { method: 'sql.instances.export', times: 1 });
  await lab.json('backup', '-f', file);
  expect(since()).toEqual({ BACKUP_VOLUME: 1, EXPORT: 1, backups: 1 });
});

test('what Google interrupts itself is asked for again, under a new name', async () => {
  const error = { code: 'INTERNAL_ERROR', message: 'try later' };
  weather.failures.push({ operationType: 'EXPORT', error }, { operationType: 'BACKUP_VOLUME', error });
  await lab.json('backup', '-f', file);
  const uris = cloud.fake.cloud.operations.slice(0, 2).map(({ exportContext }) => exportContext?.['uri']);
  expect(new Set(uris).size).toBe(2);
});

test('a backup that is told to stop gives its export up and leaves no snapshot and no file', async () => {
  const since = counter();
  const cli = lab.start(['backup', '-f', file]);
  await waitFor(() => (since()['BACKUP_VOLUME'] === 1 ? true : undefined), cli.ended);
  weather.held = true;
  await waitFor(() => running('EXPORT'), cli.ended);
  cli.kill('SIGTERM');
  expect((await cli.ended).status).toBe(143);
  expect(running('EXPORT')).toBeUndefined();
  weather.held = false;
  await expect.poll(() => since()).toEqual({ BACKUP_VOLUME: 1, DELETE_BACKUP: 1, backups: 0 });
  expect(await lab.json('list', '-f', file)).toMatchObject({ backups: [] });
});

test('an export that is given up too late leaves no file either', async () => {
  const database = cloud.database(server, 'main', { snapshot: { enabled: false } });
  const storage = cloud.storage(`backups-${buckets}`);
  file = await lab.write('late.yaml', [environmentDocument('prd', { database, storage }), databaseSecret(server)]);
  Object.assign(weather, { held: true, late: true });
  const cli = lab.start(['backup', '-f', file]);
  const exported = await waitFor(() => running('EXPORT'), cli.ended);
  if (!exported) throw new Error('no export');
  cli.kill('SIGTERM');
  // By the cleaner, which goes on meanwhile, or waits.
  await waitFor(() => (exported.cancels > 0 ? true : undefined), cli.ended);
  await Promise.race([cli.ended, sleep(3000)]);
  weather.held = false;
  expect((await cli.ended).status).toBe(143);
  await expect.poll(() => exported.status).toBe('DONE');
  expect(exported.errors).toBeUndefined();
  expect(await lab.json('list', '-f', file)).toMatchObject({ backups: [] });
});

test('the snapshot of a run that died without its clean-up goes with the next run', async () => {
  const since = counter();
  weather.slow = 300;
  const cli = lab.start(['backup', '-f', file]);
  await waitFor(() => (since()['BACKUP_VOLUME'] === 1 ? true : undefined), cli.ended);
  weather.held = true;
  await waitFor(() => running('EXPORT'), cli.ended);
  const steps = descendantsOf(cli.pid);
  cli.kill('SIGKILL');
  for (const { pid } of steps) process.kill(pid, 'SIGKILL');
  await cli.ended;
  weather.held = false;
  await lab.json('backup', '-f', file);
  expect(since()).toEqual({ BACKUP_VOLUME: 2, EXPORT: 2, DELETE_BACKUP: 1, backups: 1 });
});

test('a cleaner that may not delete leaves the records, by which the next run’s sweep finds the snapshot', async () => {
  const since = counter();
  weather.missing.add('cloudsql.backupRuns.delete');
  weather.failures.push({ operationType: 'EXPORT', error: { code: 'ERROR_RDBMS', message: 'disk full' } });
  const result = await lab.cli('backup', '-f', file);
  expect(errorLines(result).at(-1)).toMatch(/^EXPORT_FAILED: /);
  expect(since()).toEqual({ BACKUP_VOLUME: 1, backups: 1 });
  weather.missing.clear();
  await lab.json('backup', '-f', file);
  await expect.poll(since).toEqual({ BACKUP_VOLUME: 2, EXPORT: 1, DELETE_BACKUP: 1, backups: 1 });
});

test('an operation of somebody else is waited for', async () => {
  weather.slow = 2_000;
  const uri = `gs://backups-${buckets}/other.sql.gz`;
  cloud.fake.cloud.submit({ instance: main, type: 'EXPORT', context: { uri }, database: 'shop', uri });
  weather.slow = 0;
  const since = counter();
  await lab.json('backup', '-f', file);
  expect(since()).toMatchObject({ BACKUP_VOLUME: 1, backups: 1 });
});

test.each<[string, () => void, number, RegExp]>([
  ['a stopped instance', () => (main.activationPolicy = 'NEVER'), 78, /^SERVICE_NOT_READY: /],
  [
    'no permission to snapshot',
    () => weather.missing.add('cloudsql.backupRuns.create'),
    78,
    /^SERVICE_DENIED: .*backupRuns\.create/,
  ],
  [
    'no permission to export',
    () => weather.missing.add('cloudsql.instances.export'),
    78,
    /^SERVICE_DENIED: .*instances\.export/,
  ],
  [
    'no permission to look',
    () => weather.missing.add('cloudsql.instances.get'),
    78,
    /^SERVICE_DENIED: .*instances\.get/,
  ],
  [
    'a bucket that is not the instance’s',
    () => weather.forbidden.add(`${main.serviceAccount} backups-${buckets}`),
    70,
    /^EXPORT_FAILED: .*does not have the required permissions/,
  ],
  [
    'an export that fails',
    () => weather.failures.push({ operationType: 'EXPORT', error: { code: 'ERROR_RDBMS', message: 'disk full' } }),
    70,
    /^EXPORT_FAILED: .*disk full/,
  ],
])('%s ends the backup with one clear line, and leaves nothing', async (_, upset, status, line) => {
  const since = counter();
  upset();
  const result = await lab.cli('backup', '-f', file);
  expect(errorLines(result).at(-1)).toMatch(line);
  expect(result.status).toBe(status);
  expect(since()['backups']).toBe(0);
  expect(await lab.json('list', '-f', file)).toMatchObject({ backups: [] });
});
