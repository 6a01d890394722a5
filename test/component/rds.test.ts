// Backups of RDS and Aurora: a snapshot by the (fake) cloud, dumped from a temporary server that is restored from it, in storage
// on a real S3 server, restored over SQL, judged by the oracle.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { rdsStatements } from '../../core/permissions/services.ts';
import { fairWeather } from '../fakes/rds/cloud.ts';
import { type RdsFake, startRdsFake } from '../fakes/rds/server.ts';
import { differences } from '../oracle/compare.ts';
import { runPsql } from '../oracle/psql.ts';
import { seedEverything, seedRoles } from '../oracle/seed/everything.ts';
import {
  captureAt,
  connectTo,
  createLab,
  environmentDocument,
  errorLines,
  type Lab,
  type Sealed,
  secretDocument,
  type Spec,
} from '../support/lab.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { waitFor } from '../support/processes.ts';
import { clusterOf, instanceOf, rdsDatabase, rdsSecret } from '../support/rds.ts';
import { type S3Server, startVersitygw } from '../support/s3-servers.ts';

/** Of polls. */

let server: PostgresServer;
let buckets: S3Server;
let cloud: RdsFake;
let lab: Lab;

beforeAll(async () => {
  [server, buckets, lab] = await Promise.all([startPostgres(), startVersitygw(), createLab()]);
  await buckets.bucket('backups');
  const { cluster, writer } = clusterOf(server, 'aurora');
  cloud = await startRdsFake({ instances: [instanceOf(server, 'main'), writer], clusters: [cluster] });
  await seedRoles(connectTo(server));
  await runPsql(connectTo(server), 'CREATE DATABASE rdsadmin');
  await runPsql(connectTo(server), 'CREATE DATABASE everything TEMPLATE template0');
  await seedEverything(connectTo(server, 'everything'), { eventTriggers: true });
  // No snapshot holds their rows: a server that starts from one empties them.
  await runPsql(connectTo(server, 'everything'), 'TRUNCATE app.unlogged');
});

beforeEach(() => void Object.assign(cloud.cloud.weather, fairWeather()));

/** What our client asks is what AWS describes. */
afterEach(() => {
  const [violation] = cloud.violations;
  if (violation !== undefined) throw new Error(violation);
});

