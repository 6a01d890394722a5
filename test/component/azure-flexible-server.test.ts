// Backups of an Azure flexible server: an on-demand backup by the (fake) cloud, and a dump of the live server or of one that is
// restored to a point in time; in Azure Blob Storage, restored over SQL, judged by the oracle.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { flexibleServerPermissions } from '../../core/permissions/services.ts';
import { fairWeather } from '../fakes/azure-arm/cloud.ts';
import { differences } from '../oracle/compare.ts';
import { runPsql } from '../oracle/psql.ts';
import { seedEverything, seedRoles } from '../oracle/seed/everything.ts';
import { type AzureLab, azureDatabase, azureSecret, settleSequences, startAzureLab } from '../support/azure.ts';
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
import { type Place, startAzblob } from '../support/places.ts';
import { waitFor } from '../support/processes.ts';

/** Of polls. */

let azure: AzureLab;
let blobs: Place;
let lab: Lab;

beforeAll(async () => {
  [azure, blobs] = await Promise.all([startAzureLab(), startAzblob()]);
  lab = await createLab(azure.env);
  await blobs.make('backups');
  const { server } = azure;
  await seedRoles(connectTo(server));
  await runPsql(connectTo(server), 'CREATE DATABASE azure_sys');
  await runPsql(connectTo(server), 'CREATE DATABASE everything TEMPLATE template0');
  await seedEverything(connectTo(server, 'everything'), { eventTriggers: true });
  // Nothing that is restored holds their rows: a server that recovers empties them.
  await runPsql(connectTo(server, 'everything'), 'TRUNCATE app.unlogged');
  await settleSequences(server, 'everything');
});

beforeEach(() => void Object.assign(azure.fake.cloud.weather, fairWeather()));

/** What our client asks is what Microsoft describes. */
afterEach(() => {
  const [violation] = azure.fake.violations;
  if (violation !== undefined) throw new Error(violation);
});

afterAll(async () => {
  await azure.stop();
  await blobs.stop();
  await lab.remove();
});

interface Manifest {
  readonly points: readonly { readonly database: string; readonly time: string; readonly position?: string }[];
  readonly database: {
    readonly service: string;
    readonly snapshotId?: string;
    readonly dumps: readonly { readonly database: string; readonly key: string }[];
  };
}

const write = (name: string, more: Spec, storage: Spec = blobs.location('backups')): Promise<string> =>
  lab.write(`${name}.yaml`, [
    environmentDocument(name, { database: azureDatabase(azure, more), storage }),
    azureSecret(azure),
    ...(blobs.secret === undefined ? [] : [blobs.secret]),
  ]);

const begunSince = () => {
  const before = azure.fake.cloud.counts().begun;
  return () => {
    const { snapshots, servers } = azure.fake.cloud.counts().begun;
    return { snapshots: snapshots - before.snapshots, servers: servers - before.servers };
  };
};

const point = { dumpFrom: 'point', temporary: { logDelay: '1s' } } as const;

test.each([
  ['alone', { ...point }, 0, true],
  ['with an on-demand backup', { ...point, snapshot: { enabled: true } }, 1, true],
  ['alone, in a folder', { ...point }, 0, false],
] as const)(
  'a server is dumped as it was at the point, %s, and comes back equal',
  async (what, more, snapshots, inBlobs) => {
    const { server, fake } = azure;
    const since = begunSince();
    const name = `p${what.length}`;
    const file = await write(name, more, inBlobs ? undefined : { url: `file://${lab.storage}` });
    const before = await captureAt(server, 'everything');
    fake.cloud.weather.held = true;
    const backup = lab.start(['backup', '-f', file, '--json']);
    const began = (): true | undefined => (since().snapshots + since().servers === 1 ? true : undefined);
    await waitFor(began, backup.ended);
    // The point is a whole second, and in the past when the work begins.
    if (snapshots === 1) await new Promise((resolve) => setTimeout(resolve, 1100));
    await runPsql(connectTo(server, 'everything'), 'CREATE TABLE late AS SELECT 1 AS one');
    fake.cloud.weather.held = false;
    const { status, stdout, stderr } = await backup.ended;
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
    const { backupId } = JSON.parse(stdout) as Sealed;
    const { database, points } = await lab.json<Manifest>('show', backupId, '-f', file);
    expect(database).toMatchObject({ service: 'azureFlexibleServer', dumps: [{ database: 'everything' }] });
    expect(Boolean(database.snapshotId)).toBe(snapshots === 1);
    expect(points).toEqual([{ database: 'everything', time: expect.stringMatching(/:\d\d\.000Z$/) }]);
    expect(since()).toEqual({ snapshots, servers: 1 });
    await expect.poll(() => fake.cloud.counts().there.servers).toBe(0);
    expect(await lab.json('verify', backupId, '-f', file)).toMatchObject({ ok: true, problems: [] });
    await runPsql(connectTo(server, 'everything'), 'DROP SCHEMA app CASCADE');
    await lab.json('restore', '-f', file, '--backup', 'latest', '--confirm', name);
    expect(differences(before, await captureAt(server, 'everything'), { subscriptionsDisabled: true })).toEqual([]);
  },
);

