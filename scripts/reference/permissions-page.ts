import {
  cloudSqlNewServerPermissions,
  cloudSqlPermissions,
  flexibleServerPermissions,
  type Reasons,
  rdsCopyStatements,
  rdsNewServerStatements,
  rdsStatements,
  type Statement,
  storageTransferPermissions,
} from '../../core/permissions/services.ts';
import { type StorePermissions, storePermissions, type Work } from '../../core/permissions/stores.ts';
import { code, page, table } from './markdown.ts';

const works: Readonly<Record<Work, string>> = {
  backup: 'backs up',
  restore: 'restores',
  verify: 'reads backups, as `verify` and `list` do',
  delete: 'deletes backups and what failed runs left',
};

const json = (value: unknown): string => `\`\`\`json\n${JSON.stringify(value, undefined, 2)}\n\`\`\``;

interface Role {
  readonly side: 'library' | 'storage';
  readonly work: Work;
  readonly permissions: readonly string[];
}

const rolesOf = ({ library, storage }: StorePermissions): Role[] => {
  const of = (side: Role['side'], all: Readonly<Partial<Record<Work, readonly string[]>>>): Role[] =>
    Object.keys(works).flatMap((name) => {
      const work = name as Work;
      const permissions = all[work];
      return permissions === undefined ? [] : [{ side, work, permissions }];
    });
  return [...of('library', library), ...of('storage', storage)];
};

const titleOf = ({ side, work }: Role): string => `#### Who ${works[work]}, on the ${side}`;

const policy = (statements: readonly Statement[]): string =>
  json({
    Version: '2012-10-17',
    Statement: statements.map(({ actions, resources }) => ({ Effect: 'Allow', Action: actions, Resource: resources })),
  });

/** Actions on the bucket as such; all others are on its objects. */
const ofBuckets = /^s3:(ListBucket\w*|GetBucket\w+)$/;

const isOfData = (name: string): boolean => name.includes('/blobs/');

const bucketStatements = ({ side, permissions }: Pick<Role, 'side' | 'permissions'>): Statement[] => {
  const arn = `arn:aws:s3:::retail-${side}`;
  const [bucket, objects] = [true, false].map((wanted) =>
    permissions.filter((name) => ofBuckets.test(name) === wanted),
  );
  return [
    { actions: bucket ?? [], resources: [arn] },
    { actions: objects ?? [], resources: [`${arn}/*`] },
  ].filter(({ actions }) => actions.length > 0);
};

const reasons = (all: Reasons): string =>
  table(
    ['permission', 'for'],
    Object.entries(all).map(([permission, why]) => [code(permission), why]),
  );

