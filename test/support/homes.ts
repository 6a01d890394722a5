// Four homes of an application, each with a database server and places for objects: on Google Cloud, on AWS, on Azure, on a host.
import { startCloudSqlFake } from '../fakes/cloud-sql/server.ts';
import type { Front } from '../fakes/http-front.ts';
import { startRdsFake } from '../fakes/rds/server.ts';
import { startTransferFake } from '../fakes/storage-transfer/server.ts';
import { instanceOf as sqlInstanceOf, project } from './cloud-sql.ts';
import { databaseSecret, databaseSpec, type Lab, type Spec } from './lab.ts';
import { type Place, startAzblob, startFolders, startGs, startS3 } from './places.ts';
import { type PostgresServer, startPostgres } from './postgres.ts';
import { instanceOf, rdsDatabase, rdsSecret } from './rds.ts';

export const homeNames = ['gcp', 'aws', 'azure', 'server'] as const;
export type HomeName = (typeof homeNames)[number];

export interface Home {
  readonly name: HomeName;
  readonly place: Place;
  readonly server: PostgresServer;
  /** `spec.database` and `spec.objectStores`, of one database and one bucket; `isStoredHere`: backups are kept at home. */
  application(parts: Application): Spec;
  readonly secrets: readonly Spec[];
  /** What was asked of the cloud and is not in its vendor's description. */
  violations(): readonly string[];
  stop(): Promise<void>;
}

interface Application {
  readonly database: string;
  readonly library: string;
  readonly isStoredHere: boolean;
}

interface Service {
  /** `spec.database`, with more of the service's own. */
  database(more: Spec): Spec;
  readonly secret: Spec;
  /** What object stores have beside their place, where backups are kept at home. */
  readonly store?: Spec;
  /** What the service needs else. */
  readonly away?: Spec;
  violations?(): readonly string[];
  stop?(): Promise<void>;
}

const frontOf = ({ name, front }: Place): Front => {
  if (!front) throw new Error(`${name} has no front`);
  return front;
};

/** Cloud SQL exports and imports, Storage Transfer copies. */
const onGcp = async (server: PostgresServer, place: Place): Promise<Service> => {
  const { endpoint: buckets } = frontOf(place);
  const [sql, transfer] = await Promise.all([
    startCloudSqlFake({ instances: [sqlInstanceOf(server, 'main')], buckets }),
    startTransferFake({ project, buckets }),
  ]);
  const { host, port } = server;
  const at = { engine: 'postgresql', host, port, tls: { mode: 'disable' } };
  return {
    database: (more) => ({ cloudSql: { ...at, project, instance: 'main', endpoint: sql.endpoint, ...more } }),
    secret: databaseSecret(server),
    away: { method: 'dump' },
    store: { storageTransfer: { project, minimumObjects: 1, endpoint: transfer.endpoint } },
    violations: () => [...sql.violations, ...transfer.violations],
    stop: async () => void (await Promise.all([sql.stop(), transfer.stop()])),
  };
};

const onAws = async (server: PostgresServer): Promise<Service> => {
  const fake = await startRdsFake({ instances: [instanceOf(server, 'main')] });
  return {
    database: (more) => rdsDatabase(fake, server, { instance: 'main', ...more }),
    secret: rdsSecret(server),
    violations: () => fake.violations,
    stop: () => fake.stop(),
  };
};

const onServer = (server: PostgresServer): Promise<Service> =>
  Promise.resolve({ database: (more) => databaseSpec(server, more), secret: databaseSecret(server) });

const kinds = {
  gcp: { place: startGs, service: onGcp },
  aws: { place: startS3, service: onAws },
  azure: { place: startAzblob, service: onServer },
  server: { place: (lab: Lab) => Promise.resolve(startFolders(lab)), service: onServer },
} as const satisfies Record<
  HomeName,
  { place: (lab: Lab) => Promise<Place>; service: (server: PostgresServer, place: Place) => Promise<Service> }
>;

export const startHome = async (name: HomeName, lab: Lab): Promise<Home> => {
  const kind = kinds[name];
  const [place, server] = await Promise.all([kind.place(lab), startPostgres()]);
  const service = await kind.service(server, place);
  // One Secret for each home, where environments of several are in one file.
  const secretName = `database-${name}`;
  const secret = { ...service.secret, metadata: { name: secretName } };
  return {
    name,
    place,
    server,
    application: ({ database, library, isStoredHere }) => ({
      database: {
        ...service.database({ databases: [database], ...(!isStoredHere && service.away) }),
        credentials: { secretName },
      },
      objectStores: [{ name: 'documents', ...place.location(library), ...(isStoredHere && service.store) }],
    }),
    secrets: [secret, ...(place.secret === undefined ? [] : [place.secret])],
    violations: () => service.violations?.() ?? [],
    stop: async () => {
      await service.stop?.();
      await Promise.all([place.stop(), server.stop()]);
    },
  };
};
