// RDS in bad weather, and steps that die while it works: no second snapshot or server, and nothing left that costs money.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { fairWeather, type Weather } from '../fakes/rds/cloud.ts';
import { type RdsFake, startRdsFake } from '../fakes/rds/server.ts';
import type { FakeInstance } from '../fakes/rds/things.ts';
import { runPsql } from '../oracle/psql.ts';
import type { RunningCli } from '../support/cli.ts';
import { connectTo, createLab, environmentDocument, errorLines, type Lab, type Spec } from '../support/lab.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { descendantsOf, waitFor } from '../support/processes.ts';
import { killStep, stepOf } from '../support/running-step.ts';
import { clusterOf, instanceOf, rdsDatabase, rdsSecret } from '../support/rds.ts';

/** Of polls. */

let server: PostgresServer;
let fake: RdsFake;
let lab: Lab;
let main: FakeInstance;
let weather: Weather;
let file: string;
let aurora: string;

beforeAll(async () => {
  [server, lab] = await Promise.all([startPostgres(), createLab()]);
  main = instanceOf(server, 'main');
  const { cluster, writer } = clusterOf(server, 'aurora');
  fake = await startRdsFake({ instances: [main, writer], clusters: [cluster] });
  ({ weather } = fake.cloud);
  await runPsql(connectTo(server), 'CREATE DATABASE shop');
  await runPsql(connectTo(server, 'shop'), 'CREATE TABLE orders AS SELECT generate_series(1, 1000) AS id');
});

let storages = 0;
const write = async (more: Spec): Promise<string> => {
  const storage = await lab.library(`storage-${++storages}`, {});
  return lab.write(`faults-${storages}.yaml`, [
    environmentDocument('prd', {
      database: rdsDatabase(fake, server, more),
      storage: { url: `file://${storage}` },
    }),
    rdsSecret(server),
  ]);
};

beforeEach(async () => {
  Object.assign(weather, fairWeather());
  Object.assign(main, { status: 'available' });
  [file, aurora] = [await write({ instance: 'main' }), await write({ cluster: 'aurora' })];
});

/** What our client asks is what AWS describes. */
afterEach(() => {
  const [violation] = fake.violations.splice(0);
  if (violation !== undefined) throw new Error(violation);
});

afterAll(async () => {
  await fake.stop();
  await server.stop();
  await lab.remove();
});

/** What was begun since, and what is there more than then. */
const counter = () => {
  const before = fake.cloud.counts();
  return () => {
    const { begun, there } = fake.cloud.counts();
    return {
      snapshots: begun.snapshots - before.begun.snapshots,
      servers: begun.servers - before.begun.servers,
      left: { snapshots: there.snapshots - before.there.snapshots, servers: there.servers - before.there.servers },
    };
  };
};

const counterOf = (action: string) => {
  const before = fake.calls.length;
  return () => fake.calls.slice(before).filter((each) => each === action).length;
};

/** The service works on it, and the handle is written down or is about to be. */
const inFlight = async (cli: RunningCli, began: () => boolean): Promise<void> => {
  await waitFor(() => began() || undefined, cli.ended);
  await sleep(Math.random() * 300);
};

test.each([
  ['snapshot', 'snapshots', 'an instance'],
  ['dump', 'servers', 'an instance'],
  ['snapshot', 'snapshots', 'a cluster'],
  ['dump', 'servers', 'a cluster'],
] as const)(
  'a step %s that is killed in flight is followed by one that goes on with the same %s of %s',
  async (step, what, of) => {
    const since = counter();
    const cli = lab.start(['backup', '-f', of === 'a cluster' ? aurora : file, '--json']);
    if (step === 'dump')
      await waitFor(() => (since().snapshots === 1 && stepOf(cli, 'dump') ? true : undefined), cli.ended);
    weather.held = true;
    await inFlight(cli, () => since()[what] === 1);
    await killStep(cli, step);
    weather.held = false;
    const { status, stderr } = await cli.ended;
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
    await expect.poll(since).toEqual({ snapshots: 1, servers: 1, left: { snapshots: 1, servers: 0 } });
  },
);

test('answers that are lost lead to no second snapshot and no second server', async () => {
  const since = counter();
  for (const action of ['CreateDBSnapshot', 'RestoreDBInstanceFromDBSnapshot', 'DeleteDBInstance'])
    weather.lost.push({ action, times: 1 });
  await lab.json('backup', '-f', file);
  await expect.poll(since).toEqual({ snapshots: 1, servers: 1, left: { snapshots: 1, servers: 0 } });
});

test('a backup that is told to stop leaves no snapshot, no server and no file', async () => {
  const deletions = counterOf('DeleteDBInstance');
  const since = counter();
  const cli = lab.start(['backup', '-f', file]);
  await waitFor(() => (since().snapshots === 1 && stepOf(cli, 'dump') ? true : undefined), cli.ended);
  weather.held = true;
  await inFlight(cli, () => since().servers === 1);
  cli.kill('SIGTERM');
  // The cleaner comes before the server can be deleted, and stays.
  await waitFor(() => (deletions() > 0 ? true : undefined), cli.ended);
  weather.held = false;
  expect((await cli.ended).status).toBe(143);
  await expect.poll(since).toEqual({ snapshots: 1, servers: 1, left: { snapshots: 0, servers: 0 } });
  expect(await lab.json('list', '-f', file)).toMatchObject({ backups: [] });
});