export const permissionsPage = (): string =>
  page(
    'Permissions',
    'The least that works, by what an identity does and where. Tests run everything with these and with no others, and each of them is needed. ' +
      'A missing one is named in the error.',
    'The safest set-up has three identities: one that backs up and cannot delete, one that restores, and one that deletes ' +
      'and is used by people. What failed runs leave then stays until the third one deletes it. With the mover `copy` the identity of the place that is ' +
      'written to needs what `backup` needs on the other place, too.',
    '## Amazon',
    '### S3',
    ...rolesOf(storePermissions.s3).flatMap((role) => [titleOf(role), policy(bucketStatements(role))]),
    '#### Who backs up into a storage with `immutability`',
    'Beside what a backup needs. Who verifies or deletes needs `s3:GetObjectRetention` of it. Give nobody `s3:BypassGovernanceRetention` or `s3:DeleteObjectVersion`.',
    policy(bucketStatements({ side: 'storage', permissions: storePermissions.s3.locks.backup })),
    '#### Who backs up a library with `versions: atPoint`',
    'Beside what a backup needs:',
    policy(bucketStatements({ side: 'library', permissions: storePermissions.s3.versions ?? [] })),
    '### RDS and Aurora',
    'Who backs up and deletes backups; a restore needs nothing of RDS, but for one into a [new server](../how-to/new-server.md). Put the identifier of the instance or cluster in place of `NAME`.',
    '#### An instance',
    policy(rdsStatements.instance),
    '#### A cluster',
    policy(rdsStatements.cluster),
    '#### Copies of snapshots',
    'With `snapshotCopies`, beside those above, of an instance or of a cluster:',
    policy(rdsCopyStatements.instance),
    policy(rdsCopyStatements.cluster),
    '#### New servers',
    'Who restores into new servers of RDS. In place of `NEW` goes a pattern of the names that you will give them, such as `restored-*`, which must never fit the live server: ' +
      'who may delete by it could delete that. Instances:',
    policy(rdsNewServerStatements.instance),
    'Clusters, whose first instance is called as they are and `-1`:',
    policy(rdsNewServerStatements.cluster),
    '## Google',
    'Roles for `gcloud iam roles create NAME --project PROJECT --file role.json`, to be granted on the bucket.',
    '### Cloud Storage',
    ...rolesOf(storePermissions.gs).flatMap((role) => [
      titleOf(role),
      json({
        title: `LC2 Backup: ${role.work}, ${role.side}`,
        stage: 'GA',
        includedPermissions: role.permissions,
      }),
    ]),
    '#### Who backs up into a storage with `immutability`',
    'Beside what a backup needs. Give nobody `storage.objects.overrideUnlockedRetention`.',
    json({
      title: 'LC2 Backup: locks',
      stage: 'GA',
      includedPermissions: storePermissions.gs.locks.backup,
    }),
    '#### Who backs up a library with `versions: atPoint`',
    'Beside what a backup needs:',
    json({
      title: 'LC2 Backup: versions',
      stage: 'GA',
      includedPermissions: storePermissions.gs.versions,
    }),
    '### Cloud SQL',
    'On the project. What the service account of the *instance* needs: [how to](../how-to/cloud-sql.md#permissions).',
    reasons(cloudSqlPermissions),
    'Who restores into [new servers](../how-to/new-server.md), on the project. The last two are better granted by a role of their own with a condition on the names that ' +
      'you will give, such as `resource.name.startsWith("projects/retail-prd/instances/restored-")`: without it whoever has them can overwrite and delete the live instance.',
    reasons(cloudSqlNewServerPermissions),
    '### Storage Transfer',
    'On the project, for who backs up. What Google’s service agent needs: [how to](../how-to/google-and-azure.md#large-libraries).',
    reasons(storageTransferPermissions),
    '## Azure',
    'Roles for `az role definition create --role-definition role.json`, to be assigned on the container.',
    '### Blob Storage',
    ...rolesOf(storePermissions.azblob).flatMap((role) => [
      titleOf(role),
      json({
        Name: `LC2 Backup: ${role.work}, ${role.side}`,
        Description: `What LC2 Backup needs where it ${works[role.work]}`,
        Actions: [],
        DataActions: role.permissions,
        AssignableScopes: ['/subscriptions/SUBSCRIPTION'],
      }),
    ]),
    '#### Who backs up into a storage with `immutability`',
    'Beside what a backup needs. Microsoft has no smaller right that sets a policy, and this one lifts those of mode `governance`, too: use `compliance`.',
    json({
      Name: 'LC2 Backup: locks',
      Description: 'What LC2 Backup needs where it locks backups',
      Actions: storePermissions.azblob.locks.backup.filter((name) => !isOfData(name)),
      DataActions: storePermissions.azblob.locks.backup.filter(isOfData),
      AssignableScopes: ['/subscriptions/SUBSCRIPTION'],
    }),
    '### Flexible servers',
    'Who backs up and deletes backups; a restore needs nothing of Azure, but for one into a [new server](../how-to/new-server.md). A role on the server:',
    reasons(flexibleServerPermissions.server),
    'A role on the resource group of the temporary servers, where `dumpFrom` is `point`; and for who restores into new servers, which are made there too, with reading on the server itself:',
    reasons(flexibleServerPermissions.temporary),
    'And one on its network, as Microsoft says:',
    reasons(flexibleServerPermissions.network),
  );
