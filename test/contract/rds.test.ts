// The service RDS against the fake cloud: what the port promises, of an instance and of a cluster, and everything that AWS
// refuses.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DatabaseService, ServiceJob } from '../../core/ports/database-service.ts';
import { runSql } from '../fakes/cloud-sql/programs.ts';
import { fairWeather, type Weather } from '../fakes/rds/cloud.ts';
import { type RdsFake, startRdsFake } from '../fakes/rds/server.ts';
import type { FakeCluster, FakeInstance } from '../fakes/rds/things.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { clusterOf, codeOf, instanceOf, openRdsService, serverJob, snapshotJob } from '../support/rds.ts';

let server: PostgresServer;
let fake: RdsFake;
let main: FakeInstance;
let cluster: FakeCluster;
let weather: Weather;

const instance = { instance: 'main' };
const aurora = { cluster: 'aurora' };
const both = [
  ['an instance', instance],
  ['a cluster', aurora],
] as const;

const open = (more: Readonly<Record<string, unknown>> = instance, secrets?: Readonly<Record<string, string>>) =>
  openRdsService(fake, more, secrets);

const run = async (job: ServiceJob, service: DatabaseService) => service.wait(job, await service.start(job));

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

describe.each(both)('jobs of %s', (_, more) => {
  it('take a snapshot, say how far it is, and can delete it twice', async () => {
    weather.held = true;
    const service = open(more);
    const job = snapshotJob();
    // It does not end before it was seen half way.
    const { id } = await service.wait(job, await service.start(job), (fraction) => {
      if (fraction === 0.5) weather.held = false;
    });
    const tags = fake.cloud.snapshots[0]?.tags.map(({ Key, Value }) => `${Key}=${Value}`);
    expect(tags).toEqual([`lc2-backup=${job.description}`, 'lc2-backup-environment=retail/prd']);
    const [left] = await service.leftovers('lc2-backup retail-prd');
    expect(left).toEqual({ kind: 'snapshot', id, description: job.description, state: 'done' });
    expect(await service.leftovers('lc2-backup retail-uat')).toEqual([]);
    await service.remove({ kind: 'snapshot', id });
    await service.remove({ kind: 'snapshot', id });
    expect(fake.cloud.snapshots).toEqual([]);
  });

  it('make a server that holds what the snapshot held, and remove it with all that belongs to it, twice', async () => {
    const service = open(more);
    const { id: snapshot } = await run(snapshotJob(), service);
    await runSql(server, 'shop', 'DELETE FROM orders WHERE id > 5');
    const job = serverJob(snapshot);
    const { id, server: made } = await run(job, service);
    await runSql(server, 'shop', 'INSERT INTO orders SELECT generate_series(6, 10)');
    const there = { ...server, ...made };
    expect(there.port).not.toBe(server.port);
    expect(await runSql(there, 'shop', 'SELECT count(*) FROM orders')).toEqual(['10']);
    const left = { kind: 'temporary-server', id, description: job.description, state: 'done' } as const;
    expect(await service.leftovers(job.description)).toEqual([left]);
    await service.remove(left);
    expect(await service.leftovers(job.description)).toEqual([]);
    await service.remove(left);
    await expect.poll(() => fake.cloud.counts().there.servers).toBe(0);
    expect(fake.cloud.instances.map(({ id: each }) => each)).toEqual(['main', 'aurora-writer']);
  });

  it('are made as the live server is, or as the environment says', async () => {
    const temporary = {
      class: 'db.t4g.large',
      subnetGroup: 'other',
      securityGroups: ['sg-0c0d'],
      parameterGroup: 'calm',
    };
    const { id: snapshot } = await run(snapshotJob(), open(more));
    await run(serverJob(snapshot), open(more));
    await run(serverJob(snapshot), open({ ...more, temporary }));
    const made = [...fake.cloud.clusters, ...fake.cloud.instances].filter(({ tags }) => tags.length > 0);
    const size = more === instance ? 'db.m6g.large' : 'db.r6g.large';
    const classes = made.flatMap((each) => ('class' in each ? each.class : []));
    expect(classes).toEqual([size, 'db.t4g.large']);
    expect(
      made
        .filter((each) => !('cluster' in each))
        .map(({ subnetGroup, securityGroups }) => [subnetGroup, ...securityGroups]),
    ).toEqual([
      ['retail', 'sg-0a1b'],
      ['other', 'sg-0c0d'],
    ]);
    expect(made.filter((each) => !('cluster' in each)).map(({ parameterGroup }) => parameterGroup)).toEqual([
      'default.postgres15',
      'calm',
    ]);
  });

  it('are found again when the answer was lost, page after page, and are never made twice', async () => {
    const service = open(more);
    const job = snapshotJob();
    const [create, restore] =
      more === instance
        ? ['CreateDBSnapshot', 'RestoreDBInstanceFromDBSnapshot']
        : ['CreateDBClusterSnapshot', 'RestoreDBClusterFromSnapshot'];
    weather.lost.push({ action: create ?? '', times: 1 }, { action: restore ?? '', times: 1 });
    const before = fake.cloud.counts().begun;
    const handle = await service.start(job);
    expect(await service.find(job)).toBe(handle);
    expect(await service.find(snapshotJob())).toBeUndefined();
    const { id: snapshot } = await service.wait(job, handle);
    const wanted = serverJob(snapshot);
    await service.wait(wanted, await service.start(wanted));
    // Another attempt asks for the same.
    expect(await open(more).start(wanted)).toBe(await service.find(wanted));
    expect(await open(more).start(job)).toBe(handle);
    const { begun } = fake.cloud.counts();
    expect([begun.snapshots - before.snapshots, begun.servers - before.servers]).toEqual([1, 1]);
    const others = [snapshotJob(), snapshotJob(), snapshotJob()];
    for (const other of others) await run(other, service);
    for (const { description } of [job, wanted, ...others])
      expect(await service.leftovers(description)).toHaveLength(1);
  });

  it('have names that are not taken from others', async () => {
    const job = snapshotJob();
    const service = open(more);
    const id = await service.start(job);
    await service.wait(job, id);
    const [snapshot] = fake.cloud.snapshots;
    Object.assign(snapshot ?? {}, { tags: [] });
    expect(await service.find(job)).toBeUndefined();
    expect(await codeOf(service.start(job))).toMatch(/^SNAPSHOT_FAILED: .*exists and is not of this run/);
    Object.assign(snapshot ?? {}, { tags: [{ Key: 'lc2-backup', Value: 'x' }] });
  });

  it('are not given up by who was told to stop: the next attempt goes on', async () => {
    const service = open(more);
    const job = snapshotJob();
    const handle = await service.start(job);
    await service.cancel(handle);
    await service.wait(job, handle);
  });
});

