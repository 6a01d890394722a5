// The fake of RDS driven by a client that shares no code with ours, AWS's own in Python, and its errors beside those of moto.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  CreateDBClusterSnapshotCommand,
  CreateDBSnapshotCommand,
  DeleteDBInstanceCommand,
  DeleteDBSnapshotCommand,
  DescribeDBInstancesCommand,
  DescribeDBSnapshotsCommand,
  RDSClient,
  RestoreDBInstanceFromDBSnapshotCommand,
} from '@aws-sdk/client-rds';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { awsClient } from '../fakes/rds/model.ts';
import { type RdsFake, startRdsFake } from '../fakes/rds/server.ts';
import { region } from '../fakes/rds/things.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { clusterOf, elsewhere, instanceOf, keyOf } from '../support/rds.ts';
import { startMoto } from '../support/s3-servers.ts';

let server: PostgresServer;
let fake: RdsFake;
let abroad: RdsFake;

beforeAll(async () => {
  server = await startPostgres();
  const { cluster, writer } = clusterOf(server, 'aurora');
  const main = instanceOf(server, 'main', { kmsKeyId: keyOf(region) });
  const encrypted = { ...cluster, kmsKeyId: keyOf(region) };
  fake = await startRdsFake({ instances: [main, writer], clusters: [encrypted] });
  abroad = await startRdsFake({ region: elsewhere, others: [fake] });
});

afterAll(async () => {
  await abroad.stop();
  await fake.stop();
  await server.stop();
});

it('snapshots, restores, copies and deletes for AWS’s own client, within AWS’s description', async () => {
  // The client asks for what is refused while something is under way: that must not end meanwhile.
  fake.cloud.weather.slow = 1500;
  const script = fileURLToPath(new URL('../support/rds-client.py', import.meta.url));
  const about = JSON.stringify({
    api: fake.endpoint,
    region,
    abroad: { api: abroad.endpoint, region: elsewhere },
  });
  const { stdout } = await promisify(execFile)(awsClient('bin/python'), [script, about], {
    env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent' },
  });
  const { done, endpoint } = JSON.parse(stdout) as { done: string[]; endpoint: { Address: string; Port: number } };
  expect(done).toEqual([
    'DBSnapshotAlreadyExists',
    'InvalidDBInstanceState',
    'InvalidDBSnapshotState',
    'db_snapshot_completed',
    'DBInstanceNotFound',
    'DBInstanceAlreadyExists',
    'InvalidDBInstanceState',
    'db_instance_available',
    'InvalidParameterCombination',
    'db_instance_deleted',
    'db_cluster_snapshot_available',
    'db_cluster_available',
    'db_instance_available',
    'InvalidDBClusterStateFault',
    'db_cluster_deleted',
    'DBSnapshotNotFound',
    'InvalidParameterCombination',
    'DBSnapshotAlreadyExists',
    'db_snapshot_completed',
    'DBClusterSnapshotNotFoundFault',
    'InvalidParameterCombination',
    'DBClusterSnapshotAlreadyExistsFault',
    'db_cluster_snapshot_available',
    'DBSnapshotNotFound',
  ]);
  expect(endpoint.Port).not.toBe(server.port);
  for (const each of [fake, abroad]) {
    expect(each.violations).toEqual([]);
    expect(each.cloud.counts().there).toEqual({ snapshots: 0, servers: 0 });
  }
});

it('refuses by the codes by which moto refuses', async () => {
  fake.cloud.weather.slow = 0;
  const moto = await startMoto();
  const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'secret' };
  const clients = [fake.endpoint, moto.endpoint].map((endpoint) => new RDSClient({ endpoint, region, credentials }));
  const none = { DBInstanceIdentifier: 'none', DBSnapshotIdentifier: 'nothing' };
  const cases = [
    (rds: RDSClient) => rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: 'none' })),
    (rds: RDSClient) => rds.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier: 'nothing' })),
    (rds: RDSClient) => rds.send(new CreateDBSnapshotCommand(none)),
    (rds: RDSClient) => rds.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier: 'nothing' })),
    (rds: RDSClient) => rds.send(new RestoreDBInstanceFromDBSnapshotCommand(none)),
    (rds: RDSClient) =>
      rds.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier: 'none', SkipFinalSnapshot: true })),
    (rds: RDSClient) =>
      rds.send(
        new CreateDBClusterSnapshotCommand({ DBClusterIdentifier: 'none', DBClusterSnapshotIdentifier: 'nothing' }),
      ),
  ];
  const refusal = async (work: Promise<unknown>): Promise<string> => {
    const error: unknown = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
    return error instanceof Error ? `${status ?? ''} ${error.name}` : 'none';
  };
  const [ours, theirs] = await Promise.all(
    clients.map(async (client) => {
      const refusals: string[] = [];
      for (const each of cases) refusals.push(await refusal(each(client)));
      return refusals;
    }),
  );
  expect(ours).toEqual(theirs);
  for (const client of clients) client.destroy();
  await moto.stop();
});
