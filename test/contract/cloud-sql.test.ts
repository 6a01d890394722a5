// The service Cloud SQL against the fake cloud: what the port promises, and everything that a cloud refuses.
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DatabaseService, ServiceJob } from '../../core/ports/database-service.ts';
import { cloudSqlPermissions } from '../../core/permissions/services.ts';
import { fairWeather } from '../fakes/cloud-sql/cloud.ts';
import type { FakeInstance } from '../fakes/cloud-sql/instances.ts';
import { readObject, runSql } from '../fakes/cloud-sql/programs.ts';
import { type CloudLab, instanceOf, openCloudSqlService, startCloudLab } from '../support/cloud-sql.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { codeOf } from '../support/rds.ts';

let server: PostgresServer;
let cloud: CloudLab;
let main: FakeInstance;

const open = (
  more: Readonly<Record<string, unknown>> = {},
  signal = new AbortController().signal,
  secrets: Readonly<Record<string, string>> = {},
): DatabaseService => openCloudSqlService(cloud, { more, signal, secrets: { username: server.superuser, ...secrets } });

let names = 0;
const exportJob = (): ServiceJob => ({ kind: 'export', database: 'shop', url: `gs://backups/a/${++names}.sql.gz` });
const snapshotJob = (): ServiceJob => ({ kind: 'snapshot', description: `lc2-backup x ${++names}` });

const run = async (job: ServiceJob, service = open()) => service.wait(job, await service.start(job));

beforeAll(async () => {
  server = await startPostgres();
  main = instanceOf(server, 'main');
  cloud = await startCloudLab([main, instanceOf(server, 'main-two', { instanceType: 'READ_REPLICA_INSTANCE' })]);
  await cloud.bucket('backups');
  await runSql(server, 'postgres', 'CREATE DATABASE shop');
  await runSql(server, 'shop', 'CREATE TABLE orders AS SELECT generate_series(1, 10) AS id');
});

beforeEach(() => {
  const allowed = new Set(Object.keys(cloudSqlPermissions));
  Object.assign(cloud.fake.cloud.weather, fairWeather(), { allowed });
  Object.assign(main, { state: 'RUNNABLE', activationPolicy: 'ALWAYS' });
});

/** What our client asks is what Google describes. */
afterEach(() => {
  const [violation] = cloud.fake.violations;
  if (violation !== undefined) throw new Error(violation);
});

afterAll(async () => {
  await cloud.stop();
  await server.stop();
});

