// Each call to RDS, of an instance and of a cluster, answered with each refusal, each failure, and not at all.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DatabaseService, ServiceJob } from '../../core/ports/database-service.ts';
import { commands } from '../../steps/services/rds-sdk.ts';
import { fairWeather } from '../fakes/rds/cloud.ts';
import { type RdsFake, startRdsFake } from '../fakes/rds/server.ts';
import { type AnsweredCall, type AnswerName, type Ends, endsOf, named, outlived } from '../support/every-answer.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { clusterOf, copyJob, elsewhere, instanceOf, openRdsService, serverJob, snapshotJob } from '../support/rds.ts';

let server: PostgresServer;
let here: RdsFake;
let there: RdsFake;

const open = (more: Readonly<Record<string, unknown>>): DatabaseService =>
  openRdsService(here, { ...more, snapshotCopies: [{ region: elsewhere, endpoint: there.endpoint }] });

const run = async (service: DatabaseService, job: ServiceJob) => service.wait(job, await service.start(job));

/** What stands there before anything goes wrong. */
const standing = async (more: Readonly<Record<string, unknown>>) => {
  const service = open(more);
  const taken = snapshotJob();
  const { id: snapshot } = await run(service, taken);
  return { taken, snapshot, server: (await run(service, serverJob(snapshot))).id };
};
let instance: Awaited<ReturnType<typeof standing>>;
let cluster: Awaited<ReturnType<typeof standing>>;

const usual: Ends = {
  '401': 'SERVICE_DENIED',
  '403': 'SERVICE_DENIED',
  '404': 'SERVICE_NOT_FOUND',
  '409': 'SERVICE_REFUSED',
  '412': 'SERVICE_REFUSED',
  '429': 'SERVICE_BUSY',
  '500': 'SERVICE_FAILED',
  '503': 'SERVICE_FAILED',
  reset: 'SERVICE_FAILED',
};
/** What is not there yet, or not any more. */
const absent = { '404': 'done' } as const;
/** Asked for again, it is gone already. */
const gone = { '404': 'done', reset: 'done' } as const;
/** What has our name was asked for by us. */
const asked = (failure: string) => ({ '409': failure, '412': failure, reset: 'done' });
const snapshotFailed = asked('SNAPSHOT_FAILED');
const serverFailed = asked('TEMPORARY_SERVER_FAILED');

const copy = (service: DatabaseService, snapshot: string) => {
  const { snapshotCopies } = service;
  if (!snapshotCopies) throw new Error('no copies');
  return snapshotCopies.start(copyJob(snapshot));
};

const ofInstance: readonly AnsweredCall<DatabaseService>[] = [
  ['DescribeDBInstances', (service) => service.problems()],
  ['DescribeDBSnapshots', (service) => service.find(instance.taken), absent],
  ['CreateDBSnapshot', (service) => service.start(snapshotJob()), snapshotFailed],
  ['RestoreDBInstanceFromDBSnapshot', (service) => service.start(serverJob(instance.snapshot)), serverFailed],
  ['CopyDBSnapshot', (service) => copy(service, instance.snapshot), snapshotFailed],
  ['DeleteDBInstance', (service) => service.remove({ kind: 'temporary-server', id: instance.server }), gone],
  ['DeleteDBSnapshot', (service) => service.remove({ kind: 'snapshot', id: instance.snapshot }), gone],
];

const ofCluster: readonly AnsweredCall<DatabaseService>[] = [
  ['DescribeDBClusters', (service) => service.problems()],
  ['DescribeDBClusterSnapshots', (service) => service.find(cluster.taken), absent],
  ['CreateDBClusterSnapshot', (service) => service.start(snapshotJob()), snapshotFailed],
  ['RestoreDBClusterFromSnapshot', (service) => service.start(serverJob(cluster.snapshot)), serverFailed],
  ['CreateDBInstance', (service) => run(service, serverJob(cluster.snapshot)), outlived],
  ['CopyDBClusterSnapshot', (service) => copy(service, cluster.snapshot), snapshotFailed],
  ['DeleteDBCluster', (service) => service.remove({ kind: 'temporary-server', id: cluster.server }), gone],
  ['DeleteDBClusterSnapshot', (service) => service.remove({ kind: 'snapshot', id: cluster.snapshot }), gone],
];

const codes: Readonly<Record<Exclude<AnswerName, 'reset'>, string>> = {
  '401': 'ExpiredToken',
  '403': 'AccessDenied',
  '404': 'SomethingNotFoundFault',
  '409': 'Conflict',
  '412': 'PreconditionFailed',
  '429': 'TooManyRequestsException',
  '500': 'InternalFailure',
  '503': 'ServiceUnavailable',
};

const answered =
  (action: string, times: number) =>
  (name: AnswerName): void => {
    for (const { cloud } of [here, there]) {
      const answers = name === 'reset' ? [] : [{ action, status: Number(name), code: codes[name], times }];
      Object.assign(cloud.weather, { answers, lost: name === 'reset' ? [{ action, times }] : [] });
    }
  };

beforeAll(async () => {
  server = await startPostgres();
  const { cluster: live, writer } = clusterOf(server, 'aurora');
  here = await startRdsFake({ instances: [instanceOf(server, 'main'), writer], clusters: [live] });
  there = await startRdsFake({ region: elsewhere, others: [here] });
  instance = await standing({ instance: 'main' });
  cluster = await standing({ cluster: 'aurora' });
});
beforeEach(() => {
  for (const { cloud } of [here, there]) Object.assign(cloud.weather, fairWeather());
});
afterEach(() => {
  const [violation] = [...here.violations.splice(0), ...there.violations.splice(0)];
  if (violation !== undefined) throw new Error(violation);
});
afterAll(async () => {
  await there.stop();
  await here.stop();
  await server.stop();
});

it('every call is in one of the tables', () => {
  const all = [...ofInstance, ...ofCluster].map(([call]) => `${call}Command`);
  expect(all.sort()).toEqual(Object.keys(commands).sort());
});

describe.each([
  ['an instance', { instance: 'main' }, ofInstance],
  ['a cluster', { cluster: 'aurora' }, ofCluster],
] as const)('every answer to a call about %s', (_, more, calls) => {
  it.each(named(calls))('at %s', async (call, { work, more: differing }) => {
    const times = differing['503'] === 'done' ? 6 : 99;
    const ends = await endsOf(answered(call, times), () => work(open(more)));
    expect(ends).toEqual({ ...usual, ...differing });
  });
});
