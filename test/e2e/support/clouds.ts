// Clouds as a cluster sees them: servers outside of it, on this machine, at the address by which pods reach it. The database
// servers are real, their APIs and the buckets are imitations, and pods know all of them by what an environment says.
import { cloudSqlPermissions, rdsStatements, storageTransferPermissions } from '../../../core/permissions/services.ts';
import { type CloudSqlFake, startCloudSqlFake } from '../../fakes/cloud-sql/server.ts';
import type { Front } from '../../fakes/http-front.ts';
import { type RdsFake, startRdsFake } from '../../fakes/rds/server.ts';
import { startTransferFake, type TransferFake } from '../../fakes/storage-transfer/server.ts';
import { instanceOf as sqlInstanceOf, project } from '../../support/cloud-sql.ts';
import { databaseSecret, type Spec } from '../../support/lab.ts';
import { type Place, s3Place, startGs } from '../../support/places.ts';
import { type PostgresServer, startPostgres } from '../../support/postgres.ts';
import { instanceOf, rdsDatabase, rdsSecret } from '../../support/rds.ts';
import { startVersitygw } from '../../support/s3-servers.ts';
import { startGateFront } from './gate-front.ts';

/** One bucket each for the library and for backups. */
export const buckets = { library: 'documents', storage: 'backups' } as const;

export interface Cloud {
  readonly name: string;
  readonly server: PostgresServer;
  readonly place: Place & { readonly front: Front };
  /** Of its BackupEnvironment. */
  readonly spec: Spec;
  readonly secrets: readonly Spec[];
  /** What was asked and is not in the vendor's description. */
  violations(): readonly string[];
}

export interface GoogleCloud extends Cloud {
  readonly sql: CloudSqlFake;
  readonly transfer: TransferFake;
}

export interface AmazonCloud extends Cloud {
  readonly rds: RdsFake;
}

interface Running {
  stop(): Promise<void>;
}

/** Whatever was started is stopped at the end, the last first. */
export interface Servers extends Running {
  start<T extends Running>(starting: Promise<T>): Promise<T>;
  /** The same server, for pods. */
  expose<T extends { readonly endpoint: string }>(server: T): Promise<T>;
  readonly address: string;
}

export const serversAt = (address: string): Servers => {
  const running: Running[] = [];
  const start: Servers['start'] = async (starting) => {
    const started = await starting;
    running.push(started);
    return started;
  };
  return {
    address,
    start,
    expose: async (server) => ({
      ...server,
      endpoint: (await start(startGateFront(address, server.endpoint))).endpoint,
    }),
    stop: async () => {
      for (const each of running.splice(0).reverse()) await each.stop();
    },
  };
};

const startPlace = async (servers: Servers, starting: Promise<Place>) => {
  const place = await servers.start(starting);
  const { front } = place;
  if (!front) throw new Error(`${place.name} has no front`);
  for (const bucket of Object.values(buckets)) await place.make(bucket);
  const { endpoint } = await servers.expose(front);
  return {
    place: { ...place, front },
    /** For pods. */
    at: (bucket: string): Spec => ({ ...place.location(bucket), endpoint }),
  };
};

const startDatabase = (servers: Servers): Promise<PostgresServer> =>
  servers.start(startPostgres({ address: servers.address }));

/** Cloud SQL snapshots, exports and imports, and Storage Transfer copies. */
export const startGoogle = async (servers: Servers): Promise<GoogleCloud> => {
  const server = await startDatabase(servers);
  const { place, at } = await startPlace(servers, startGs());
  const { endpoint } = place.front;
  const sql = await servers.start(startCloudSqlFake({ instances: [sqlInstanceOf(server, 'main')], buckets: endpoint }));
  const transfer = await servers.start(startTransferFake({ project, buckets: endpoint }));
  sql.cloud.weather.allowed = new Set(Object.keys(cloudSqlPermissions));
  transfer.cloud.weather.allowed = new Set(Object.keys(storageTransferPermissions));
  const [secretName, tls] = ['google-database', { mode: 'disable' }];
  const { host, port } = server;
  const instance = { engine: 'postgresql', host, port, tls, project, instance: 'main' };
  const storageTransfer = { project, minimumObjects: 1, endpoint: (await servers.expose(transfer)).endpoint };
  return {
    name: 'google',
    server,
    place,
    sql,
    transfer,
    spec: {
      database: {
        cloudSql: { ...instance, endpoint: (await servers.expose(sql)).endpoint },
        credentials: { secretName },
      },
      objectStores: [{ name: 'documents', ...at(buckets.library), storageTransfer }],
      storage: at(buckets.storage),
    },
    secrets: [{ ...databaseSecret(server), metadata: { name: secretName } }],
    violations: () => [...sql.violations, ...transfer.violations],
  };
};

/** RDS snapshots and makes a temporary server of the snapshot; S3 copies. */
export const startAmazon = async (servers: Servers): Promise<AmazonCloud> => {
  const server = await startDatabase(servers);
  const { place, at } = await startPlace(servers, s3Place(await startVersitygw()));
  const rds = await servers.start(startRdsFake({ instances: [instanceOf(server, 'main')] }));
  rds.cloud.weather.allowed = new Set(rdsStatements.instance.flatMap(({ actions }) => actions));
  const secretName = 'amazon-database';
  return {
    name: 'amazon',
    server,
    place,
    rds,
    spec: {
      database: {
        ...rdsDatabase(await servers.expose(rds), server, { instance: 'main' }),
        credentials: { secretName },
      },
      objectStores: [{ name: 'documents', ...at(buckets.library) }],
      storage: at(buckets.storage),
    },
    secrets: [
      { ...rdsSecret(server), metadata: { name: secretName } },
      ...(place.secret === undefined ? [] : [place.secret]),
    ],
    violations: () => rds.violations,
  };
};
