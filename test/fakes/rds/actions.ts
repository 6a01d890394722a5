// What each action of the API does and answers.
import { type Cloud, Refusal } from './cloud.ts';
import type { Struct, Value } from './model.ts';
import {
  clusterStruct,
  type FakeCluster,
  type FakeInstance,
  type FakeSnapshot,
  instanceStruct,
  snapshotStruct,
  type Tag,
} from './things.ts';

type Answer = (cloud: Cloud, input: Struct) => Struct;

const textOf = (value: Value | undefined): string => (typeof value === 'string' ? value : '');
const text = (input: Struct, name: string): string => textOf(input[name]).toLowerCase();
const given = (input: Struct, name: string): string | undefined =>
  input[name] === undefined ? undefined : text(input, name);
const list = (value: Value | undefined): readonly Value[] => (Array.isArray(value) ? (value as readonly Value[]) : []);

const tagsOf = (input: Struct): Tag[] =>
  list(input['Tags']).map((each) => {
    const { Key, Value: value } = each as Struct;
    const tag = { Key: textOf(Key), Value: textOf(value) };
    for (const part of [tag.Key, tag.Value])
      if (!/^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u.test(part) || part.length > 256)
        throw new Refusal('InvalidParameterValue', `The tag ${part} is not valid.`, 400);
    return tag;
  });

/** A new name: letters, digits and single hyphens, a letter first. */
const newName = (input: Struct, field: string, taken: readonly { readonly id: string }[], code: string): string => {
  const name = text(input, field);
  if (!/^[a-z]([a-z0-9]|-(?=[a-z0-9])){0,254}$/.test(name) || (name.length > 63 && !field.includes('Snapshot')))
    throw new Refusal('InvalidParameterValue', `The parameter ${field} is not a valid identifier.`, 400);
  if (taken.some(({ id }) => id === name)) throw new Refusal(code, `${name} already exists`);
  return name;
};

const oneOf = <T extends { readonly id: string }>(all: readonly T[], id: string, code: string): T => {
  const found = all.find((each) => each.id === id);
  if (!found) throw new Refusal(code, `${id} not found.`);
  return found;
};

const instanceOf = (cloud: Cloud, input: Struct): FakeInstance =>
  oneOf(cloud.instances, text(input, 'DBInstanceIdentifier'), 'DBInstanceNotFound');
const clusterOf = (cloud: Cloud, input: Struct): FakeCluster =>
  oneOf(cloud.clusters, text(input, 'DBClusterIdentifier'), 'DBClusterNotFoundFault');

/** So many at a time, so that whoever forgets the marker forgets most. */
const pageSize = 2;

const page = <T>(all: readonly T[], input: Struct): { readonly items: readonly T[]; readonly more: Struct } => {
  const start = Number(input['Marker'] ?? 0);
  const end = start + pageSize;
  return { items: all.slice(start, end), more: end < all.length ? { Marker: String(end) } : {} };
};

const instanceAnswer = (cloud: Cloud, instance: FakeInstance): Struct =>
  instanceStruct(cloud.region, instance, cloud.serverOf(instance));
const clusterAnswer = (cloud: Cloud, cluster: FakeCluster): Struct =>
  clusterStruct(cloud.region, cluster, cloud.membersOf(cluster));

const snapshotsOf = (cloud: Cloud, ofCluster: boolean): FakeSnapshot[] =>
  cloud.snapshots.filter((each) => each.ofCluster === ofCluster);

const describeSnapshots =
  (ofCluster: boolean): Answer =>
  (cloud, input) => {
    const prefix = ofCluster ? 'DBCluster' : 'DB';
    const id = given(input, `${prefix}SnapshotIdentifier`);
    const source = given(input, ofCluster ? 'DBClusterIdentifier' : 'DBInstanceIdentifier');
    const code = ofCluster ? 'DBClusterSnapshotNotFoundFault' : 'DBSnapshotNotFound';
    const all = snapshotsOf(cloud, ofCluster);
    const wanted =
      id === undefined ? all.filter((each) => source === undefined || each.source === source) : [oneOf(all, id, code)];
    const { items, more } = page(wanted, input);
    return { [`${prefix}Snapshots`]: items.map((each) => snapshotStruct(cloud.region, each)), ...more };
  };

const assertAvailable = (thing: { readonly id: string; readonly status: string }, code: string): void => {
  if (thing.status !== 'available' && thing.status !== 'storage-optimization')
    throw new Refusal(code, `${thing.id} is not currently in the available state.`);
};

const deletable = (status: string): boolean => status !== 'creating' && status !== 'deleting';

const placeOf = (input: Struct) => ({
  class: given(input, 'DBInstanceClass'),
  subnetGroup: given(input, 'DBSubnetGroupName'),
  securityGroups: list(input['VpcSecurityGroupIds']).map(textOf),
  parameterGroup: given(input, 'DBParameterGroupName') ?? given(input, 'DBClusterParameterGroupName'),
  tags: tagsOf(input),
});

const usable = (snapshot: FakeSnapshot, code: string): FakeSnapshot => {
  if (snapshot.status !== 'available') throw new Refusal(code, `${snapshot.id} is not currently available.`);
  return snapshot;
};

