// What the fake cloud has: instances that are real servers, clusters, and snapshots that are real base backups.
import type { BaseBackup } from '../../support/postgres-programs.ts';
import type { Struct } from './model.ts';

/** Where fakes are, unless a test says so. */
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
  /** ARN of the key that encrypts it. */
  readonly kmsKeyId?: string;
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
  readonly kmsKeyId?: string;
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
  readonly kmsKeyId: string | undefined;
  /** ARN of the snapshot in another region that it is a copy of. */
  readonly copyOf: string | undefined;
  status: string;
  percent: number;
  /** Servers that are being made out of it. */
  restoring: number;
  backup: Promise<BaseBackup> | undefined;
}

const arn = (at: string, type: string, id: string): string => `arn:aws:rds:${at}:${account}:${type}:${id}`;
export const snapshotArn = (at: string, { ofCluster, id }: Pick<FakeSnapshot, 'ofCluster' | 'id'>): string =>
  arn(at, ofCluster ? 'cluster-snapshot' : 'snapshot', id);
const engineVersion = '15.20';

export const instanceStruct = (at: string, instance: FakeInstance, server: FakeServer | undefined): Struct => ({
  DBInstanceIdentifier: instance.id,
  DBInstanceArn: arn(at, 'db', instance.id),
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
  ...encryption('StorageEncrypted', instance.kmsKeyId),
  DBParameterGroups: [{ DBParameterGroupName: instance.parameterGroup, ParameterApplyStatus: 'in-sync' }],
  MultiAZ: false,
  PubliclyAccessible: false,
  DeletionProtection: false,
  ...(instance.cluster === undefined ? {} : { DBClusterIdentifier: instance.cluster }),
  TagList: instance.tags.map(({ Key, Value }) => ({ Key, Value })),
});

export const clusterStruct = (at: string, cluster: FakeCluster, members: readonly FakeInstance[]): Struct => ({
  DBClusterIdentifier: cluster.id,
  DBClusterArn: arn(at, 'cluster', cluster.id),
  Status: cluster.status,
  Engine: cluster.engine,
  EngineVersion: engineVersion,
  EngineMode: 'provisioned',
  ...(cluster.server && cluster.status !== 'creating'
    ? { Endpoint: cluster.server.host, Port: cluster.server.port }
    : {}),
  ...encryption('StorageEncrypted', cluster.kmsKeyId),
  DBSubnetGroup: cluster.subnetGroup,
  DBClusterParameterGroup: cluster.parameterGroup,
  VpcSecurityGroups: cluster.securityGroups.map((VpcSecurityGroupId) => ({ VpcSecurityGroupId, Status: 'active' })),
  DBClusterMembers: members.map(({ id }, index) => ({ DBInstanceIdentifier: id, IsClusterWriter: index === 0 })),
  ClusterCreateTime: cluster.created,
  DeletionProtection: false,
  TagList: cluster.tags.map(({ Key, Value }) => ({ Key, Value })),
});

const encryption = (field: string, kmsKeyId: string | undefined): Struct => ({
  [field]: kmsKeyId !== undefined,
  ...(kmsKeyId === undefined ? {} : { KmsKeyId: kmsKeyId }),
});

export const snapshotStruct = (at: string, snapshot: FakeSnapshot): Struct => {
  const { id, source, engine, status, percent, created, tags, kmsKeyId, copyOf } = snapshot;
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
        DBClusterSnapshotArn: snapshotArn(at, snapshot),
        DBClusterIdentifier: source,
        ...encryption('StorageEncrypted', kmsKeyId),
        ...(copyOf === undefined ? {} : { SourceDBClusterSnapshotArn: copyOf }),
        ...shared,
      }
    : {
        DBSnapshotIdentifier: id,
        DBSnapshotArn: snapshotArn(at, snapshot),
        DBInstanceIdentifier: source,
        ...encryption('Encrypted', kmsKeyId),
        ...(copyOf === undefined ? {} : { SourceDBSnapshotIdentifier: copyOf }),
        ...shared,
      };
};
