// A cloud with one instance and buckets, for tests: a real server, its fake Admin API, an imitation of Cloud Storage.
import { readFileSync } from 'node:fs';
import { parseEnvironment } from '../../core/plan/environment.ts';
import type { DatabaseService } from '../../core/ports/database-service.ts';
import { openService } from '../../steps/services/index.ts';
import type { FakeInstance } from '../fakes/cloud-sql/instances.ts';
import { type CloudSqlFake, startCloudSqlFake } from '../fakes/cloud-sql/server.ts';
import { startGsFront } from '../fakes/gs-front.ts';
import type { Front } from '../fakes/http-front.ts';
import { startFakeGcs } from './cloud-servers.ts';
import type { Spec } from './lab.ts';
import type { PostgresServer } from './postgres.ts';

export const project = 'retail-prd';

/** As Google tells them, with what it does not want to be told. */
const settingsOf = (): Record<string, unknown> => ({
  settingsVersion: '41',
  tier: 'db-custom-2-7680',
  edition: 'ENTERPRISE',
  availabilityType: 'REGIONAL',
  dataDiskSizeGb: '100',
  dataDiskType: 'PD_SSD',
  storageAutoResize: true,
  databaseFlags: [{ name: 'work_mem', value: '65536' }],
  ipConfiguration: {
    ipv4Enabled: true,
    privateNetwork: `projects/${project}/global/networks/retail`,
    authorizedNetworks: [{ kind: 'sql#aclEntry', name: 'office', value: '198.51.100.0/24' }],
  },
  backupConfiguration: {
    kind: 'sql#backupConfiguration',
    enabled: true,
    pointInTimeRecoveryEnabled: true,
    backupTier: 'STANDARD',
    transactionalLogStorageState: 'CLOUD_STORAGE',
  },
  connectionPoolConfig: { connectionPoolingEnabled: false, poolerCount: 0 },
  deletionProtectionEnabled: true,
  retainBackupsOnDelete: true,
  finalBackupConfig: { enabled: true, retentionDays: 30 },
  userLabels: { team: 'retail' },
});

export const instanceOf = (server: PostgresServer, name: string, more: Partial<FakeInstance> = {}): FakeInstance => ({
  project,
  name,
  server,
  authority: server.tls && readFileSync(server.tls.ca, 'utf8'),
  serviceAccount: `${name}@gcp-sa-cloud-sql.iam.gserviceaccount.com`,
  databaseVersion: 'POSTGRES_15',
  region: 'europe-west1',
  created: new Date(),
  addresses: [
    { type: 'PRIMARY', ipAddress: '203.0.113.7' },
    { type: 'PRIVATE', ipAddress: server.host },
  ],
  settings: settingsOf(),
  state: 'RUNNABLE',
  activationPolicy: 'ALWAYS',
  instanceType: 'CLOUD_SQL_INSTANCE',
  ...more,
});

export interface CloudLab {
  readonly fake: CloudSqlFake;
  readonly buckets: Front;
  bucket(name: string): Promise<void>;
  /** `spec.database` of an environment whose server is an instance; the Secret is `db`. */
  database(server: PostgresServer, instance: string, more?: Spec): Spec;
  storage(bucket: string): Spec;
  stop(): Promise<void>;
}

interface ServiceOptions {
  readonly more?: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal;
  readonly secrets?: Readonly<Record<string, string>>;
}

/** The adapter of an environment `retail/prd` whose server is the instance `main`. */
export const openCloudSqlService = (
  { fake }: Pick<CloudLab, 'fake'>,
  { more = {}, signal = new AbortController().signal, secrets = {} }: ServiceOptions,
): DatabaseService => {
  const { endpoint } = fake;
  const cloudSql = { engine: 'postgresql', host: 'db', project, instance: 'main', endpoint, ...more };
  const spec = { projectId: 'retail', database: { cloudSql }, storage: { url: 'gs://backups' } };
  const environment = parseEnvironment({ name: 'prd', spec }, 'test');
  const service = openService({ environment, secrets, signal });
  if (!service) throw new Error('no service');
  return service;
};

export const startCloudLab = async (instances: readonly FakeInstance[], port = 0): Promise<CloudLab> => {
  const server = await startFakeGcs();
  const buckets = await startGsFront(server.endpoint);
  const fake = await startCloudSqlFake({ instances, buckets: buckets.endpoint, port });
  return {
    fake,
    buckets,
    bucket: async (name) => {
      const answer = await fetch(`${server.endpoint}/storage/v1/b?project=${project}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name }),
      });
      if (answer.status !== 200) throw new Error(`no bucket ${name}: ${await answer.text()}`);
    },
    database: ({ host, port }, instance, more = {}) => ({
      cloudSql: {
        engine: 'postgresql',
        host,
        port,
        tls: { mode: 'disable' },
        project,
        instance,
        endpoint: fake.endpoint,
        ...more,
      },
      credentials: { secretName: 'db' },
    }),
    storage: (bucket) => ({ url: `gs://${bucket}`, endpoint: buckets.endpoint }),
    stop: async () => {
      await fake.stop();
      await buckets.stop();
      await server.stop();
    },
  };
};