describe('a snapshot', () => {
  it.each(['failed', 'deleting'])('that ends %s has failed', async (end) => {
    weather.snapshots.push(end);
    expect(await codeOf(run(snapshotJob(), open()))).toMatch(new RegExp(`^SNAPSHOT_FAILED: .*is ${end}`));
    Object.assign(fake.cloud.snapshots[0] ?? {}, { status: 'available' });
  });

  it('cannot be deleted before it is made', async () => {
    weather.held = true;
    const service = open();
    await service.start(snapshotJob());
    const [left] = await service.leftovers('lc2-backup');
    expect(left?.state).toBe('running');
    expect(await codeOf(service.remove({ kind: 'snapshot', id: left?.id ?? '' }))).toMatch(/^SERVICE_BUSY: /);
  });

  it('is deleted as what it is when the environment has changed', async () => {
    const { id } = await run(snapshotJob(), open(aurora));
    await open(instance).remove({ kind: 'snapshot', id });
    expect(fake.cloud.snapshots).toEqual([]);
  });

  it('over the quota says so', async () => {
    weather.quotas.snapshots = 0;
    for (const [, more] of both)
      expect(await codeOf(open(more).start(snapshotJob()))).toMatch(
        /^SERVICE_QUOTA: .*maximum|^SERVICE_QUOTA: .*allowed/,
      );
  });

  it.each([
    ['backing-up', 'SERVICE_BUSY'],
    ['modifying', 'SERVICE_BUSY'],
    ['upgrading', 'SERVICE_BUSY'],
    ['stopped', 'SERVICE_NOT_READY: .*is stopped'],
    ['stopping', 'SERVICE_NOT_READY'],
    ['inaccessible-encryption-credentials', 'SERVICE_NOT_READY'],
    ['storage-full', 'SERVICE_NOT_READY'],
    ['incompatible-network', 'SERVICE_NOT_READY'],
  ])('of a server that is %s is %s', async (status, line) => {
    for (const [[, more], live] of [
      [both[0], main],
      [both[1], cluster],
    ] as const) {
      live.status = status;
      expect(await codeOf(open(more).start(snapshotJob()))).toMatch(new RegExp(`^${line}`));
      const wanted = line.startsWith('SERVICE_BUSY') ? [] : [{ code: 'SERVICE_NOT_READY' }];
      expect(await open(more).problems()).toMatchObject(wanted);
      live.status = 'available';
    }
  });
});