/** A copy that is under way ends with it. */
const assertUnused = ({ id, status, restoring }: FakeSnapshot, code: string): void => {
  if (status === 'creating' || restoring > 0) throw new Refusal(code, `${id} is being created or restored.`);
};

interface CopyKind {
  readonly ofCluster: boolean;
  readonly action: string;
  readonly source: string;
  readonly target: string;
  readonly taken: string;
  readonly missing: string;
  readonly state: string;
}

const instanceCopies: CopyKind = {
  ofCluster: false,
  action: 'CopyDBSnapshot',
  source: 'SourceDBSnapshotIdentifier',
  target: 'TargetDBSnapshotIdentifier',
  taken: 'DBSnapshotAlreadyExists',
  missing: 'DBSnapshotNotFound',
  state: 'InvalidDBSnapshotState',
};

const clusterCopies: CopyKind = {
  ofCluster: true,
  action: 'CopyDBClusterSnapshot',
  source: 'SourceDBClusterSnapshotIdentifier',
  target: 'TargetDBClusterSnapshotIdentifier',
  taken: 'DBClusterSnapshotAlreadyExistsFault',
  missing: 'DBClusterSnapshotNotFoundFault',
  state: 'InvalidDBClusterSnapshotStateFault',
};

/** Called where the copy is to be, and of another region by ARN only. */
const copySnapshot = (cloud: Cloud, input: Struct, kind: CopyKind): Struct => {
  const id = newName(input, kind.target, snapshotsOf(cloud, kind.ofCluster), kind.taken);
  const arn = text(input, kind.source);
  const found = cloud.elsewhere(arn);
  if (found?.ofCluster !== kind.ofCluster) throw new Refusal(kind.missing, `${arn} not found.`);
  const source = usable(found, kind.state);
  const kmsKeyId = given(input, 'KmsKeyId');
  const encrypted = source.kmsKeyId !== undefined;
  if (encrypted && kmsKeyId === undefined)
    throw new Refusal('InvalidParameterCombination', 'A KMS key of this region is required for an encrypted snapshot.');
  if (!encrypted && kmsKeyId !== undefined && kind.ofCluster)
    throw new Refusal('InvalidParameterCombination', 'KmsKeyId is not valid for an unencrypted cluster snapshot.');
  if (kmsKeyId !== undefined && (cloud.weather.disabledKeys.has(kmsKeyId) || isOfAnother(cloud.region, kmsKeyId)))
    throw new Refusal('KMSKeyNotAccessibleFault', `The KMS key ${kmsKeyId} is not accessible.`);
  // Where nothing is encrypted AWS asks for no proof.
  if (encrypted) assertSigned(cloud.region, input, kind);
  return snapshotStruct(cloud.region, cloud.copy(source, { id, tags: tagsOf(input), arn, kmsKeyId }));
};

const isOfAnother = (region: string, key: string): boolean =>
  key.startsWith('arn:') && !key.startsWith(`arn:aws:kms:${region}:`);

/** The same request, signed for the region that has the snapshot. */
const assertSigned = (region: string, input: Struct, { action, source }: CopyKind): void => {
  const refuse = (why: string): never => {
    throw new Refusal('InvalidParameterValue', `PreSignedUrl is not valid: ${why}`, 400);
  };
  const arn = textOf(input[source]);
  const query = new URL(textOf(input['PreSignedUrl']) || refuse('it is missing')).searchParams;
  const wanted = { Action: action, DestinationRegion: region, KmsKeyId: textOf(input['KmsKeyId']), [source]: arn };
  for (const [name, value] of Object.entries(wanted)) if (query.get(name) !== value) refuse(name);
  if (query.get('X-Amz-Credential')?.split('/')[2] !== arn.split(':')[3]) refuse('its region');
};