test('the live server is dumped where nothing else is asked for, with what no restored one holds', async () => {
  const since = begunSince();
  const file = await write('live', {});
  const { server } = azure;
  await runPsql(connectTo(server, 'everything'), 'INSERT INTO app.unlogged VALUES (1)');
  const before = await captureAt(server, 'everything');
  const { backupId } = await lab.json<Sealed>('backup', '-f', file);
  const { database, points } = await lab.json<Manifest>('show', backupId, '-f', file);
  expect(database.snapshotId).toBeUndefined();
  expect(points).toMatchObject([{ position: expect.any(String) }]);
  expect(since()).toEqual({ snapshots: 0, servers: 0 });
  await runPsql(connectTo(server, 'everything'), 'DROP SCHEMA app CASCADE');
  await lab.json('restore', '-f', file, '--backup', 'latest', '--confirm', 'live');
  expect(differences(before, await captureAt(server, 'everything'), { subscriptionsDisabled: true })).toEqual([]);
  await runPsql(connectTo(server, 'everything'), 'TRUNCATE app.unlogged');
});

test('a server that Azure restored to an earlier time than it was asked for is not taken for the point', async () => {
  const file = await write('behind', point);
  azure.fake.cloud.weather.behind = 2500;
  // What the point has and the restored server has not.
  await runPsql(connectTo(azure.server, 'everything'), 'CREATE TABLE recent AS SELECT 1 AS one');
  const result = await lab.cli('backup', '-f', file);
  expect(errorLines(result).at(-1)).toMatch(
    /^TEMPORARY_SERVER_FAILED: .*not restored as far as .*raise temporary.logDelay/,
  );
  expect(result.status).toBe(70);
  await expect.poll(() => azure.fake.cloud.counts().there.servers).toBe(0);
  await runPsql(connectTo(azure.server, 'everything'), 'DROP TABLE recent');
});

test('a deleted backup takes its on-demand backup along, and check looks at the server', async () => {
  const file = await write('deleted', { snapshot: { enabled: true } });
  const { backupId } = await lab.json<Sealed>('backup', '-f', file);
  const { snapshotId = '' } = (await lab.json<Manifest>('show', backupId, '-f', file)).database;
  const there = () => azure.main.backups.some(({ name }) => snapshotId.endsWith(`/backups/${name}`));
  expect(there()).toBe(true);
  await lab.json('delete', backupId, '-f', file, '--confirm', backupId);
  await expect.poll(there).toBe(false);
  expect((await lab.cli('check', '-f', file)).status).toBe(0);
  azure.fake.cloud.weather.missing.add('Microsoft.DBforPostgreSQL/flexibleServers/read');
  const refused = await lab.cli('check', '-f', file);
  expect(refused.status).toBe(78);
  expect(refused.stdout).toMatch(
    /error: SERVICE_DENIED: permission Microsoft\.DBforPostgreSQL\/flexibleServers\/read is missing/,
  );
});

test.each([
  ['half a network', { temporary: { subnet: '/subscriptions/x/subnets/db' } }, /temporary.privateDnsZone go together/],
  ['an endpoint without TLS', { endpoint: 'http://127.0.0.1:9' }, /must be an https url/],
] as const)('an environment with %s is refused before anything', async (_, more, line) => {
  const result = await lab.cli('backup', '-f', await write('refused', more));
  expect(result.status).toBe(78);
  expect(errorLines(result)).toEqual([expect.stringMatching(line)]);
});

test('the documented roles suffice, and nothing in them is idle', async () => {
  const { server, temporary } = flexibleServerPermissions;
  const roles = Object.keys({ ...server, ...temporary });
  const { fake } = azure;
  const file = await write('roles', { ...point, snapshot: { enabled: true } });
  const before = fake.actions.length;
  fake.cloud.weather.allowed = new Set(roles);
  const { backupId } = await lab.json<Sealed>('backup', '-f', file);
  expect((await lab.cli('check', '-f', file)).status).toBe(0);
  await lab.json('delete', backupId, '-f', file, '--confirm', backupId);
  const used = new Set(fake.actions.slice(before));
  expect(roles.filter((action) => !used.has(action))).toEqual([]);
});