describe('a temporary server', () => {
  const snapped = async (more: Readonly<Record<string, unknown>> = instance): Promise<string> =>
    (await run(snapshotJob(), open(more))).id;

  it.each(['failed', 'incompatible-restore', 'incompatible-parameters', 'insufficient-capacity'])(
    'that ends %s has failed, and can be removed',
    async (end) => {
      const snapshot = await snapped();
      weather.restores.push(end);
      expect(await codeOf(run(serverJob(snapshot), open()))).toMatch(
        new RegExp(`^TEMPORARY_SERVER_FAILED: .*is ${end}`),
      );
    },
  );

  it('of a cluster whose instance fails has failed', async () => {
    const snapshot = await snapped(aurora);
    const service = open(aurora);
    const job = serverJob(snapshot);
    const handle = await service.start(job);
    await expect.poll(() => fake.cloud.clusters.at(-1)?.status).toBe('available');
    weather.restores.push('failed');
    expect(await codeOf(service.wait(job, handle))).toMatch(/^TEMPORARY_SERVER_FAILED: .*is failed/);
  });

  it('that is never available fails at its deadline', async () => {
    const snapshot = await snapped();
    weather.held = true;
    expect(await codeOf(run(serverJob(snapshot, 1), open()))).toMatch(
      /^TEMPORARY_SERVER_FAILED: .*was not available in time/,
    );
    expect(await codeOf(open().start(serverJob(snapshot, -1)))).toMatch(/^TEMPORARY_SERVER_FAILED: .*in time/);
  });

  it('that somebody deleted is gone', async () => {
    const snapshot = await snapped();
    const service = open();
    const job = serverJob(snapshot);
    const { id } = await run(job, service);
    await service.remove({ kind: 'temporary-server', id });
    expect(await codeOf(service.wait(job, id))).toMatch(/^TEMPORARY_SERVER_FAILED: .*is (gone|deleting)/);
  });

  it('that is being made is deleted when AWS lets us', async () => {
    const snapshot = await snapped();
    weather.held = true;
    const service = open();
    await service.start(serverJob(snapshot));
    const [left] = await service.leftovers('lc2-backup');
    expect(left).toMatchObject({ kind: 'temporary-server', state: 'done' });
    expect(await codeOf(service.remove({ kind: 'temporary-server', id: left?.id ?? '' }))).toMatch(/^SERVICE_BUSY: /);
  });

  it('beyond the quota, of no such network, or without its snapshot says so', async () => {
    const snapshot = await snapped();
    const before = { ...weather.quotas };
    weather.quotas.instances = 0;
    expect(await codeOf(open().start(serverJob(snapshot)))).toMatch(/^SERVICE_QUOTA: .*maximum number of DB instances/);
    weather.quotas = before;
    const action = 'RestoreDBInstanceFromDBSnapshot';
    for (const [code, status, line] of [
      ['DBSubnetGroupNotFoundFault', 404, 'SERVICE_NOT_FOUND'],
      ['InvalidSubnet', 400, 'TEMPORARY_SERVER_FAILED: the temporary server was refused'],
      ['InsufficientDBInstanceCapacity', 400, 'SERVICE_BUSY'],
      ['KMSKeyNotAccessibleFault', 400, 'SERVICE_NOT_READY: the KMS key cannot be used'],
    ] as const) {
      weather.answers.push({ action, status, code, times: 1 });
      expect(await codeOf(open().start(serverJob(snapshot)))).toMatch(new RegExp(`^${line}`));
    }
    expect(await codeOf(open().start(serverJob('arn:aws:rds:eu-central-1:1:snapshot:none')))).toMatch(
      /^SERVICE_NOT_FOUND: none not found/,
    );
  });
});

