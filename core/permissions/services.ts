/** The least that an identity needs at a database service and at Storage Transfer. Tests give these and no others, and need each. */

export interface Statement {
  readonly actions: readonly string[];
  /** Names of resources of AWS; of the live server it is `NAME`. */
  readonly resources: readonly string[];
}

const rds = (...names: readonly string[]): string[] => names.map((name) => `arn:aws:rds:*:*:${name}`);

/** Everything that is made has a name that begins with `lc2-`. */
export const rdsStatements: Readonly<Record<'instance' | 'cluster', readonly Statement[]>> = {
  instance: [
    { actions: ['rds:DescribeDBInstances', 'rds:DescribeDBSnapshots'], resources: ['*'] },
    { actions: ['rds:CreateDBSnapshot'], resources: rds('db:NAME', 'snapshot:lc2-*') },
    {
      actions: ['rds:RestoreDBInstanceFromDBSnapshot'],
      resources: rds('snapshot:lc2-*', 'db:lc2-*', 'subgrp:*', 'pg:*', 'og:*'),
    },
    {
      actions: ['rds:AddTagsToResource', 'rds:DeleteDBInstance', 'rds:DeleteDBSnapshot'],
      resources: rds('db:lc2-*', 'snapshot:lc2-*'),
    },
  ],
  cluster: [
    {
      actions: ['rds:DescribeDBClusters', 'rds:DescribeDBClusterSnapshots', 'rds:DescribeDBInstances'],
      resources: ['*'],
    },
    { actions: ['rds:CreateDBClusterSnapshot'], resources: rds('cluster:NAME', 'cluster-snapshot:lc2-*') },
    {
      actions: ['rds:RestoreDBClusterFromSnapshot', 'rds:CreateDBInstance'],
      resources: rds('cluster-snapshot:lc2-*', 'cluster:lc2-*', 'db:lc2-*', 'subgrp:*', 'cluster-pg:*', 'pg:*', 'og:*'),
    },
    {
      actions: ['rds:AddTagsToResource', 'rds:DeleteDBInstance', 'rds:DeleteDBCluster', 'rds:DeleteDBClusterSnapshot'],
      resources: rds('db:lc2-*', 'cluster:lc2-*', 'cluster-snapshot:lc2-*'),
    },
  ],
};

/** More, for copies of snapshots in other regions. */
export const rdsCopyStatements: typeof rdsStatements = {
  instance: [{ actions: ['rds:CopyDBSnapshot'], resources: rds('snapshot:lc2-*') }],
  cluster: [{ actions: ['rds:CopyDBClusterSnapshot'], resources: rds('cluster-snapshot:lc2-*') }],
};

/** Who restores into new servers, by `databaseMode: new-server`; `NEW` is a pattern of their names. */
export const rdsNewServerStatements: Readonly<Record<'instance' | 'cluster', readonly Statement[]>> = {
  instance: [
    { actions: ['rds:DescribeDBInstances', 'rds:DescribeDBSnapshots'], resources: ['*'] },
    {
      actions: ['rds:RestoreDBInstanceFromDBSnapshot'],
      resources: rds('snapshot:lc2-*', 'db:NEW', 'subgrp:*', 'pg:*', 'og:*'),
    },
    { actions: ['rds:AddTagsToResource', 'rds:DeleteDBInstance'], resources: rds('db:NEW') },
  ],
  cluster: [
    {
      actions: ['rds:DescribeDBClusters', 'rds:DescribeDBClusterSnapshots', 'rds:DescribeDBInstances'],
      resources: ['*'],
    },
    {
      actions: ['rds:RestoreDBClusterFromSnapshot', 'rds:CreateDBInstance'],
      resources: rds('cluster-snapshot:lc2-*', 'cluster:NEW', 'db:NEW', 'subgrp:*', 'cluster-pg:*', 'pg:*', 'og:*'),
    },
    {
      actions: ['rds:AddTagsToResource', 'rds:DeleteDBInstance', 'rds:DeleteDBCluster'],
      resources: rds('db:NEW', 'cluster:NEW'),
    },
  ],
};

/** Permission, and what it is for. */
export type Reasons = Readonly<Record<string, string>>;

export const cloudSqlPermissions: Reasons = {
  'cloudsql.instances.get': 'looking at the instance and at operations',
  'cloudsql.instances.export': '`export`',
  'cloudsql.instances.import': 'restores into the environment that was backed up',
  'cloudsql.instances.update': 'giving an export or import up; without it, it goes on to its end',
  'cloudsql.backupRuns.create': '`snapshot`',
  'cloudsql.backupRuns.get': 'waiting for the snapshot',
  'cloudsql.backupRuns.list': 'finding the snapshot again after a lost answer',
  'cloudsql.backupRuns.delete': 'removing the snapshot of a run that failed, and `lc2-backup delete`',
};

/** Who restores into new servers. Permissions of Cloud SQL know no names: conditions of roles do. */
export const cloudSqlNewServerPermissions: Reasons = {
  'cloudsql.instances.get': 'looking at the live instance, at the new one and at its operations',
  'cloudsql.backupRuns.get': 'looking at the snapshot',
  'cloudsql.instances.create': 'the new instance',
  'cloudsql.instances.restoreBackup': 'the snapshot into it',
  'cloudsql.instances.delete': 'removing that of a restore that failed',
};

export const storageTransferPermissions: Reasons = {
  'storagetransfer.jobs.create': 'the job',
  'storagetransfer.jobs.run': 'its operation',
  'storagetransfer.jobs.get': 'finding it again after a lost answer',
  'storagetransfer.operations.get': 'waiting',
  'storagetransfer.operations.cancel': 'giving it up with a run that is stopped; without it, it goes on to its end',
};

const flexible = (what: string): string => `Microsoft.DBforPostgreSQL/${what}`;

/** By what they are assigned on. Roles know no names: who may delete a temporary server may delete all of its group. */
export const flexibleServerPermissions: Readonly<Record<'server' | 'temporary' | 'network', Reasons>> = {
  server: {
    [flexible('flexibleServers/read')]: 'looking at the server',
    [flexible('flexibleServers/backups/write')]: '`snapshot`',
    [flexible('flexibleServers/backups/read')]: 'finding the on-demand backup again, and what dead runs left',
    [flexible('flexibleServers/backups/delete')]: 'removing that of a run that failed, and `lc2-backup delete`',
    [flexible('locations/azureAsyncOperation/read')]: 'waiting; on the subscription',
  },
  temporary: {
    [flexible('flexibleServers/read')]: 'waiting for the temporary server, and finding what dead runs left',
    [flexible('flexibleServers/write')]: 'the temporary server',
    [flexible('flexibleServers/delete')]: 'its end',
    [flexible('locations/azureAsyncOperation/read')]: 'waiting; on the subscription',
  },
  network: {
    'Microsoft.Network/virtualNetworks/subnets/join/action':
      'the subnet of the temporary server, where access is private',
    'Microsoft.Network/privateDnsZones/join/action': 'its name there',
  },
};