test.each(['an instance', 'a cluster'])(
  'what a run of %s left that died without its clean-up goes with the next run',
  async (of) => {
    const since = counter();
    const wanted = of === 'a cluster' ? aurora : file;
    const cli = lab.start(['backup', '-f', wanted]);
    await waitFor(() => (since().snapshots === 1 && stepOf(cli, 'dump') ? true : undefined), cli.ended);
    weather.held = true;
    await inFlight(cli, () => since().servers === 1);
    const steps = descendantsOf(cli.pid);
    cli.kill('SIGKILL');
    for (const { pid } of steps) process.kill(pid, 'SIGKILL');
    await cli.ended;
    weather.held = false;
    // The orphan becomes a server of its own.
    await sleep(1500);
    await lab.json('backup', '-f', wanted);
    await expect.poll(since).toEqual({ snapshots: 2, servers: 2, left: { snapshots: 1, servers: 0 } });
  },
);

test('an orphan of somebody else stays, and one whose run is sealed is not looked for', async () => {
  const snapshot = fake.cloud.snapshot(main, {
    id: 'of-another',
    tags: [{ Key: 'lc2-backup', Value: 'lc2-backup retail-uat-backup-1' }],
  });
  await expect.poll(() => snapshot.status).toBe('available');
  await lab.json('backup', '-f', file);
  expect(fake.cloud.snapshots).toContain(snapshot);
});

test('a server that cannot be deleted fails the backup, and the cleaner tries again', async () => {
  const since = counter();
  weather.answers.push({ action: 'DeleteDBInstance', status: 403, code: 'AccessDenied', times: 1 });
  const result = await lab.cli('backup', '-f', file);
  expect(errorLines(result).at(-1)).toMatch(/^SERVICE_DENIED: .*temporary server could not be deleted/);
  expect(result.status).toBe(78);
  await expect.poll(since).toEqual({ snapshots: 1, servers: 1, left: { snapshots: 0, servers: 0 } });
});

test('a cleaner that may not delete either leaves the records, by which the next run’s sweep finds what is left', async () => {
  const since = counter();
  weather.missing.add('rds:DeleteDBInstance').add('rds:DeleteDBSnapshot');
  expect((await lab.cli('backup', '-f', file)).status).toBe(78);
  expect(since().left).toEqual({ snapshots: 1, servers: 1 });
  weather.missing.clear();
  await lab.json('backup', '-f', file);
  await expect.poll(since).toEqual({ snapshots: 2, servers: 2, left: { snapshots: 1, servers: 0 } });
});

test('an instance that is being changed is waited for', async () => {
  const since = counter();
  const asked = counterOf('CreateDBSnapshot');
  main.status = 'modifying';
  const cli = lab.start(['backup', '-f', file]);
  await waitFor(() => (asked() > 1 ? true : undefined), cli.ended);
  expect(since().snapshots).toBe(0);
  main.status = 'available';
  expect((await cli.ended).status).toBe(0);
});

test.each<[string, () => void, number, RegExp]>([
  ['a stopped instance', () => (main.status = 'stopped'), 78, /^SERVICE_NOT_READY: .*is stopped/],
  ['a full quota of snapshots', () => (weather.quotas.snapshots = 0), 78, /^SERVICE_QUOTA: /],
  ['a full quota of instances', () => (weather.quotas.instances = 0), 78, /^SERVICE_QUOTA: /],
  ['a snapshot that fails', () => weather.snapshots.push('failed'), 70, /^SNAPSHOT_FAILED: .*is failed/],
  [
    'a temporary server that fails',
    () => weather.restores.push('incompatible-restore'),
    70,
    /^TEMPORARY_SERVER_FAILED: .*is incompatible-restore/,
  ],
  [
    'no permission to snapshot',
    () => weather.missing.add('rds:CreateDBSnapshot'),
    78,
    /^SERVICE_DENIED: .*rds:CreateDBSnapshot/,
  ],
  [
    'no permission to restore',
    () => weather.missing.add('rds:RestoreDBInstanceFromDBSnapshot'),
    78,
    /^SERVICE_DENIED: .*rds:RestoreDBInstanceFromDBSnapshot/,
  ],
  [
    'no permission to tag',
    () => weather.missing.add('rds:AddTagsToResource'),
    78,
    /^SERVICE_DENIED: .*rds:AddTagsToResource/,
  ],
])('%s ends the backup with one clear line, and leaves nothing', async (_, upset, status, line) => {
  const since = counter();
  upset();
  const result = await lab.cli('backup', '-f', file);
  expect(errorLines(result).at(-1)).toMatch(line);
  expect(result.status).toBe(status);
  await expect.poll(() => since().left).toEqual({ snapshots: 0, servers: 0 });
  expect(await lab.json('list', '-f', file)).toMatchObject({ backups: [] });
});

test('a server that is never available costs no more than its deadline', async () => {
  const deletions = counterOf('DeleteDBInstance');
  const late = await write({ instance: 'main', temporary: { deadline: '3s' } });
  const since = counter();
  const cli = lab.start(['backup', '-f', late]);
  await waitFor(() => (since().snapshots === 1 && stepOf(cli, 'dump') ? true : undefined), cli.ended);
  weather.held = true;
  await waitFor(() => (deletions() > 0 ? true : undefined), cli.ended);
  weather.held = false;
  const result = await cli.ended;
  expect(errorLines(result).at(-1)).toMatch(/^TEMPORARY_SERVER_FAILED: .*in time/);
  expect(result.status).toBe(70);
  await expect.poll(() => since().left).toEqual({ snapshots: 0, servers: 0 });
});