describe('jobs of Cloud SQL', () => {
  it('export a database into the bucket, whole', async () => {
    const job = exportJob();
    await run(job);
    const stored = await readObject(cloud.buckets.endpoint, { bucket: 'backups', object: `a/${names}.sql.gz` });
    expect(gunzipSync(stored ?? Buffer.alloc(0)).toString()).toContain('COPY public.orders');
  });

  it('import a script into a database', async () => {
    const job = exportJob();
    await run(job);
    await runSql(server, 'postgres', 'CREATE DATABASE copy');
    const url = job.kind === 'export' ? job.url : '';
    await run({ kind: 'import', database: 'copy', url, ignore: [] });
    expect(await runSql(server, 'copy', 'SELECT count(*) FROM orders')).toEqual(['10']);
  });

  it('take a snapshot that lives as long as was asked for, and can be deleted twice', async () => {
    const service = open({ snapshot: { ttlDays: 3 } });
    const job = snapshotJob();
    const { id } = await run(job, service);
    const backup = cloud.fake.cloud.backups.find(({ name }) => name === id);
    expect((backup?.expires?.getTime() ?? 0) - (backup?.created.getTime() ?? 0)).toBe(3 * 86_400_000);
    expect(await service.leftovers(job.kind === 'snapshot' ? job.description : '')).toMatchObject([
      { id, state: 'done' },
    ]);
    await service.remove({ kind: 'snapshot', id });
    await expect
      .poll(() => service.leftovers('lc2-backup x').then((all) => all.some((each) => each.id === id)))
      .toBe(false);
    await service.remove({ kind: 'snapshot', id });
  });

  it('keep a snapshot where that was asked for, and say where it is', async () => {
    expect(await run(snapshotJob())).toMatchObject({ location: 'eu' });
    const service = open({ snapshot: { location: 'europe-west4' } });
    const { id, location } = await run(snapshotJob(), service);
    expect(location).toBe('europe-west4');
    expect(cloud.fake.cloud.backups.find(({ name }) => name === id)?.location).toBe('europe-west4');
  });

  it('fail where a snapshot is kept somewhere else, or cannot be kept there', async () => {
    cloud.fake.cloud.weather.misplaced = 'us';
    expect(await codeOf(run(snapshotJob(), open({ snapshot: { location: 'eu' } })))).toMatch(
      /^SNAPSHOT_FAILED: .*it is kept in us, and not in eu/,
    );
    const nowhere = open({ snapshot: { location: 'mars-west1' } });
    expect(await codeOf(nowhere.start(snapshotJob()))).toMatch(/^SNAPSHOT_FAILED: .*location: mars-west1/);
    expect(() => open({ snapshot: { location: 'Europe' } })).toThrow(/must be a region or a multi-region/);
  });

  it.each([
    ['export', exportJob],
    ['snapshot', snapshotJob],
  ] as const)('are found again when the answer to a %s was lost, page after page', async (kind, make) => {
    const job = make();
    const method = kind === 'export' ? 'sql.instances.export' : 'sql.Backups.CreateBackup';
    cloud.fake.cloud.weather.lost.push({ method, times: 1 });
    const service = open();
    expect(await codeOf(service.start(job))).toMatch(/^SERVICE_FAILED: /);
    const handle = await service.find(job);
    expect(handle).toBeDefined();
    await service.wait(job, handle ?? '');
    let last = job;
    for (let others = 0; others < 4; others++) await run((last = make()));
    expect(await service.find(last)).toBeDefined();
    expect(await service.find(job)).toBe(handle);
    expect(await service.find(make())).toBeUndefined();
  });

  it('are refused while another runs, and given up when asked', async () => {
    cloud.fake.cloud.weather.held = true;
    const job = exportJob();
    const service = open();
    const handle = await service.start(job);
    expect(await codeOf(service.start(exportJob()))).toMatch(/^SERVICE_BUSY: another operation/);
    expect(await codeOf(service.start(snapshotJob()))).toMatch(/^SERVICE_BUSY: /);
    await service.cancel(handle);
    expect(await codeOf(service.wait(job, handle))).toMatch(/^EXPORT_FAILED: .*CANCELLED/);
    await service.cancel(handle);
  });

  it('can be given up by whoever was told to stop', async () => {
    cloud.fake.cloud.weather.held = true;
    const stop = new AbortController();
    const service = open({}, stop.signal);
    const job = exportJob();
    const handle = await service.start(job);
    stop.abort();
    await expect(service.wait(job, handle)).rejects.toThrow('aborted');
    await service.cancel(handle);
    await expect.poll(() => cloud.fake.cloud.operations[0]?.status).toBe('DONE');
  });

  it('of a serverless export stand aside of others', async () => {
    cloud.fake.cloud.weather.held = true;
    const offloaded = open({ export: { offload: true } });
    await offloaded.start(exportJob());
    expect(await codeOf(offloaded.start(exportJob()))).toMatch(/^SERVICE_BUSY: /);
    await open().start(exportJob());
    cloud.fake.cloud.weather.held = false;
    await expect.poll(() => cloud.fake.cloud.operations.every(({ status }) => status === 'DONE')).toBe(true);
  });
});

describe('an operation that is done with an error', () => {
  it.each([
    ['EXPORT', exportJob, 'EXPORT_FAILED'],
    ['BACKUP_VOLUME', snapshotJob, 'SNAPSHOT_FAILED'],
  ] as const)('%s is a failure', async (operationType, make, code) => {
    const error = { code: 'ERROR_RDBMS', message: 'out of disk' };
    cloud.fake.cloud.weather.failures.push({ operationType, error });
    const job = make();
    const service = open();
    const handle = await service.start(job);
    expect(await codeOf(service.wait(job, handle))).toMatch(new RegExp(`^${code}: .*ERROR_RDBMS: out of disk`));
    expect(await service.find(job)).toBeDefined();
  });

  it('of Google’s own is asked for again', async () => {
    const error = { code: 'INTERNAL_ERROR', message: 'something went wrong' };
    cloud.fake.cloud.weather.failures.push({ operationType: 'EXPORT', error });
    expect(await codeOf(run(exportJob()))).toMatch(/^SERVICE_INTERRUPTED: /);
  });

  it('is what an export over an object ends with', async () => {
    const job = exportJob();
    await run(job);
    expect(await codeOf(run(job))).toMatch(/^EXPORT_FAILED: .*already exists/);
    // The one that succeeded is what the job came to.
    const service = open();
    await service.wait(job, (await service.find(job)) ?? '');
  });

  it('is what a bucket without the instance’s account ends with', async () => {
    cloud.fake.cloud.weather.forbidden.add(`${main.serviceAccount} backups`);
    expect(await codeOf(run(exportJob()))).toMatch(
      /^EXPORT_FAILED: .*main@gcp-sa-cloud-sql.*permissions for the bucket/,
    );
  });

  it('of an earlier import is not that of a later one', async () => {
    const url = 'gs://backups/none.sql.gz';
    const job = { kind: 'import', database: 'shop', url, ignore: [] as string[] } as const;
    const service = open();
    const handle = await service.start(job);
    expect(await codeOf(service.wait(job, handle))).toMatch(/^LOAD_FAILED: .*does not exist/);
    expect(await service.find(job)).toBe(handle);
    expect(await service.find({ ...job, ignore: [handle] })).toBeUndefined();
  });
});

