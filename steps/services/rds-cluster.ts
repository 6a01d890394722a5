import type { DBCluster, DBClusterSnapshot } from '@aws-sdk/client-rds';
import { isRefusal } from './rds-client.ts';
import { deleteInstance, describeInstance, instanceThing } from './rds-instance.ts';
import { orUndefined } from './or-undefined.ts';
import { pages, placeOf, type RdsThing, type RdsUnit, tagsOf, type UnitOptions } from './rds-unit.ts';

export const clusterUnit = ({ client, spec, name }: UnitOptions): RdsUnit => ({
  source: async () => {
    const cluster = await describeCluster(client, name);
    const writer = cluster.DBClusterMembers?.find(({ IsClusterWriter }) => IsClusterWriter === true);
    const writes = writer?.DBInstanceIdentifier;
    return {
      status: cluster.Status ?? '',
      engine: cluster.Engine ?? '',
      engineVersion: cluster.EngineVersion,
      class: writes === undefined ? undefined : (await describeInstance(client, writes)).DBInstanceClass,
      subnetGroup: cluster.DBSubnetGroup,
      securityGroups: (cluster.VpcSecurityGroups ?? []).flatMap(({ VpcSecurityGroupId }) => VpcSecurityGroupId ?? []),
      encrypted: cluster.StorageEncrypted === true,
      parameterGroup: cluster.DBClusterParameterGroup,
      scaling: cluster.ServerlessV2ScalingConfiguration,
    };
  },
  createSnapshot: async (id, tags) => {
    const input = { DBClusterIdentifier: name, DBClusterSnapshotIdentifier: id, Tags: [...tags] };
    await client.call('CreateDBClusterSnapshot', ({ rds, CreateDBClusterSnapshotCommand, abortable }) =>
      rds.send(new CreateDBClusterSnapshotCommand(input), abortable),
    );
  },
  snapshot: async (id) => {
    const found = await orUndefined(
      client.call('DescribeDBClusterSnapshots', ({ rds, DescribeDBClusterSnapshotsCommand, abortable }) =>
        rds.send(new DescribeDBClusterSnapshotsCommand({ DBClusterSnapshotIdentifier: id }), abortable),
      ),
    );
    return found?.DBClusterSnapshots?.map(snapshotThing)[0];
  },
  snapshots: async function* () {
    for await (const { DBClusterSnapshots = [] } of pages((marker) =>
      client.call('DescribeDBClusterSnapshots', ({ rds, DescribeDBClusterSnapshotsCommand, abortable }) => {
        const input = { DBClusterIdentifier: name, SnapshotType: 'manual', ...marker };
        return rds.send(new DescribeDBClusterSnapshotsCommand(input), abortable);
      }),
    ))
      yield* DBClusterSnapshots.map(snapshotThing);
  },
  deleteSnapshot: async (id) => {
    await client.call('DeleteDBClusterSnapshot', ({ rds, DeleteDBClusterSnapshotCommand, abortable }) =>
      rds.send(new DeleteDBClusterSnapshotCommand({ DBClusterSnapshotIdentifier: id }), abortable),
    );
  },
  copySnapshot: async ({ id, source, kmsKeyId, tags }) => {
    const input = {
      SourceDBClusterSnapshotIdentifier: source,
      TargetDBClusterSnapshotIdentifier: id,
      ...(kmsKeyId === undefined ? {} : { KmsKeyId: kmsKeyId }),
      Tags: [...tags],
    };
    await client.call('CopyDBClusterSnapshot', ({ rds, CopyDBClusterSnapshotCommand, abortable }) =>
      rds.send(new CopyDBClusterSnapshotCommand(input), abortable),
    );
  },
  restore: async ({ id, snapshot, source, shape, tags }) => {
    const { parameterGroup, backups } = shape;
    const input = {
      DBClusterIdentifier: id,
      SnapshotIdentifier: snapshot,
      Engine: source.engine,
      // Without one it would be the region's default, which may be another.
      ...(source.engineVersion === undefined ? {} : { EngineVersion: source.engineVersion }),
      ...(source.scaling === undefined ? {} : { ServerlessV2ScalingConfiguration: source.scaling }),
      ...(parameterGroup === undefined ? {} : { DBClusterParameterGroupName: parameterGroup }),
      ...placeOf(spec, source),
      ...(backups ? {} : { BackupRetentionPeriod: 1 }),
      Tags: [...tags],
    };
    await client.call('RestoreDBClusterFromSnapshot', ({ rds, abortable, ...sdk }) =>
      rds.send(new sdk.RestoreDBClusterFromSnapshotCommand(input), abortable),
    );
  },
  // A restored cluster has storage and no instance.
  complete: async ({ id, status, members = [] }, { source, shape, tags }) => {
    if (status !== 'available' || members.length > 0) return;
    const input = {
      DBInstanceIdentifier: memberOf(id),
      DBClusterIdentifier: id,
      Engine: source.engine,
      DBInstanceClass: shape.class ?? 'db.serverless',
      PubliclyAccessible: false,
      AutoMinorVersionUpgrade: false,
      Tags: [...tags],
    };
    try {
      await client.call('CreateDBInstance', ({ rds, CreateDBInstanceCommand, abortable }) =>
        rds.send(new CreateDBInstanceCommand(input), abortable),
      );
    } catch (error) {
      if (!isRefusal(error, 'DBInstanceAlreadyExists')) throw error;
      const { DBClusterIdentifier } = await describeInstance(client, memberOf(id));
      if (DBClusterIdentifier !== id) throw error;
    }
  },
  takenName: async (id) => {
    if (await orUndefined(describeCluster(client, id))) return id;
    return (await orUndefined(describeInstance(client, memberOf(id)))) ? memberOf(id) : undefined;
  },
  server: async (id) => {
    const cluster = await orUndefined(describeCluster(client, id));
    if (!cluster) return undefined;
    const members: RdsThing[] = [];
    for (const { DBInstanceIdentifier: member } of cluster.DBClusterMembers ?? []) {
      const found = member === undefined ? undefined : await orUndefined(describeInstance(client, member));
      if (found) members.push(instanceThing(found));
    }
    return { ...clusterThing(cluster), members };
  },
  servers: async function* () {
    for await (const { DBClusters = [] } of pages((marker) =>
      client.call('DescribeDBClusters', ({ rds, DescribeDBClustersCommand, abortable }) =>
        rds.send(new DescribeDBClustersCommand(marker), abortable),
      ),
    ))
      yield* DBClusters.map(clusterThing);
  },
  deleteServer: async ({ id, members = [] }) => {
    for (const member of members) if (member.status !== 'deleting') await deleteInstance(client, member.id);
    const input = { DBClusterIdentifier: id, SkipFinalSnapshot: true, DeleteAutomatedBackups: true };
    await client.call('DeleteDBCluster', ({ rds, DeleteDBClusterCommand, abortable }) =>
      rds.send(new DeleteDBClusterCommand(input), abortable),
    );
  },
});

/** The first instance of a cluster that we have made. */
const memberOf = (cluster: string): string => `${cluster}-1`;

const describeCluster = async (client: UnitOptions['client'], id: string): Promise<DBCluster> => {
  const { DBClusters = [] } = await client.call('DescribeDBClusters', ({ rds, DescribeDBClustersCommand, abortable }) =>
    rds.send(new DescribeDBClustersCommand({ DBClusterIdentifier: id }), abortable),
  );
  return DBClusters[0] ?? {};
};

const snapshotThing = (snapshot: DBClusterSnapshot): RdsThing => ({
  id: snapshot.DBClusterSnapshotIdentifier ?? '',
  arn: snapshot.DBClusterSnapshotArn ?? '',
  status: snapshot.Status ?? '',
  percent: snapshot.PercentProgress,
  source: snapshot.SourceDBClusterSnapshotArn,
  tags: tagsOf(snapshot.TagList),
});

const clusterThing = (cluster: DBCluster): RdsThing => ({
  id: cluster.DBClusterIdentifier ?? '',
  arn: cluster.DBClusterArn ?? '',
  status: cluster.Status ?? '',
  tags: tagsOf(cluster.TagList),
  host: cluster.Endpoint,
  port: cluster.Port,
});