export const answers: Readonly<Record<string, Answer>> = {
  DescribeDBInstances: (cloud, input) => {
    const id = given(input, 'DBInstanceIdentifier');
    const { items, more } = page(id === undefined ? cloud.instances : [instanceOf(cloud, input)], input);
    return { DBInstances: items.map((each) => instanceAnswer(cloud, each)), ...more };
  },

  DescribeDBClusters: (cloud, input) => {
    const id = given(input, 'DBClusterIdentifier');
    const { items, more } = page(id === undefined ? cloud.clusters : [clusterOf(cloud, input)], input);
    return { DBClusters: items.map((each) => clusterAnswer(cloud, each)), ...more };
  },

  CreateDBSnapshot: (cloud, input) => {
    const instance = instanceOf(cloud, input);
    const id = newName(input, 'DBSnapshotIdentifier', snapshotsOf(cloud, false), 'DBSnapshotAlreadyExists');
    assertAvailable(instance, 'InvalidDBInstanceState');
    return { DBSnapshot: snapshotStruct(cloud.region, cloud.snapshot(instance, { id, tags: tagsOf(input) })) };
  },

  CreateDBClusterSnapshot: (cloud, input) => {
    const cluster = clusterOf(cloud, input);
    const taken = snapshotsOf(cloud, true);
    const id = newName(input, 'DBClusterSnapshotIdentifier', taken, 'DBClusterSnapshotAlreadyExistsFault');
    assertAvailable(cluster, 'InvalidDBClusterStateFault');
    return { DBClusterSnapshot: snapshotStruct(cloud.region, cloud.snapshot(cluster, { id, tags: tagsOf(input) })) };
  },

  DescribeDBSnapshots: describeSnapshots(false),
  DescribeDBClusterSnapshots: describeSnapshots(true),

  CopyDBSnapshot: (cloud, input) => ({ DBSnapshot: copySnapshot(cloud, input, instanceCopies) }),
  CopyDBClusterSnapshot: (cloud, input) => ({ DBClusterSnapshot: copySnapshot(cloud, input, clusterCopies) }),

  DeleteDBSnapshot: (cloud, input) => {
    const snapshot = oneOf(snapshotsOf(cloud, false), text(input, 'DBSnapshotIdentifier'), 'DBSnapshotNotFound');
    assertUnused(snapshot, 'InvalidDBSnapshotState');
    cloud.removeSnapshot(snapshot);
    return { DBSnapshot: snapshotStruct(cloud.region, { ...snapshot, status: 'deleted' }) };
  },

  DeleteDBClusterSnapshot: (cloud, input) => {
    const id = text(input, 'DBClusterSnapshotIdentifier');
    const snapshot = oneOf(snapshotsOf(cloud, true), id, 'DBClusterSnapshotNotFoundFault');
    assertUnused(snapshot, 'InvalidDBClusterSnapshotStateFault');
    cloud.removeSnapshot(snapshot);
    return { DBClusterSnapshot: snapshotStruct(cloud.region, { ...snapshot, status: 'deleted' }) };
  },

  RestoreDBInstanceFromDBSnapshot: (cloud, input) => {
    const from = oneOf(snapshotsOf(cloud, false), text(input, 'DBSnapshotIdentifier'), 'DBSnapshotNotFound');
    const snapshot = usable(from, 'InvalidDBSnapshotState');
    const id = newName(input, 'DBInstanceIdentifier', cloud.instances, 'DBInstanceAlreadyExists');
    return { DBInstance: instanceAnswer(cloud, cloud.restoreInstance({ id, snapshot, ...placeOf(input) })) };
  },

  RestoreDBClusterFromSnapshot: (cloud, input) => {
    const from = oneOf(snapshotsOf(cloud, true), text(input, 'SnapshotIdentifier'), 'DBClusterSnapshotNotFoundFault');
    const snapshot = usable(from, 'InvalidDBClusterSnapshotStateFault');
    if (text(input, 'Engine') !== snapshot.engine)
      throw new Refusal('InvalidParameterCombination', 'The engine is not that of the snapshot.', 400);
    const id = newName(input, 'DBClusterIdentifier', cloud.clusters, 'DBClusterAlreadyExistsFault');
    return { DBCluster: clusterAnswer(cloud, cloud.restoreCluster({ id, snapshot, ...placeOf(input) })) };
  },

  CreateDBInstance: (cloud, input) => {
    const cluster = clusterOf(cloud, input);
    const id = newName(input, 'DBInstanceIdentifier', cloud.instances, 'DBInstanceAlreadyExists');
    assertAvailable(cluster, 'InvalidDBClusterStateFault');
    const making = { id, tags: tagsOf(input), class: text(input, 'DBInstanceClass') };
    return { DBInstance: instanceAnswer(cloud, cloud.addMember(cluster, making)) };
  },

  DeleteDBInstance: (cloud, input) => {
    const instance = instanceOf(cloud, input);
    if (instance.cluster === undefined && input['SkipFinalSnapshot'] !== true)
      throw new Refusal('InvalidParameterCombination', 'FinalDBSnapshotIdentifier is required.', 400);
    if (!deletable(instance.status))
      throw new Refusal('InvalidDBInstanceState', `Instance ${instance.id} is currently ${instance.status}.`);
    cloud.removeInstance(instance);
    return { DBInstance: instanceAnswer(cloud, instance) };
  },

  DeleteDBCluster: (cloud, input) => {
    const cluster = clusterOf(cloud, input);
    if (input['SkipFinalSnapshot'] !== true)
      throw new Refusal('InvalidParameterCombination', 'FinalDBSnapshotIdentifier is required.', 400);
    if (cloud.membersOf(cluster).some(({ status }) => status !== 'deleting'))
      throw new Refusal('InvalidDBClusterStateFault', 'Cluster cannot be deleted, it still contains DB instances.');
    if (!deletable(cluster.status))
      throw new Refusal('InvalidDBClusterStateFault', `Cluster ${cluster.id} is currently ${cluster.status}.`);
    cloud.removeCluster(cluster);
    return { DBCluster: clusterAnswer(cloud, cluster) };
  },
};

/** Beside its own, an action with tags needs another permission. */
export const permissionsOf = (action: string, input: Struct): string[] => [
  `rds:${action}`,
  ...(list(input['Tags']).length > 0 ? ['rds:AddTagsToResource'] : []),
];