describe('who lacks a permission', () => {
  const job = exportJob;
  const cases: readonly [string, (service: DatabaseService) => Promise<unknown>][] = [
    ['cloudsql.instances.export', (service) => service.start(job())],
    [
      'cloudsql.instances.import',
      (service) => service.start({ kind: 'import', database: 'a', url: 'gs://b/c', ignore: [] }),
    ],
    ['cloudsql.backupRuns.create', (service) => service.start(snapshotJob())],
    ['cloudsql.backupRuns.list', (service) => service.leftovers('lc2-backup')],
    ['cloudsql.backupRuns.get', (service) => run(snapshotJob(), service)],
    [
      'cloudsql.backupRuns.delete',
      (service) => service.remove({ kind: 'snapshot', id: 'projects/retail-prd/backups/none' }),
    ],
    ['cloudsql.instances.get', (service) => service.problems()],
    ['cloudsql.instances.get', (service) => service.find(job())],
    [
      'cloudsql.instances.update',
      async (service) => {
        const slow = job();
        const handle = await service.start(slow);
        try {
          await service.cancel(handle);
        } finally {
          await service.wait(slow, handle);
        }
      },
    ],
  ];

  it('is of all that the page of permissions names', () => {
    expect(new Set(cases.map(([permission]) => permission))).toEqual(new Set(Object.keys(cloudSqlPermissions)));
  });

  it.each(cases)('%s is told which', async (permission, work) => {
    cloud.fake.cloud.weather.slow = 300;
    cloud.fake.cloud.weather.missing.add(permission);
    expect(await codeOf(work(open()))).toMatch(new RegExp(`^SERVICE_DENIED: permission ${permission} is missing`));
  });
});

describe('what is wrong with a place', () => {
  it.each([
    ['another project', { project: 'retail-uat' }, /^SERVICE_DENIED: permission cloudsql.instances.get/],
    ['no such instance', { instance: 'maine' }, /^SERVICE_NOT_FOUND: /],
    ['nobody there', { endpoint: 'http://127.0.0.1:9' }, /^SERVICE_UNREACHABLE: /],
  ])('is told: %s', async (_, more, expected) => {
    expect(await codeOf(open(more).problems())).toMatch(expected);
  });

  it('is told of a stopped instance, before and after', async () => {
    main.activationPolicy = 'NEVER';
    expect(await open().problems()).toMatchObject([
      { code: 'SERVICE_NOT_READY', message: 'retail-prd/main is stopped' },
    ]);
    expect(await codeOf(open().start(exportJob()))).toMatch(/^SERVICE_NOT_READY: /);
  });

  it('is told of a replica and of maintenance', async () => {
    expect(await open({ instance: 'main-two' }).problems()).toMatchObject([{ code: 'SERVICE_NOT_READY' }]);
    main.state = 'MAINTENANCE';
    expect(await open().problems()).toMatchObject([{ code: 'SERVICE_NOT_READY' }]);
  });

  it('is told of an instance that is suspended, as with a key that is disabled', async () => {
    main.state = 'SUSPENDED';
    expect(await open().problems()).toMatchObject([{ code: 'SERVICE_NOT_READY' }]);
    for (const job of [exportJob(), snapshotJob()])
      expect(await codeOf(open().start(job))).toMatch(/^SERVICE_NOT_READY: /);
  });

  it('is nothing where all is well', async () => expect(await open().problems()).toEqual([]));
});

describe('bad weather', () => {
  it.each([
    [429, 'rateLimitExceeded', 'SERVICE_BUSY'],
    [403, 'quotaExceeded', 'SERVICE_BUSY'],
    [503, 'backendError', 'SERVICE_FAILED'],
    [500, 'internalError', 'SERVICE_FAILED'],
    [401, 'authError', 'SERVICE_DENIED'],
    [400, 'invalid', 'EXPORT_FAILED'],
  ])('%i %s at submission is %s, asked once', async (status, reason, code) => {
    const method = 'sql.instances.export';
    cloud.fake.cloud.weather.answers.push({ method, status, reason, times: 1 });
    const before = cloud.fake.calls.length;
    expect(await codeOf(open().start(exportJob()))).toMatch(new RegExp(`^${code}: `));
    expect(cloud.fake.calls.slice(before)).toEqual([method]);
  });

  it('while a job runs is waited through', async () => {
    const method = 'sql.operations.get';
    cloud.fake.cloud.weather.answers.push({ method, status: 429, reason: 'rateLimitExceeded', times: 2 });
    cloud.fake.cloud.weather.lost.push({ method, times: 1 });
    await run(exportJob());
  });
});

it('credentials never travel over plain http', () => {
  expect(() => open({}, undefined, { 'credentials.json': '{}' })).toThrow(/plain http/);
});
