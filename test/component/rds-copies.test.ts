// Backups of RDS whose snapshots are copied to another (fake) region after the seal: once, whatever happens, and gone with the backup.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { rdsCopyStatements, rdsStatements } from '../../core/permissions/services.ts';
import { fairWeather, type Weather } from '../fakes/rds/cloud.ts';
import { type RdsFake, startRdsFake } from '../fakes/rds/server.ts';
import { region } from '../fakes/rds/things.ts';
import { runPsql } from '../oracle/psql.ts';
import {
  connectTo,
  createLab,
  environmentDocument,
  errorLines,
  type Lab,
  type Sealed,
  type Spec,
} from '../support/lab.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { waitFor } from '../support/processes.ts';
import { clusterOf, elsewhere, instanceOf, keyOf, rdsDatabase, rdsSecret, restoreThere } from '../support/rds.ts';
import { killStep } from '../support/running-step.ts';

let server: PostgresServer;
let here: RdsFake;
let there: RdsFake;
let lab: Lab;
let weather: Weather;
let file: string;

interface Copied extends Sealed {
  readonly copies: readonly { readonly name: string; readonly url: string }[];
}

beforeAll(async () => {
  [server, lab] = await Promise.all([startPostgres(), createLab()]);
  const { cluster, writer } = clusterOf(server, 'aurora');
  const main = instanceOf(server, 'main', { kmsKeyId: keyOf(region) });
  here = await startRdsFake({ instances: [main, writer], clusters: [cluster] });
  there = await startRdsFake({ region: elsewhere, others: [here] });
  ({ weather } = there.cloud);
  await runPsql(connectTo(server), 'CREATE DATABASE shop');
  await runPsql(connectTo(server, 'shop'), 'CREATE TABLE orders AS SELECT generate_series(1, 1000) AS id');
});

let storages = 0;
const write = async (more: Spec, copy: Spec = {}): Promise<string> => {
  const storage = await lab.library(`storage-${++storages}`, {});
  const snapshotCopies = [{ region: elsewhere, endpoint: there.endpoint, ...copy }];
  return lab.write(`copies-${storages}.yaml`, [
    environmentDocument('prd', {
      database: rdsDatabase(here, server, { snapshotCopies, dumpFrom: 'live', ...more }),
      storage: { url: `file://${storage}` },
    }),
    rdsSecret(server),
  ]);
};
const kmsKeyId = keyOf(elsewhere);

beforeEach(async () => {
  for (const { cloud } of [here, there]) Object.assign(cloud.weather, fairWeather());
  file = await write({ instance: 'main' }, { kmsKeyId });
});

/** What our client asks is what AWS describes. */
afterEach(async () => {
  await there.cloud.clear();
  const [violation] = [...here.violations.splice(0), ...there.violations.splice(0)];
  if (violation !== undefined) throw new Error(violation);
});

afterAll(async () => {
  await there.stop();
  await here.stop();
  await server.stop();
  await lab.remove();
});

const counter = () => {
  const before = there.cloud.counts().begun.snapshots;
  return () => [there.cloud.counts().begun.snapshots - before, ...there.cloud.snapshots.map(({ status }) => status)];
};

const listed = (): Promise<unknown> => lab.json('list', '-f', file);

test('a sealed backup’s snapshot is copied, recorded, usable there, and deleted with the backup', async () => {
  const since = counter();
  const { backupId, copies } = await lab.json<Copied>('backup', '-f', file);
  const { database } = await lab.json<{ database: { snapshotId: string } }>('show', backupId, '-f', file);
  const url = database.snapshotId.replace(region, elsewhere);
  expect(copies).toEqual([{ name: 'snapshot.eu-west-1', url }]);
  expect(await listed()).toMatchObject({ backups: [{ backupId, copies: ['snapshot.eu-west-1'] }] });
  expect(await lab.json('verify', backupId, '-f', file)).toMatchObject({ ok: true, problems: [] });
  expect(since()).toEqual([1, 'available']);
  const [copy] = there.cloud.snapshots;
  if (!copy) throw new Error('no copy');
  const restored = { ...connectTo(server, 'shop'), port: (await restoreThere(there, copy)).port };
  expect(await runPsql(restored, 'SELECT count(*) FROM orders')).toContain('1000');
  await lab.json('delete', backupId, '-f', file, '--confirm', backupId);
  expect(since()).toEqual([1]);
  expect(here.cloud.snapshots.some(({ id }) => url.endsWith(id))).toBe(false);
});

