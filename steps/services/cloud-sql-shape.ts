import type { sqladmin_v1 as Api } from '@googleapis/sqladmin';

type Instance = Api.Schema$DatabaseInstance;

/** What Google says of an instance and is not told, wherever it stands in the settings. */
const outputs = new Set([
  'kind',
  'settingsVersion',
  'backupTier',
  'transactionalLogStorageState',
  'poolerCount',
  'consumerNetworkStatus',
  'ipAddress',
  'status',
  'instanceAutoDnsStatus',
  'writeEndpointAutoDnsStatus',
  'serviceConnectionPolicy',
  'serviceConnectionPolicyCreationResult',
]);

/** Of replicas, of long ago, or what makes a run unable to remove what it had made, with all that belongs to it. */
const notTaken = new Set([
  'replicationType',
  'databaseReplicationEnabled',
  'crashSafeReplicationEnabled',
  'acceleratedReplicaMode',
  'readPoolAutoScaleConfig',
  'replicationLagMaxSeconds',
  'authorizedGaeApplications',
  'pricingPlan',
  'finalBackupConfig',
  'retainBackupsOnDelete',
]);

const withoutOutputs = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutOutputs);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, each]) => (outputs.has(name) ? [] : [[name, withoutOutputs(each)]])),
  );
};

interface Likeness {
  readonly name: string;
  readonly source: Instance;
  readonly backup: Api.Schema$Backup;
  readonly labels: Readonly<Record<string, string>>;
}

/** A new instance as the live one is, and able to take what the backup holds: of its version, and no smaller. */
export const likeSource = ({ name, source, backup, labels }: Likeness): Instance => {
  const { userLabels, ...settings } = source.settings ?? {};
  const taken = Object.fromEntries(Object.entries(settings).filter(([field]) => !notTaken.has(field)));
  const sizes = [settings.dataDiskSizeGb, backup.instanceSettings?.settings?.dataDiskSizeGb].map((size) =>
    Number(size ?? 0),
  );
  const size = Math.max(...sizes);
  const key = source.diskEncryptionConfiguration?.kmsKeyName;
  return {
    name,
    region: source.region ?? null,
    databaseVersion: backup.databaseVersion ?? source.databaseVersion ?? null,
    ...(key ? { diskEncryptionConfiguration: { kmsKeyName: key } } : {}),
    settings: {
      ...(withoutOutputs(taken) as Api.Schema$Settings),
      ...(size > 0 ? { dataDiskSizeGb: String(size) } : {}),
      // The live one may stand still, and may be protected.
      activationPolicy: 'ALWAYS',
      deletionProtectionEnabled: false,
      userLabels: { ...userLabels, ...labels },
    },
  };
};

/** Where it is reached, in the way in which the live one is: by its private address, its public one, or its name. */
export const hostOf = (made: Instance, source: Instance, liveHost: string): string | undefined => {
  const name = plain(made.dnsName);
  if (name !== '' && plain(source.dnsName) === plain(liveHost)) return name;
  const addressOf = ({ ipAddresses = [] }: Instance, type: string) =>
    ipAddresses.find((each) => each.type === type)?.ipAddress ?? undefined;
  const used = (source.ipAddresses ?? []).find(({ ipAddress }) => ipAddress === liveHost)?.type;
  const wanted = used ?? (addressOf(made, 'PRIVATE') === undefined ? 'PRIMARY' : 'PRIVATE');
  return addressOf(made, wanted) ?? (name === '' ? undefined : name);
};

const plain = (name: string | null | undefined): string => (name ?? '').toLowerCase().replace(/\.$/, '');
