// Each call to Cloud SQL and to Storage Transfer, answered with each refusal, each failure, and not at all.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseEnvironment } from '../../core/plan/environment.ts';
import type { DatabaseService, ServiceJob } from '../../core/ports/database-service.ts';
import type { TransferJob, TransferService } from '../../core/ports/transfer-service.ts';
import { openService, openTransfer } from '../../steps/services/index.ts';
import { fairWeather } from '../fakes/cloud-sql/cloud.ts';
import { permissions as sqlCalls } from '../fakes/cloud-sql/methods.ts';
import { runSql } from '../fakes/cloud-sql/programs.ts';
import type { ApiWeather } from '../fakes/google/google-api.ts';
import { fairTransferWeather } from '../fakes/storage-transfer/cloud.ts';
import { type CloudLab, instanceOf, startCloudLab } from '../support/cloud-sql.ts';
import { type AnsweredCall, type AnswerName, type Ends, endsOf, named, outlived } from '../support/every-answer.ts';
import { newServerJob, nextName } from '../support/new-servers.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { startTransferLab, transferProject, type TransferLab } from '../support/storage-transfer.ts';

const reasons: Readonly<Record<Exclude<AnswerName, 'reset'>, string>> = {
  '401': 'authError',
  '403': 'forbidden',
  '404': 'notFound',
  '409': 'invalidState',
  '412': 'conditionNotMet',
  '429': 'rateLimitExceeded',
  '500': 'internalError',
  '503': 'backendError',
};

/** Nothing else is upset; `times` are enough for every try of one call, or few where somebody looks again. */
const answered =
  (weather: ApiWeather, method: string, times: number) =>
  (name: AnswerName): void => {
    Object.assign(weather, { answers: [], lost: [] });
    if (name === 'reset') weather.lost.push({ method, times });
    else weather.answers.push({ method, status: Number(name), reason: reasons[name], times });
  };

/** Whoever looks takes what it does not understand for a failure that passes. */
const looked = { ...outlived, '412': 'done' } as const;

/** What our client asks is what Google describes. */
const assertDescribed = ([violation]: readonly string[]): void => {
  if (violation !== undefined) throw new Error(violation);
};

const timesOf = (more: Partial<Ends>): number => (more['503'] === 'done' ? 6 : 99);

const usual: Ends = {
  '401': 'SERVICE_DENIED',
  '403': 'SERVICE_DENIED',
  '404': 'SERVICE_NOT_FOUND',
  '409': 'SERVICE_NOT_READY',
  '412': 'SERVICE_FAILED',
  '429': 'SERVICE_BUSY',
  '500': 'SERVICE_FAILED',
  '503': 'SERVICE_FAILED',
  reset: 'SERVICE_FAILED',
};

let names = 0;

