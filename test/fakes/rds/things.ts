// What the fake cloud has: instances that are real servers, clusters, and snapshots that are real base backups.
import type { BaseBackup } from '../../support/postgres-programs.ts';
import type { Struct } from './model.ts';

export const region = 'eu-central-1';
const account = '123456789012';

export interface Tag {
  readonly Key: string;
  readonly Value: string;
}

/** Where a PostgreSQL server runs, and what it takes to copy it. */
export interface FakeServer {
  readonly host: string;
  readonly port: number;
  readonly superuser: string;
  readonly password: string;
  readonly bin: string;
}

export interface FakeInstance {
  readonly id: string;
  status: string;
  readonly engine: string;
  readonly class: string;
  readonly created: Date;
  readonly tags: readonly Tag[];
  /** Of a cluster the cluster has it. */
  server: FakeServer | undefined;
  readonly cluster?: string;
  readonly subnetGroup: string;
  readonly securityGroups: readonly string[];
  readonly parameterGroup: string;
  /** Made out of a snapshot: the fake stops it. */
  readonly stop?: () => Promise<void>;
}

export interface FakeCluster {
  readonly id: string;
  status: string;
  readonly engine: string;
  readonly created: Date;
  readonly tags: readonly Tag[];
  server: FakeServer | undefined;
  readonly subnetGroup: string;
  readonly securityGroups: readonly string[];
  readonly parameterGroup: string;
}

export interface FakeSnapshot {
  readonly id: string;
  /** Of a cluster, or of an instance. */
  readonly ofCluster: boolean;
  readonly source: string;
  readonly engine: string;
  readonly created: Date;
  readonly tags: readonly Tag[];
  readonly server: FakeServer;
  status: string;
  percent: number;
  /** Servers that are being made out of it. */
  restoring: number;
  backup: Promise<BaseBackup> | undefined;
}

const arn = (type: string, id: string): string => `arn:aws:rds:${region}:${account}:${type}:${id}`;
const engineVersion = '15.20';

export const instanceStruct = (instance: FakeInstance, server: FakeServer | undefined): Struct => ({
  DBInstanceIdentifier: instance.id,
  DBInstanceArn: arn('db', instance.id),
  DBInstanceClass: instance.class,
  DBInstanceStatus: instance.status,
  Engine: instance.engine,
  EngineVersion: engineVersion,
  MasterUsername: server?.superuser ?? 'postgres',
  ...(server && instance.status !== 'creating' ? { Endpoint: { Address: server.host, Port: server.port } } : {}),
  AllocatedStorage: 20,
  InstanceCreateTime: instance.created,
  DBSubnetGroup: { DBSubnetGroupName: instance.subnetGroup, SubnetGroupStatus: 'Complete' },
  VpcSecurityGroups: instance.securityGroups.map((VpcSecurityGroupId) => ({ VpcSecurityGroupId, Status: 'active' })),
  DBParameterGroups: [{ DBParameterGroupName: instance.parameterGroup, ParameterApplyStatus: 'in-sync' }],
  MultiAZ: false,
  PubliclyAccessible: false,
  DeletionProtection: false,
  ...(instance.cluster === undefined ? {} : { DBClusterIdentifier: instance.cluster }),
  TagList: instance.tags.map(({ Key, Value }) => ({ Key, Value })),
});

export const clusterStruct = (cluster: FakeCluster, members: readonly FakeInstance[]): Struct => ({
  DBClusterIdentifier: cluster.id,
  DBClusterArn: arn('cluster', cluster.id),
  Status: cluster.status,
  Engine: cluster.engine,
  EngineVersion: engineVersion,
  EngineMode: 'provisioned',
  ...(cluster.server && cluster.status !== 'creating'
    ? { Endpoint: cluster.server.host, Port: cluster.server.port }
    : {}),
  DBSubnetGroup: cluster.subnetGroup,
  DBClusterParameterGroup: cluster.parameterGroup,
  VpcSecurityGroups: cluster.securityGroups.map((VpcSecurityGroupId) => ({ VpcSecurityGroupId, Status: 'active' })),
  DBClusterMembers: members.map(({ id }, index) => ({ DBInstanceIdentifier: id, IsClusterWriter: index === 0 })),
  ClusterCreateTime: cluster.created,
  DeletionProtection: false,
  TagList: cluster.tags.map(({ Key, Value }) => ({ Key, Value })),
});

export const snapshotStruct = (snapshot: FakeSnapshot): Struct => {
  const { id, source, engine, status, percent, created, tags } = snapshot;
  const shared = {
    Engine: engine,
    EngineVersion: engineVersion,
    Status: status,
    PercentProgress: percent,
    SnapshotType: 'manual',
    SnapshotCreateTime: created,
    AllocatedStorage: 20,
    TagList: tags.map(({ Key, Value }) => ({ Key, Value })),
  };
  return snapshot.ofCluster
    ? {
        DBClusterSnapshotIdentifier: id,
        DBClusterSnapshotArn: arn('cluster-snapshot', id),
        DBClusterIdentifier: source,
        ...shared,
      }
    : { DBSnapshotIdentifier: id, DBSnapshotArn: arn('snapshot', id), DBInstanceIdentifier: source, ...shared };
};
