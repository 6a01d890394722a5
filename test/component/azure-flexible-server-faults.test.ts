// Azure in bad weather, and steps that die while it works: no second backup or server, and nothing left that costs money.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { fairWeather, type Weather } from '../fakes/azure-arm/cloud.ts';
import { runPsql } from '../oracle/psql.ts';
import { type AzureLab, azureDatabase, azureSecret, startAzureLab } from '../support/azure.ts';
import type { RunningCli } from '../support/cli.ts';
import { connectTo, createLab, environmentDocument, errorLines, type Lab, type Spec } from '../support/lab.ts';
import { descendantsOf, waitFor } from '../support/processes.ts';
import { killStep, stepOf } from '../support/running-step.ts';

/** Of polls. */

let azure: AzureLab;
let lab: Lab;
let weather: Weather;
let file: string;

beforeAll(async () => {
  azure = await startAzureLab();
  lab = await createLab(azure.env);
  ({ weather } = azure.fake.cloud);
  await runPsql(connectTo(azure.server), 'CREATE DATABASE shop');
  await runPsql(connectTo(azure.server, 'shop'), 'CREATE TABLE orders AS SELECT generate_series(1, 1000) AS id');
});

let storages = 0;
const write = async (more: Spec): Promise<string> => {
  const storage = await lab.library(`storage-${++storages}`, {});
  return lab.write(`faults-${storages}.yaml`, [
    environmentDocument('prd', { database: azureDatabase(azure, more), storage: { url: `file://${storage}` } }),
    azureSecret(azure),
  ]);
};

const both = { dumpFrom: 'point', temporary: { logDelay: '1s' }, snapshot: { enabled: true } } as const;

beforeEach(async () => {
  await azure.fake.cloud.clear();
  Object.assign(weather, fairWeather());
  Object.assign(azure.main, { state: 'Ready' });
  file = await write(both);
});

/** What our client asks is what Microsoft describes. */
afterEach(() => {
  weather.held = false;
  const [violation] = azure.fake.violations.splice(0);
  if (violation !== undefined) throw new Error(violation);
});

afterAll(async () => {
  await azure.stop();
  await lab.remove();
});

/** What was begun since, and what is there more than then. */
const counter = () => {
  const before = azure.fake.cloud.counts();
  return () => {
    const { begun, there } = azure.fake.cloud.counts();
    return {
      snapshots: begun.snapshots - before.begun.snapshots,
      servers: begun.servers - before.begun.servers,
      left: { snapshots: there.snapshots - before.there.snapshots, servers: there.servers - before.there.servers },
    };
  };
};

const counterOf = (call: string) => {
  const before = azure.fake.calls.length;
  return () => azure.fake.calls.slice(before).filter((each) => each === call).length;
};

/** The service works on it, and the handle is written down or is about to be. */
const inFlight = async (cli: RunningCli, began: () => boolean): Promise<void> => {
  await waitFor(() => began() || undefined, cli.ended);
  await sleep(Math.random() * 300);
};

/** Its backup is made, and its server is not begun. */
const beforeServer = (cli: RunningCli, since: ReturnType<typeof counter>): Promise<unknown> =>
  waitFor(() => (since().left.snapshots === 1 && stepOf(cli, 'dump') ? true : undefined), cli.ended);

test.each([
  ['snapshot', 'snapshots', 'in flight'],
  ['dump', 'servers', 'in flight'],
  ['snapshot', 'snapshots', 'as soon as it asked'],
  ['dump', 'servers', 'as soon as it asked'],
] as const)(
  'a step %s that is killed is followed by one that goes on with the same %s (%s)',
  async (step, what, when) => {
    const since = counter();
    const cli = lab.start(['backup', '-f', file, '--json']);
    if (step === 'dump') await beforeServer(cli, since);
    weather.held = true;
    if (when === 'in flight') await inFlight(cli, () => since()[what] === 1);
    else await waitFor(() => since()[what] === 1 || undefined, cli.ended);
    await killStep(cli, step);
    weather.held = false;
    const { status, stderr } = await cli.ended;
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
    await expect.poll(since).toEqual({ snapshots: 1, servers: 1, left: { snapshots: 1, servers: 0 } });
  },
);

test('answers that are lost lead to no second backup and no second server', async () => {
  const since = counter();
  for (const call of ['backups.create', 'servers.create', 'servers.delete']) weather.lost.push({ call, times: 1 });
  await lab.json('backup', '-f', file);
  await expect.poll(since).toEqual({ snapshots: 1, servers: 1, left: { snapshots: 1, servers: 0 } });
});

test.each([
  ['snapshot', 'backups.delete'],
  ['dump', 'servers.delete'],
] as const)('a backup that is told to stop in %s leaves no backup, no server and no file', async (step, call) => {
  const deletions = counterOf(call);
  const since = counter();
  const cli = lab.start(['backup', '-f', file]);
  if (step === 'dump') await beforeServer(cli, since);
  weather.held = true;
  await inFlight(cli, () => since()[step === 'dump' ? 'servers' : 'snapshots'] === 1);
  cli.kill('SIGTERM');
  // The cleaner comes before anything can be deleted, and stays; what shows nowhere it knows by its operation.
  if (step === 'dump') await waitFor(() => (deletions() > 0 ? true : undefined), cli.ended);
  else await sleep(1500);
  weather.held = false;
  expect((await cli.ended).status).toBe(143);
  await expect.poll(() => since().left).toEqual({ snapshots: 0, servers: 0 });
  expect(await lab.json('list', '-f', file)).toMatchObject({ backups: [] });
});

