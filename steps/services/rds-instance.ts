import type { DBInstance, DBSnapshot } from '@aws-sdk/client-rds';
import { orUndefined } from './or-undefined.ts';
import { pages, placeOf, type RdsSource, type RdsThing, type RdsUnit, tagsOf, type UnitOptions } from './rds-unit.ts';

export const instanceUnit = ({ client, spec, name }: UnitOptions): RdsUnit => ({
  source: async () => sourceOf(await describeInstance(client, name)),
  createSnapshot: async (id, tags) => {
    const input = { DBInstanceIdentifier: name, DBSnapshotIdentifier: id, Tags: [...tags] };
    await client.call('CreateDBSnapshot', ({ rds, CreateDBSnapshotCommand, abortable }) =>
      rds.send(new CreateDBSnapshotCommand(input), abortable),
    );
  },
  snapshot: async (id) => {
    const found = await orUndefined(
      client.call('DescribeDBSnapshots', ({ rds, DescribeDBSnapshotsCommand, abortable }) =>
        rds.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier: id }), abortable),
      ),
    );
    return found?.DBSnapshots?.map(snapshotThing)[0];
  },
  snapshots: async function* () {
    for await (const { DBSnapshots = [] } of pages((marker) =>
      client.call('DescribeDBSnapshots', ({ rds, DescribeDBSnapshotsCommand, abortable }) => {
        const input = { DBInstanceIdentifier: name, SnapshotType: 'manual', ...marker };
        return rds.send(new DescribeDBSnapshotsCommand(input), abortable);
      }),
    ))
      yield* DBSnapshots.map(snapshotThing);
  },
  deleteSnapshot: async (id) => {
    await client.call('DeleteDBSnapshot', ({ rds, DeleteDBSnapshotCommand, abortable }) =>
      rds.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier: id }), abortable),
    );
  },
  copySnapshot: async ({ id, source, kmsKeyId, tags }) => {
    const input = {
      SourceDBSnapshotIdentifier: source,
      TargetDBSnapshotIdentifier: id,
      ...(kmsKeyId === undefined ? {} : { KmsKeyId: kmsKeyId }),
      Tags: [...tags],
    };
    await client.call('CopyDBSnapshot', ({ rds, CopyDBSnapshotCommand, abortable }) =>
      rds.send(new CopyDBSnapshotCommand(input), abortable),
    );
  },
  restore: async ({ id, snapshot, source, shape, tags }) => {
    const { class: size, parameterGroup, backups } = shape;
    const input = {
      DBInstanceIdentifier: id,
      DBSnapshotIdentifier: snapshot,
      ...(size === undefined ? {} : { DBInstanceClass: size }),
      ...(parameterGroup === undefined ? {} : { DBParameterGroupName: parameterGroup }),
      ...placeOf(spec, source),
      PubliclyAccessible: false,
      MultiAZ: false,
      AutoMinorVersionUpgrade: false,
      ...(backups ? {} : { BackupRetentionPeriod: 0 }),
      Tags: [...tags],
    };
    await client.call('RestoreDBInstanceFromDBSnapshot', ({ rds, abortable, ...sdk }) =>
      rds.send(new sdk.RestoreDBInstanceFromDBSnapshotCommand(input), abortable),
    );
  },
  complete: () => Promise.resolve(),
  takenName: async (id) => ((await orUndefined(describeInstance(client, id))) ? id : undefined),
  server: async (id) => {
    const found = await orUndefined(describeInstance(client, id));
    return found && instanceThing(found);
  },
  servers: () => listInstances(client),
  deleteServer: ({ id }) => deleteInstance(client, id),
});

type Client = UnitOptions['client'];

export const describeInstance = async (client: Client, id: string): Promise<DBInstance> => {
  const { DBInstances = [] } = await client.call(
    'DescribeDBInstances',
    ({ rds, DescribeDBInstancesCommand, abortable }) =>
      rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: id }), abortable),
  );
  return DBInstances[0] ?? {};
};

const listInstances = async function* (client: Client): AsyncIterable<RdsThing> {
  for await (const { DBInstances = [] } of pages((marker) =>
    client.call('DescribeDBInstances', ({ rds, DescribeDBInstancesCommand, abortable }) =>
      rds.send(new DescribeDBInstancesCommand(marker), abortable),
    ),
  ))
    // Members of clusters come and go with theirs.
    yield* DBInstances.filter(({ DBClusterIdentifier }) => !DBClusterIdentifier).map(instanceThing);
};

export const deleteInstance = async (client: Client, id: string): Promise<void> => {
  const input = { DBInstanceIdentifier: id, SkipFinalSnapshot: true, DeleteAutomatedBackups: true };
  await client.call('DeleteDBInstance', ({ rds, DeleteDBInstanceCommand, abortable }) =>
    rds.send(new DeleteDBInstanceCommand(input), abortable),
  );
};

const snapshotThing = (snapshot: DBSnapshot): RdsThing => ({
  id: snapshot.DBSnapshotIdentifier ?? '',
  arn: snapshot.DBSnapshotArn ?? '',
  status: snapshot.Status ?? '',
  percent: snapshot.PercentProgress,
  source: snapshot.SourceDBSnapshotIdentifier,
  tags: tagsOf(snapshot.TagList),
});

export const instanceThing = (instance: DBInstance): RdsThing => ({
  id: instance.DBInstanceIdentifier ?? '',
  arn: instance.DBInstanceArn ?? '',
  status: instance.DBInstanceStatus ?? '',
  tags: tagsOf(instance.TagList),
  host: instance.Endpoint?.Address,
  port: instance.Endpoint?.Port,
});

const sourceOf = (instance: DBInstance): RdsSource => ({
  status: instance.DBInstanceStatus ?? '',
  engine: instance.Engine ?? '',
  engineVersion: instance.EngineVersion,
  class: instance.DBInstanceClass,
  subnetGroup: instance.DBSubnetGroup?.DBSubnetGroupName,
  securityGroups: (instance.VpcSecurityGroups ?? []).flatMap(({ VpcSecurityGroupId }) => VpcSecurityGroupId ?? []),
  encrypted: instance.StorageEncrypted === true,
  parameterGroup: instance.DBParameterGroups?.[0]?.DBParameterGroupName,
  cluster: instance.DBClusterIdentifier,
});