test('a step that is killed while the region copies goes on with the same copy', async () => {
  const since = counter();
  weather.held = true;
  const cli = lab.start(['backup', '-f', file, '--json']);
  await waitFor(() => (since()[0] === 1 ? true : undefined), cli.ended);
  await sleep(Math.random() * 300);
  await killStep(cli, 'copy');
  weather.held = false;
  const { status, stdout } = await cli.ended;
  expect([status, (JSON.parse(stdout) as Copied).copies.length]).toEqual([0, 1]);
  expect(since()).toEqual([1, 'available']);
});

test('answers that are lost lead to no second copy', async () => {
  const since = counter();
  for (const action of ['CopyDBSnapshot', 'DescribeDBSnapshots']) weather.lost.push({ action, times: 1 });
  expect((await lab.json<Copied>('backup', '-f', file)).copies).toHaveLength(1);
  expect(since()).toEqual([1, 'available']);
});

test.each<[string, () => unknown, number, RegExp]>([
  [
    'no permission to copy',
    () => weather.missing.add('rds:CopyDBSnapshot'),
    78,
    /^SERVICE_DENIED: copy snapshot\.eu-west-1: permission rds:CopyDBSnapshot is missing/,
  ],
  ['a full quota there', () => (weather.quotas.snapshots = 0), 78, /^SERVICE_QUOTA: copy snapshot\.eu-west-1: /],
  [
    'a key that is disabled',
    () => weather.disabledKeys.add(kmsKeyId),
    78,
    /^SERVICE_NOT_READY: copy snapshot\.eu-west-1: the KMS key cannot be used/,
  ],
  [
    'a copy that fails',
    () => weather.snapshots.push('failed'),
    70,
    /^SNAPSHOT_FAILED: copy snapshot\.eu-west-1: the copy of the snapshot is failed/,
  ],
])('%s ends the run with one clear line, and the backup is sealed', async (_, upset, status, line) => {
  upset();
  const result = await lab.cli('backup', '-f', file);
  expect(errorLines(result).at(-1)).toMatch(line);
  expect(errorLines(result).at(-1)).toMatch(/the backup itself is sealed/);
  expect(result.status).toBe(status);
  expect(await listed()).toMatchObject({ backups: [{ phase: 'Succeeded', copies: [] }] });
});

test('check names a key that is missing, and a region that does not answer as that region', async () => {
  const keyless = await lab.cli('check', '-f', await write({ instance: 'main' }));
  expect([keyless.status, keyless.stdout]).toEqual([
    78,
    expect.stringMatching(/^error: ENVIRONMENT_INVALID: snapshotCopies eu-west-1: .*give kmsKeyId/m),
  ]);
  const wrong = await lab.cli('check', '-f', await write({ instance: 'main' }, { kmsKeyId, endpoint: here.endpoint }));
  expect([wrong.status, wrong.stdout]).toEqual([
    78,
    expect.stringMatching(/^error: SERVICE_DENIED: snapshotCopies eu-west-1: .*valid region/m),
  ]);
  expect((await lab.cli('check', '-f', file)).status).toBe(0);
});

test.each([
  ['an instance', 'instance', { instance: 'main' }, { kmsKeyId }],
  ['a cluster', 'cluster', { cluster: 'aurora' }, {}],
] as const)('the policy for copies of %s suffices, and nothing in it is idle', async (_, name, more, copy) => {
  const actions = [...rdsStatements[name], ...rdsCopyStatements[name]].flatMap((statement) => statement.actions);
  const own = await write({ ...more, dumpFrom: 'snapshot' }, copy);
  const before = [here, there].map(({ calls }) => calls.length);
  for (const { cloud } of [here, there]) cloud.weather.allowed = new Set(actions);
  const { backupId } = await lab.json<Sealed>('backup', '-f', own);
  expect((await lab.cli('check', '-f', own)).status).toBe(0);
  await lab.json('delete', backupId, '-f', own, '--confirm', backupId);
  const calls = [here, there].flatMap((fake, index) => fake.calls.slice(before[index]));
  const used = new Set(calls.map((action) => `rds:${action}`));
  expect(actions.filter((action) => !used.has(action))).toEqual(['rds:AddTagsToResource']);
});