test.each(['snapshot', 'dump'] as const)(
  'what a run left that died in %s without its clean-up goes with the next run',
  async (step) => {
    const since = counter();
    const cli = lab.start(['backup', '-f', file]);
    if (step === 'dump') await beforeServer(cli, since);
    weather.held = true;
    await inFlight(cli, () => since()[step === 'dump' ? 'servers' : 'snapshots'] === 1);
    const steps = descendantsOf(cli.pid);
    cli.kill('SIGKILL');
    for (const { pid } of steps) process.kill(pid, 'SIGKILL');
    await cli.ended;
    weather.held = false;
    // The orphan becomes a server of its own.
    await sleep(1500);
    await lab.json('backup', '-f', file);
    const begun = step === 'dump' ? { snapshots: 2, servers: 2 } : { snapshots: 2, servers: 1 };
    await expect.poll(since).toEqual({ ...begun, left: { snapshots: 1, servers: 0 } });
  },
);

test('a server that cannot be deleted fails the backup, and the cleaner tries again', async () => {
  const since = counter();
  weather.answers.push({ call: 'servers.delete', status: 403, code: 'AuthorizationFailed', times: 1 });
  const result = await lab.cli('backup', '-f', file);
  expect(errorLines(result).at(-1)).toMatch(/^SERVICE_DENIED: .*temporary server could not be deleted/);
  expect(result.status).toBe(78);
  await expect.poll(since).toEqual({ snapshots: 1, servers: 1, left: { snapshots: 0, servers: 0 } });
});

test('a cleaner that may not delete either leaves the records, by which the next run’s sweep finds what is left', async () => {
  const since = counter();
  for (const what of ['flexibleServers/delete', 'flexibleServers/backups/delete'])
    weather.missing.add(`Microsoft.DBforPostgreSQL/${what}`);
  expect((await lab.cli('backup', '-f', file)).status).toBe(78);
  expect(since().left).toEqual({ snapshots: 1, servers: 1 });
  weather.missing.clear();
  await lab.json('backup', '-f', file);
  await expect.poll(since).toEqual({ snapshots: 2, servers: 2, left: { snapshots: 1, servers: 0 } });
});

test('a server that is being changed is waited for', async () => {
  const since = counter();
  const asked = counterOf('backups.create');
  azure.main.state = 'Updating';
  const cli = lab.start(['backup', '-f', file]);
  await waitFor(() => (asked() > 1 ? true : undefined), cli.ended);
  expect(since().snapshots).toBe(0);
  azure.main.state = 'Ready';
  expect((await cli.ended).status).toBe(0);
});

const failure = { code: 'Whatever', message: 'It went wrong.' };
const deny = (what: string): void => void weather.missing.add(`Microsoft.DBforPostgreSQL/${what}`);

test.each<[string, () => void, number, RegExp]>([
  ['a stopped server', () => (azure.main.state = 'Stopped'), 78, /^SERVICE_NOT_READY: .*is Stopped/],
  ['seven on-demand backups', () => (weather.quotas.backups = 0), 78, /^SERVICE_QUOTA: .*LimitOfBackupsReached/],
  ['a full quota of servers', () => (weather.quotas.servers = 0), 78, /^SERVICE_QUOTA: /],
  ['a backup that fails', () => weather.backups.push(failure), 70, /^SNAPSHOT_FAILED: .*Whatever: It went wrong/],
  ['a server that fails', () => weather.restores.push(failure), 70, /^TEMPORARY_SERVER_FAILED: .*Whatever: It went/],
  ['no permission to back up', () => deny('flexibleServers/backups/write'), 78, /^SERVICE_DENIED: .*backups\/write/],
  ['no permission to restore', () => deny('flexibleServers/write'), 78, /^SERVICE_DENIED: .*flexibleServers\/write/],
])('%s ends the backup with one clear line, and leaves nothing', async (_, upset, status, line) => {
  const since = counter();
  upset();
  const result = await lab.cli('backup', '-f', file);
  expect(errorLines(result).at(-1)).toMatch(line);
  expect(result.status).toBe(status);
  await expect.poll(() => since().left).toEqual({ snapshots: 0, servers: 0 });
  expect(await lab.json('list', '-f', file)).toMatchObject({ backups: [] });
});

test('a server that is never ready costs no more than its deadline', async () => {
  const deletions = counterOf('servers.delete');
  const late = await write({ ...both, snapshot: { enabled: false }, temporary: { logDelay: '1s', deadline: '6s' } });
  const since = counter();
  weather.held = true;
  const cli = lab.start(['backup', '-f', late]);
  await waitFor(() => (deletions() > 0 ? true : undefined), cli.ended);
  weather.held = false;
  const result = await cli.ended;
  expect(errorLines(result).at(-1)).toMatch(/^TEMPORARY_SERVER_FAILED: .*in time/);
  expect(result.status).toBe(70);
  await expect.poll(() => since().left).toEqual({ snapshots: 0, servers: 0 });
});
