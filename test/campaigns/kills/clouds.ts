// The clouds that runs are killed in: what works for the product, behind fronts that hold whatever it asks.
import { readFile } from 'node:fs/promises';
import { startCloudSqlFake } from '../../fakes/cloud-sql/server.ts';
import { startRdsFake } from '../../fakes/rds/server.ts';
import { startTransferFake } from '../../fakes/storage-transfer/server.ts';
import { azureDatabase, azureSecret, startAzureLab } from '../../support/azure.ts';
import { azuriteAccount } from '../../support/cloud-servers.ts';
import { instanceOf as sqlInstanceOf, project } from '../../support/cloud-sql.ts';
import { databaseSecret, type Spec, secretDocument } from '../../support/lab.ts';
import { startAzblob, startGs, type Place as CloudPlace } from '../../support/places.ts';
import type { PostgresServer } from '../../support/postgres.ts';
import { clusterOf, instanceOf, rdsDatabase, rdsSecret } from '../../support/rds.ts';
import type { S3Server } from '../../support/s3-servers.ts';
import { type HttpFront, startHttpFront } from './http-front.ts';
import { bucketPlace, type Place } from './place.ts';

export const cloudNames = ['gcp', 'aws', 'azure'] as const;
export type CloudName = (typeof cloudNames)[number];

/** What a run has a cloud do: with its database, or with a library. */
const scenes = {
  gcp: ['cloud-sql', 'storage-transfer', 'copy'],
  aws: ['instance', 'cluster', 'copy'],
  azure: ['point', 'copy'],
} as const satisfies Record<CloudName, readonly string[]>;
export type CloudScene = (typeof scenes)[CloudName][number];

export interface Cloud {
  readonly fronts: readonly HttpFront[];
  /** For programs that talk to it. */
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: readonly Spec[];
  bucket(name: string): Promise<Place>;
  /** `spec.database`, of scenes that have one. */
  database(scene: CloudScene, databases: readonly string[]): Spec | undefined;
  /** What an object store of the scene has beside its place. */
  readonly store: (scene: CloudScene) => Spec;
  /** How often each kind of work was asked for and taken; that of a run that nobody disturbs is `once`. */
  asked(): Readonly<Record<string, number>>;
  readonly once: (scene: CloudScene) => Readonly<Record<string, number>>;
  /** Ids of snapshots. */
  snapshots(): readonly string[];
  /** What costs money or works on, and nobody's. */
  running(): readonly string[];
  pace(pace: keyof typeof paces): void;
  /** Forgets snapshots but the newest, which would fill the disk. */
  forget(): void;
  /** What was asked and is not in the vendor's description. */
  violations(): readonly string[];
  stop(): Promise<void>;
}

/** Milliseconds that work of a cloud takes: long enough to be looked at some times; or until the next run has begun. */
const paces = { quick: 400, slow: 3500 } as const;

/** `endpoint` is that of a front before the place. */
const inPlace = (place: CloudPlace, bucket: string, endpoint: string): Place => ({
  spec: { ...place.location(bucket), endpoint },
  folder: undefined,
  facts: () => place.capture(bucket),
  read: (key) => place.read(bucket, key),
  put: (key, bytes) => place.put(bucket, key, bytes),
  remove: (key) => place.drop(bucket, key),
  // Uploads that were not completed are no objects there, and expire.
  unfinished: () => Promise.resolve([]),
});

const endpointOf = ({ front }: CloudPlace): string => {
  if (!front) throw new Error('the buckets have no front');
  return front.endpoint;
};

const startGcp = async (postgres: PostgresServer): Promise<Cloud> => {
  const buckets = await startGs();
  const at = endpointOf(buckets);
  const [sql, transfer] = await Promise.all([
    startCloudSqlFake({ instances: [sqlInstanceOf(postgres, 'main')], buckets: at }),
    startTransferFake({ project, buckets: at }),
  ]);
  const [objects, admin, mover] = await Promise.all([
    startHttpFront(at),
    startHttpFront(sql.endpoint),
    startHttpFront(transfer.endpoint),
  ]);
  const { host, port } = postgres;
  const spec = { engine: 'postgresql', host, port, tls: { mode: 'disable' }, project, instance: 'main' };
  const operationsOf = (type: string): number =>
    sql.cloud.operations.filter(({ operationType }) => operationType === type).length;
  return {
    fronts: [objects, admin, mover],
    env: {},
    secrets: [databaseSecret(postgres)],
    bucket: async (name) => {
      await buckets.make(name);
      return inPlace(buckets, name, objects.endpoint);
    },
    database: (scene, databases) =>
      scene === 'cloud-sql'
        ? {
            cloudSql: { ...spec, endpoint: admin.endpoint, databases: [...databases] },
            credentials: { secretName: 'db' },
          }
        : undefined,
    store: (scene) =>
      scene === 'storage-transfer'
        ? { storageTransfer: { project, minimumObjects: 1, endpoint: mover.endpoint } }
        : { mover: 'copy' },
    asked: () => ({
      snapshots: operationsOf('BACKUP_VOLUME'),
      exports: operationsOf('EXPORT'),
      imports: operationsOf('IMPORT'),
      jobs: transfer.cloud.jobs.length,
      operations: transfer.cloud.operations.length,
    }),
    once: (scene) => ({
      ...(scene === 'cloud-sql' && { snapshots: 1, exports: 1 }),
      ...(scene === 'storage-transfer' && { jobs: 1, operations: 1 }),
    }),
    snapshots: () => sql.cloud.backups.map(({ name }) => name),
    running: () => [
      ...sql.cloud.operations.flatMap(({ status, operationType }) => (status === 'DONE' ? [] : [operationType])),
      ...transfer.cloud.operations.flatMap(({ end, name }) => (end === undefined ? [name] : [])),
    ],
    pace: (pace) => {
      for (const { weather } of [sql.cloud, transfer.cloud]) weather.slow = paces[pace];
    },
    forget: () => undefined,
    violations: () => [...sql.violations, ...transfer.violations],
    stop: async () => {
      for (const each of [objects, admin, mover, transfer, sql, buckets]) await each.stop();
    },
  };
};