describe('who lacks a permission', () => {
  const cases: readonly [string, object, (service: DatabaseService, snapshot: string) => Promise<unknown>][] = [
    ['rds:CreateDBSnapshot', instance, (service) => service.start(snapshotJob())],
    ['rds:AddTagsToResource', instance, (service) => service.start(snapshotJob())],
    ['rds:DescribeDBSnapshots', instance, (service) => service.find(snapshotJob())],
    ['rds:DeleteDBSnapshot', instance, (service, id) => service.remove({ kind: 'snapshot', id })],
    ['rds:DescribeDBInstances', instance, (service) => service.problems()],
    ['rds:RestoreDBInstanceFromDBSnapshot', instance, (service, id) => service.start(serverJob(id))],
    [
      'rds:DeleteDBInstance',
      instance,
      async (service, snapshot) => {
        const { id } = await run(serverJob(snapshot), service);
        await service.remove({ kind: 'temporary-server', id });
      },
    ],
    ['rds:CreateDBClusterSnapshot', aurora, (service) => service.start(snapshotJob())],
    ['rds:DescribeDBClusterSnapshots', aurora, (service) => service.find(snapshotJob())],
    ['rds:DeleteDBClusterSnapshot', aurora, (service, id) => service.remove({ kind: 'snapshot', id })],
    ['rds:DescribeDBClusters', aurora, (service) => service.problems()],
    ['rds:RestoreDBClusterFromSnapshot', aurora, (service, id) => service.start(serverJob(id))],
    ['rds:CreateDBInstance', aurora, (service, id) => run(serverJob(id), service)],
    [
      'rds:DeleteDBCluster',
      aurora,
      async (service, snapshot) => {
        const { id } = await run(serverJob(snapshot), service);
        await service.remove({ kind: 'temporary-server', id });
      },
    ],
  ];

  it.each(cases)('%s is told which, and who', async (permission, more, work) => {
    const service = open({ ...more });
    const { id } = await run(snapshotJob(), service);
    weather.missing.add(permission);
    expect(await codeOf(work(service, id))).toMatch(
      new RegExp(`^SERVICE_DENIED: permission ${permission} is missing: User: arn:aws:sts::123456789012:`),
    );
  });
});

describe('what is wrong with a place', () => {
  it.each([
    ['no such instance', { instance: 'maine' }, /^SERVICE_NOT_FOUND: maine not found/],
    ['no such cluster', { cluster: 'main' }, /^SERVICE_NOT_FOUND: /],
    ['another region', { ...instance, region: 'eu-west-1' }, /^SERVICE_DENIED: .*valid region/],
    ['nobody there', { ...instance, endpoint: 'http://127.0.0.1:9' }, /^SERVICE_UNREACHABLE: /],
  ])('is told: %s', async (_, more, expected) => {
    expect(await codeOf(open(more).problems())).toMatch(expected);
  });

  it('is told of an instance that belongs to a cluster, and of another engine', async () => {
    expect(await open({ instance: 'aurora-writer' }).problems()).toMatchObject([
      { code: 'ENVIRONMENT_INVALID', message: expect.stringContaining('aurora') },
    ]);
    Object.assign(main, { engine: 'mysql' });
    expect(await open().problems()).toMatchObject([{ code: 'DATABASE_VERSION_UNSUPPORTED' }]);
    Object.assign(main, { engine: 'postgres' });
  });

  it('is told of keys that nobody knows, and of half a pair', async () => {
    weather.strangers.add('AKIATEST');
    expect(await codeOf(open().problems())).toMatch(/^SERVICE_DENIED: AWS does not know who asks/);
    expect(() => open(instance, { accessKeyId: 'AKIATEST' })).toThrow(/has no secretAccessKey/);
  });

  it('is nothing where all is well', async () => {
    for (const [, more] of both) expect(await open(more).problems()).toEqual([]);
  });
});

describe('bad weather', () => {
  it.each([
    [400, 'Throttling', 'SERVICE_BUSY'],
    [503, 'ServiceUnavailable', 'SERVICE_FAILED'],
    [500, 'InternalFailure', 'SERVICE_FAILED'],
    [403, 'ExpiredToken', 'SERVICE_DENIED'],
    [403, 'AccessDenied', 'SERVICE_DENIED: permission rds:CreateDBSnapshot'],
    [400, 'RequestExpired', 'CLOCK_SKEW'],
    [400, 'InvalidParameterValue', 'SNAPSHOT_FAILED: the snapshot was refused'],
    [404, 'DBInstanceNotFound', 'SERVICE_NOT_FOUND'],
    [400, 'KMSKeyNotAccessibleFault', 'SERVICE_NOT_READY'],
  ])('%i %s at submission is %s', async (status, code, line) => {
    weather.answers.push({ action: 'CreateDBSnapshot', status, code, times: 9 });
    expect(await codeOf(open().start(snapshotJob()))).toMatch(new RegExp(`^${line}`));
  });

  it('while a job runs is waited through', async () => {
    const service = open();
    const job = snapshotJob();
    const handle = await service.start(job);
    const action = 'DescribeDBSnapshots';
    weather.answers.push({ action, status: 400, code: 'Throttling', times: 5 });
    weather.lost.push({ action, times: 1 });
    await service.wait(job, handle);
  });
});
