// New servers of RDS against the fake cloud: made once, under their own names, and never in the place of others.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DatabaseService, ServiceJob } from '../../core/ports/database-service.ts';
import { runSql } from '../fakes/cloud-sql/programs.ts';
import { fairWeather, type Weather } from '../fakes/rds/cloud.ts';
import { type RdsFake, startRdsFake } from '../fakes/rds/server.ts';
import type { FakeCluster, FakeInstance } from '../fakes/rds/things.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { newServerJob } from '../support/new-servers.ts';
import { clusterOf, codeOf, instanceOf, openRdsService, snapshotJob } from '../support/rds.ts';

let server: PostgresServer;
let fake: RdsFake;
let main: FakeInstance;
let cluster: FakeCluster;
let weather: Weather;

const both = [
  ['an instance', { instance: 'main' }],
  ['a cluster', { cluster: 'aurora' }],
] as const;
const instance = both[0][1];

const open = (more: Readonly<Record<string, unknown>> = instance) => openRdsService(fake, more);
const run = async (job: ServiceJob, service: DatabaseService) => service.wait(job, await service.start(job));
const snapped = async (more: Readonly<Record<string, unknown>> = instance): Promise<string> =>
  (await run(snapshotJob(), open(more))).id;

beforeAll(async () => {
  server = await startPostgres();
  await runSql(server, 'postgres', 'CREATE DATABASE shop');
  await runSql(server, 'shop', 'CREATE TABLE orders AS SELECT generate_series(1, 10) AS id');
  main = instanceOf(server, 'main');
  const made = clusterOf(server, 'aurora');
  ({ cluster } = made);
  fake = await startRdsFake({ instances: [main, made.writer], clusters: [cluster] });
  ({ weather } = fake.cloud);
});

beforeEach(() => {
  Object.assign(weather, fairWeather());
  Object.assign(main, { status: 'available' });
  Object.assign(cluster, { status: 'available' });
});

/** What our client asks is what AWS describes. */
afterEach(async () => {
  weather.held = false;
  await fake.cloud.clear();
  const [violation] = fake.violations.splice(0);
  if (violation !== undefined) throw new Error(violation);
});

afterAll(async () => {
  await fake.stop();
  await server.stop();
});

const named = (name: string) =>
  [...fake.cloud.clusters, ...fake.cloud.instances].filter(({ id }) => id.startsWith(name));