describe('every answer to a call of Cloud SQL', () => {
  let server: PostgresServer;
  let cloud: CloudLab;

  const open = (): DatabaseService => {
    const place = { project: 'retail-prd', instance: 'main', endpoint: cloud.fake.endpoint };
    const spec = {
      projectId: 'retail',
      database: { cloudSql: { engine: 'postgresql', host: 'db', ...place } },
      storage: { url: 'gs://backups' },
    };
    const environment = parseEnvironment({ name: 'prd', spec }, 'test');
    const secrets = { username: server.superuser };
    const service = openService({ environment, secrets, signal: new AbortController().signal });
    if (!service) throw new Error('no service');
    return service;
  };
  const exportJob = (): ServiceJob => ({ kind: 'export', database: 'shop', url: `gs://backups/${++names}.sql.gz` });
  const snapshotJob = (): ServiceJob => ({ kind: 'snapshot', description: `lc2-backup x ${++names}` });
  const importJob = (): ServiceJob => ({
    kind: 'import',
    database: 'shop',
    url: `gs://backups/${++names}`,
    ignore: [],
  });
  const run = async (service: DatabaseService, job: ServiceJob) => service.wait(job, await service.start(job));
  let snapshot: string;
  let standing: string;
  const late = 'NEW_SERVER_FAILED';
  const newServer = (seconds?: number) => newServerJob(snapshot, nextName(), seconds);

  const calls: readonly AnsweredCall<DatabaseService>[] = [
    ['sql.instances.get', (service) => service.problems()],
    ['sql.instances.export', (service) => service.start(exportJob()), { '412': 'EXPORT_FAILED' }],
    ['sql.instances.import', (service) => service.start(importJob()), { '412': 'LOAD_FAILED' }],
    ['sql.operations.get', (service) => run(service, exportJob()), looked],
    ['sql.operations.list', (service) => service.find(exportJob())],
    [
      'sql.operations.cancel',
      async (service) => {
        cloud.fake.cloud.weather.held = true;
        const handle = await service.start(exportJob());
        await service.cancel(handle).finally(() => (cloud.fake.cloud.weather.held = false));
      },
    ],
    ['sql.Backups.CreateBackup', (service) => service.start(snapshotJob()), { '412': 'SNAPSHOT_FAILED' }],
    ['sql.Backups.GetBackup', (service) => run(service, snapshotJob()), looked],
    ['sql.Backups.ListBackups', (service) => service.leftovers('lc2-backup')],
    [
      'sql.Backups.DeleteBackup',
      (service) => service.remove({ kind: 'snapshot', id: 'projects/retail-prd/backups/none' }),
      // What is gone is gone.
      { '404': 'done', reset: 'done' },
    ],
    [
      'sql.instances.insert',
      (service) => service.start(newServer()),
      // Google keeps the names of instances that are deleted.
      { '409': 'NAME_TAKEN', '412': 'NEW_SERVER_FAILED' },
    ],
    [
      'sql.instances.restoreBackup',
      (service) => run(service, newServer(8)),
      // As long as the job may take it is asked for again, unless it has begun.
      { '412': late, '429': late, '500': late, '503': late, reset: 'done' },
    ],
    [
      'sql.instances.delete',
      (service) => service.remove({ kind: 'new-server', id: standing }),
      { '404': 'done', '412': 'SERVICE_REFUSED' },
    ],
  ];

  const quiet = async (): Promise<void> => {
    const { operations } = cloud.fake.cloud;
    await expect.poll(() => operations.every(({ status }) => status === 'DONE')).toBe(true);
  };

  beforeAll(async () => {
    server = await startPostgres();
    cloud = await startCloudLab([instanceOf(server, 'main')]);
    await cloud.bucket('backups');
    await runSql(server, 'postgres', 'CREATE DATABASE shop');
    snapshot = (await run(open(), snapshotJob())).id;
    standing = (await run(open(), newServer())).id;
  });
  afterEach(() => {
    Object.assign(cloud.fake.cloud.weather, fairWeather());
    assertDescribed(cloud.fake.violations);
  });
  afterAll(async () => {
    await cloud.stop();
    await server.stop();
  });

  it('is of all calls that there are', () => {
    expect(calls.map(([call]) => call).sort()).toEqual(Object.keys(sqlCalls).sort());
  });

  it.each(named(calls))('at %s', async (call, { work, more }) => {
    const ends = await endsOf(answered(cloud.fake.cloud.weather, call, timesOf(more)), async () => {
      await quiet();
      await work(open());
    });
    expect(ends).toEqual({ ...usual, ...more });
  });
});

describe('every answer to a call of Storage Transfer', () => {
  let cloud: TransferLab;
  let known: TransferJob;
  const open = (): TransferService =>
    openTransfer({
      spec: { project: transferProject, minimumObjects: 1, endpoint: cloud.fake.endpoint },
      secrets: {},
      signal: new AbortController().signal,
    });

  /** Of no object. */
  const job = (): TransferJob => ({
    kind: 'transfer',
    name: `transferJobs/lc2-${++names}`,
    source: { bucket: 'from', path: '' },
    sink: { bucket: 'to', path: `${names}/` },
    list: 'gs://to/none.csv',
    count: 0,
    bytes: 0,
  });

  const calls: readonly AnsweredCall<TransferService>[] = [
    [
      'storagetransfer.transferJobs.create',
      (service) => service.start(job()),
      // It says that its name is taken, and then that there is no such job.
      { '409': 'SERVICE_NOT_FOUND', '412': 'TRANSFER_FAILED' },
    ],
    // Not asked for yet.
    ['storagetransfer.transferJobs.get', (service) => service.find(known), { '404': 'done' }],
    ['storagetransfer.transferJobs.run', (service) => service.start(job()), { '412': 'TRANSFER_FAILED' }],
    [
      'storagetransfer.transferOperations.get',
      async (service) => {
        const one = job();
        await service.wait(one, await service.start(one));
      },
      looked,
    ],
    [
      'storagetransfer.transferOperations.cancel',
      async (service) => {
        cloud.fake.cloud.weather.held = true;
        const handle = await service.start(job());
        await service.cancel(handle).finally(() => (cloud.fake.cloud.weather.held = false));
      },
    ],
  ];

  beforeAll(async () => {
    cloud = await startTransferLab();
    for (const bucket of ['from', 'to']) await cloud.buckets.make(bucket);
    await cloud.buckets.put('to', 'none.csv', '');
    known = job();
    await open().start(known);
  });
  beforeEach(() => void Object.assign(cloud.fake.cloud.weather, fairTransferWeather()));
  afterEach(() => assertDescribed(cloud.fake.violations));
  afterAll(() => cloud.stop());

  it.each(named(calls))('at %s', async (call, { work, more }) => {
    const { weather } = cloud.fake.cloud;
    const ends = await endsOf(answered(weather, call, timesOf(more)), () => work(open()));
    expect(ends).toEqual({ ...usual, ...more });
  });

  it('is of all calls that were made', () => {
    expect(new Set(calls.map(([call]) => call))).toEqual(new Set(cloud.fake.calls));
  });
});