const startAws = async (postgres: PostgresServer, server: S3Server, number: number): Promise<Cloud> => {
  const { cluster, writer } = clusterOf(postgres, 'aurora');
  const fake = await startRdsFake({ instances: [instanceOf(postgres, 'main'), writer], clusters: [cluster] });
  const [objects, api] = await Promise.all([startHttpFront(server.endpoint), startHttpFront(fake.endpoint)]);
  const { cloud } = fake;
  return {
    fronts: [objects, api],
    env: {},
    secrets: [rdsSecret(postgres), secretDocument('s3', server.secrets)],
    bucket: async (name) => {
      const place = await bucketPlace(server, `c${number}-${name}`, objects.endpoint);
      return { ...place, spec: { ...place.spec, credentials: { secretName: 's3' } } };
    },
    database: (scene, databases) =>
      scene === 'copy'
        ? undefined
        : rdsDatabase({ ...fake, endpoint: api.endpoint }, postgres, {
            ...(scene === 'cluster' ? { cluster: 'aurora' } : { instance: 'main' }),
            databases: [...databases],
          }),
    store: () => ({ mover: 'copy' }),
    asked: () => cloud.counts().begun,
    once: (scene) => (scene === 'copy' ? {} : { snapshots: 1, servers: 1 }),
    snapshots: () => cloud.snapshots.map(({ id }) => id),
    running: () => [
      ...cloud.snapshots.flatMap(({ id, status }) => (status === 'available' ? [] : [`snapshot ${id}`])),
      ...[...cloud.instances, ...cloud.clusters].flatMap(({ id, status }) =>
        status === 'available' && !id.startsWith('lc2-') ? [] : [`${status} ${id}`],
      ),
    ],
    pace: (pace) => {
      cloud.weather.slow = paces[pace];
    },
    forget: () => {
      for (const snapshot of cloud.snapshots.slice(0, -1)) cloud.removeSnapshot(snapshot);
    },
    violations: () => fake.violations,
    stop: async () => {
      await Promise.all([objects.stop(), api.stop()]);
      await fake.stop();
    },
  };
};

const startAzure = async ({ server, archive }: CloudServer): Promise<Cloud> => {
  const [containers, lab] = await Promise.all([startAzblob(), startAzureLab({ given: { server, archive } })]);
  const { fake, main, certificates } = lab;
  const [cert, key] = await Promise.all([
    readFile(certificates.serverCertificate, 'utf8'),
    readFile(certificates.serverKey, 'utf8'),
  ]);
  const [objects, arm] = await Promise.all([
    startHttpFront(endpointOf(containers)),
    startHttpFront(fake.endpoint, { cert, key }),
  ]);
  const { cloud } = fake;
  cloud.weather.quotas.backups = 1000;
  const onDemand = () => main.backups.filter(({ type }) => type === 'Customer On-Demand');
  return {
    fronts: [objects, arm],
    env: lab.env,
    secrets: [azureSecret(lab), ...(containers.secret === undefined ? [] : [containers.secret])],
    bucket: async (name) => {
      await containers.make(name);
      return inPlace(containers, name, `${objects.endpoint}/${azuriteAccount.accountName}`);
    },
    database: (scene, databases) =>
      scene === 'point'
        ? azureDatabase(lab, {
            endpoint: arm.endpoint,
            authority: arm.endpoint,
            databases: [...databases],
            dumpFrom: 'point',
            temporary: { logDelay: '1s' },
            snapshot: { enabled: true },
          })
        : undefined,
    store: () => ({ mover: 'copy' }),
    asked: () => cloud.counts().begun,
    once: (scene) => (scene === 'point' ? { snapshots: 1, servers: 1 } : {}),
    snapshots: () => onDemand().map(({ name }) => name),
    running: () => [
      ...(cloud.busy() ? ['an operation'] : []),
      ...cloud.servers.flatMap(({ name, state }) => (name === main.name ? [] : [`${state} ${name}`])),
    ],
    pace: (pace) => {
      cloud.weather.slow = paces[pace];
    },
    forget: () => {
      for (const backup of onDemand().slice(0, -1)) {
        main.backups.splice(main.backups.indexOf(backup), 1);
        void backup.files.remove();
      }
    },
    violations: () => fake.violations,
    stop: async () => {
      await Promise.all([objects.stop(), arm.stop()]);
      await lab.stop();
      await containers.stop();
    },
  };
};

/** A server that clouds work with. */
export interface CloudServer {
  readonly server: PostgresServer;
  /** Where it archives its log. */
  readonly archive: string;
}

export const startCloud = (
  name: CloudName,
  { postgres, s3, number }: { readonly postgres: CloudServer; readonly s3: S3Server; number: number },
): Promise<Cloud> => {
  if (name === 'gcp') return startGcp(postgres.server);
  return name === 'aws' ? startAws(postgres.server, s3, number) : startAzure(postgres);
};