describe.each(both)('a new server out of a snapshot of %s', (_, more) => {
  it('has its name and what the snapshot holds, and goes when it is removed, twice', async () => {
    const service = open(more);
    const job = newServerJob(await snapped(more), 'shop-2');
    await runSql(server, 'shop', 'DELETE FROM orders WHERE id > 5');
    expect(await service.problems(job)).toEqual([]);
    const { id, server: made } = await run(job, service);
    await runSql(server, 'shop', 'INSERT INTO orders SELECT generate_series(6, 10)');
    expect(id).toBe('shop-2');
    expect(await runSql({ ...server, ...made }, 'shop', 'SELECT count(*) FROM orders')).toEqual(['10']);
    // Sweeps of backups do not see it.
    const seen = await service.leftovers('lc2-backup retail-prd-backup-x');
    expect(seen.map(({ kind }) => kind)).toEqual(['snapshot']);
    await service.remove({ kind: 'new-server', id });
    await service.remove({ kind: 'new-server', id });
    await expect.poll(() => named('shop-2')).toEqual([]);
  });

  it('is as the live one is, but for the network that the environment says', async () => {
    const temporary = {
      class: 'db.t4g.micro',
      parameterGroup: 'calm',
      subnetGroup: 'other',
      securityGroups: ['sg-0c0d'],
    };
    await run(newServerJob(await snapped(more), 'shop-3'), open({ ...more, temporary }));
    const made = named('shop-3');
    const place = { subnetGroup: 'other', securityGroups: ['sg-0c0d'] };
    const size = more === instance ? 'db.m6g.large' : 'db.r6g.large';
    expect(made[0]).toMatchObject({ ...place, parameterGroup: more === instance ? 'retail' : 'retail-cluster' });
    expect(made.at(-1)).toMatchObject({ class: size });
  });

  it('is found again when the answer was lost, and never made twice', async () => {
    const service = open(more);
    const job = newServerJob(await snapped(more), 'shop-4');
    const action = more === instance ? 'RestoreDBInstanceFromDBSnapshot' : 'RestoreDBClusterFromSnapshot';
    weather.lost.push({ action, times: 1 });
    const before = fake.cloud.counts().begun.servers;
    const handle = await service.start(job);
    expect(await service.find(job)).toBe(handle);
    expect(await open(more).start(job)).toBe(handle);
    await service.wait(job, handle);
    expect(fake.cloud.counts().begun.servers - before).toBe(1);
  });

  it('is refused where another has its name, which is not touched', async () => {
    const service = open(more);
    const snapshot = await snapped(more);
    const theirs = newServerJob(snapshot, 'shop-5');
    await run(theirs, service);
    const ours = newServerJob(snapshot, 'shop-5');
    expect(await service.problems(ours)).toMatchObject([{ code: 'NAME_TAKEN', severity: 'error' }]);
    expect(await codeOf(service.start(ours))).toMatch(/^NAME_TAKEN: shop-5 exists, and is not of this restore/);
    expect(await service.find(ours)).toBeUndefined();
    expect(await codeOf(service.wait(ours, 'shop-5'))).toMatch(/^NEW_SERVER_FAILED: the new server is gone/);
    expect(await service.find(theirs)).toBe('shop-5');
  });

  it('is made though the live server stands still', async () => {
    const snapshot = await snapped(more);
    Object.assign(more === instance ? main : cluster, { status: 'stopped' });
    const job = newServerJob(snapshot, 'shop-6');
    expect(await open(more).problems(job)).toEqual([]);
    await run(job, open(more));
  });

  it('needs its snapshot, whole and there', async () => {
    const service = open(more);
    const snapshot = await snapped(more);
    const problems = async (id: string) => (await service.problems(newServerJob(id, 'shop-7')))[0]?.message;
    expect(await problems(snapshot.replace('lc2-', 'lc3-'))).toMatch(/is not there any more, or of another account/);
    expect(await problems(snapshot.replace('123456789012', '210987654321'))).toMatch(/of another account/);
    expect(await problems(snapshot.replace('eu-central-1', 'eu-west-1'))).toMatch(
      /is no snapshot of an .* in eu-central-1/,
    );
    expect(await problems('/subscriptions/1/backups/x')).toMatch(/is no snapshot of an /);
    Object.assign(fake.cloud.snapshots[0] ?? {}, { status: 'deleting' });
    expect(await problems(snapshot)).toMatch(/is deleting$/);
    Object.assign(fake.cloud.snapshots[0] ?? {}, { status: 'available' });
  });
});

describe('a new server', () => {
  it('of a cluster needs a free name for its first instance, and takes nobody’s', async () => {
    const service = open({ cluster: 'aurora' });
    const job = newServerJob(await snapped({ cluster: 'aurora' }), 'shop-8');
    const handle = await service.start(job);
    fake.cloud.addMember(cluster, { id: 'shop-8-1', tags: [], class: 'db.r6g.large' });
    expect(await service.problems(newServerJob(job.point.snapshotId, 'shop-8'))).toMatchObject([
      { code: 'NAME_TAKEN' },
    ]);
    expect(await codeOf(service.wait(job, handle))).toMatch(/^SERVICE_REFUSED: shop-8-1 already exists/);
  });

  it.each(['failed', 'incompatible-restore', 'incompatible-parameters'])('that ends %s has failed', async (end) => {
    const snapshot = await snapped();
    weather.restores.push(end);
    expect(await codeOf(run(newServerJob(snapshot, 'shop-9'), open()))).toMatch(
      new RegExp(`^NEW_SERVER_FAILED: the new server is ${end}`),
    );
  });

  it('that is not available in time has failed', async () => {
    const snapshot = await snapped();
    weather.held = true;
    expect(await codeOf(run(newServerJob(snapshot, 'shop-10', 1), open()))).toMatch(/^NEW_SERVER_FAILED: .*in time/);
  });

  it('that is being made is deleted when AWS lets us', async () => {
    const snapshot = await snapped();
    weather.held = true;
    const service = open();
    const id = await service.start(newServerJob(snapshot, 'shop-11'));
    expect(await codeOf(service.remove({ kind: 'new-server', id }))).toMatch(/^SERVICE_BUSY: /);
  });
});