afterAll(async () => {
  await cloud.stop();
  await Promise.all([server.stop(), buckets.stop()]);
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

const storage = (): Spec => ({
  url: 's3://backups',
  endpoint: buckets.endpoint,
  pathStyle: true,
  credentials: { secretName: 'backups' },
});

const write = (name: string, more: Spec): Promise<string> =>
  lab.write(`${name}.yaml`, [
    environmentDocument(name, { database: rdsDatabase(cloud, server, more), storage: storage() }),
    rdsSecret(server),
    secretDocument('backups', buckets.secrets),
  ]);

const begunSince = () => {
  const before = cloud.cloud.counts().begun;
  return () => {
    const { snapshots, servers } = cloud.cloud.counts().begun;
    return { snapshots: snapshots - before.snapshots, servers: servers - before.servers };
  };
};

test.each([
  ['instance', { instance: 'main' }, 'snapshot'],
  ['cluster', { cluster: 'aurora' }, 'cluster-snapshot'],
] as const)('an %s is dumped as it was at its snapshot, and comes back equal', async (name, more, type) => {
  const since = begunSince();
  const file = await write(name, more);
  const before = await captureAt(server, 'everything');
  cloud.cloud.weather.held = true;
  const backup = lab.start(['backup', '-f', file, '--json']);
  await waitFor(() => (since().snapshots === 1 ? true : undefined), backup.ended);
  const { weather } = cloud.cloud;
  // Committed when the snapshot is under way, so not in the backup.
  await waitFor(() => ((cloud.cloud.snapshots.at(-1)?.percent ?? 0) > 0 ? true : undefined), backup.ended);
  await runPsql(connectTo(server, 'everything'), 'CREATE TABLE late AS SELECT 1 AS one');
  weather.held = false;
  const { status, stdout, stderr } = await backup.ended;
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
  const { backupId } = JSON.parse(stdout) as Sealed;
  const { database, points } = await lab.json<Manifest>('show', backupId, '-f', file);
  expect(database).toMatchObject({ service: 'rds', dumps: [{ database: 'everything' }] });
  expect(database.dumps[0]?.key).toMatch(/\.dump\.zst$/);
  expect(database.snapshotId).toMatch(new RegExp(`^arn:aws:rds:eu-central-1:\\d+:${type}:lc2-[0-9a-f]{40}$`));
  expect(points).toEqual([{ database: 'everything', time: expect.any(String) }]);
  expect(since()).toEqual({ snapshots: 1, servers: 1 });
  await expect.poll(() => cloud.cloud.counts().there.servers).toBe(0);
  expect(await lab.json('verify', backupId, '-f', file)).toMatchObject({ ok: true, problems: [] });
  await runPsql(connectTo(server, 'everything'), 'DROP SCHEMA app CASCADE');
  await lab.json('restore', '-f', file, '--backup', 'latest', '--confirm', name);
  expect(differences(before, await captureAt(server, 'everything'), { subscriptionsDisabled: true })).toEqual([]);
});

test('the live server is dumped when that is asked for, with what no snapshot holds, and no server is made', async () => {
  const since = begunSince();
  const file = await write('live', { instance: 'main', dumpFrom: 'live', snapshot: { enabled: false } });
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
});

test('a deleted backup takes its snapshot along, and check looks at the server', async () => {
  const file = await write('deleted', { instance: 'main' });
  const { backupId } = await lab.json<Sealed>('backup', '-f', file);
  const { snapshotId = '' } = (await lab.json<Manifest>('show', backupId, '-f', file)).database;
  const there = () => cloud.cloud.snapshots.some(({ id }) => snapshotId.endsWith(`:${id}`));
  expect(there()).toBe(true);
  await lab.json('delete', backupId, '-f', file, '--confirm', backupId);
  expect(there()).toBe(false);
  expect((await lab.cli('check', '-f', file)).status).toBe(0);
  cloud.cloud.weather.missing.add('rds:DescribeDBInstances');
  const refused = await lab.cli('check', '-f', file);
  expect(refused.status).toBe(78);
  expect(refused.stdout).toMatch(/error: SERVICE_DENIED: permission rds:DescribeDBInstances is missing: User: arn:aws/);
});

test.each([
  ['both', { instance: 'main', cluster: 'aurora' }, /exactly one of instance and cluster/],
  ['neither', {}, /exactly one of instance and cluster/],
  ['no snapshot', { instance: 'main', snapshot: { enabled: false } }, /set dumpFrom to live/],
] as const)('an environment with %s is refused before anything', async (_, more, line) => {
  const file = await write('refused', more);
  const result = await lab.cli('backup', '-f', file);
  expect(result.status).toBe(78);
  expect(errorLines(result)).toEqual([expect.stringMatching(line)]);
});

test.each([
  ['instance', { instance: 'main' }],
  ['cluster', { cluster: 'aurora' }],
] as const)('the policy for an %s suffices, and nothing in it is idle', async (name, more) => {
  const actions = rdsStatements[name].flatMap((statement) => statement.actions);
  const file = await write(`policy-${name}`, more);
  const before = cloud.calls.length;
  cloud.cloud.weather.allowed = new Set(actions);
  const { backupId } = await lab.json<Sealed>('backup', '-f', file);
  expect((await lab.cli('check', '-f', file)).status).toBe(0);
  await lab.json('delete', backupId, '-f', file, '--confirm', backupId);
  const used = new Set(cloud.calls.slice(before).map((action) => `rds:${action}`));
  expect(actions.filter((action) => !used.has(action))).toEqual(['rds:AddTagsToResource']);
});

test('check names what a copy of the server would not have, or would do', async () => {
  const file = await write('copied', { instance: 'main' });
  const good = await lab.cli('check', '-f', file);
  expect(good.status).toBe(0);
  const unlogged = 'dumps of a copy of the server have no rows of the unlogged tables app.unlogged in everything';
  expect(good.stdout).toContain(`warning: COPY_UNFIT: ${unlogged}`);
  expect(good.stdout).not.toContain('subscribe as the live one does');
  const sql = (text: string) => runPsql(connectTo(server, 'everything'), text);
  await sql(`CREATE SUBSCRIPTION fed CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p WITH (connect = false)`);
  try {
    await sql('ALTER SUBSCRIPTION fed ENABLE');
    const warned = await lab.cli('check', '-f', file);
    expect(warned.stdout).toContain(
      'warning: COPY_UNFIT: a copy of the server would subscribe as the live one does: fed in everything',
    );
    const live = await lab.cli(
      'check',
      '-f',
      await write('uncopied', { instance: 'main', dumpFrom: 'live', snapshot: { enabled: false } }),
    );
    expect(live.stdout).not.toContain('COPY_UNFIT');
  } finally {
    await sql('ALTER SUBSCRIPTION fed DISABLE');
    await sql('ALTER SUBSCRIPTION fed SET (slot_name = NONE)');
    await sql('DROP SUBSCRIPTION fed');
  }
});
