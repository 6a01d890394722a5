// Four homes of an application, each with a database server and places for objects: on Google Cloud, on AWS, on Azure, on a host.
import { startCloudSqlFake } from '../fakes/cloud-sql/server.ts';
import type { Front } from '../fakes/http-front.ts';
import { startRdsFake } from '../fakes/rds/server.ts';
import { startTransferFake } from '../fakes/storage-transfer/server.ts';
import { azureDatabase, azureSecret, startAzureLab } from './azure.ts';
import { instanceOf as sqlInstanceOf, project } from './cloud-sql.ts';
import { createLab, databaseSecret, databaseSpec, type Lab, type Spec } from './lab.ts';
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
  readonly server: PostgresServer;
  /** `spec.database`, with more of the service's own. */
  database(more: Spec): Spec;
  readonly secret: Spec;
  /** What object stores have beside their place, where backups are kept at home. */
  readonly store?: Spec;
  /** What the service needs else. */
  readonly away?: Spec;
  /** For programs that talk to the cloud. */
  readonly env?: Readonly<Record<string, string>>;
  violations?(): readonly string[];
  /** Ends the server too. */
  stop(): Promise<void>;
}

/** Cloud SQL exports and imports, Storage Transfer copies. */
const onGcp = async (front: Front | undefined): Promise<Service> => {
  if (!front) throw new Error('the buckets have no front');
  const server = await startPostgres();
  const buckets = front.endpoint;
  const [sql, transfer] = await Promise.all([
    startCloudSqlFake({ instances: [sqlInstanceOf(server, 'main')], buckets }),
    startTransferFake({ project, buckets }),
  ]);
  const { host, port } = server;
  const at = { engine: 'postgresql', host, port, tls: { mode: 'disable' } };
  return {
    server,
    database: (more) => ({ cloudSql: { ...at, project, instance: 'main', endpoint: sql.endpoint, ...more } }),
    secret: databaseSecret(server),
    away: { method: 'dump' },
    store: { storageTransfer: { project, minimumObjects: 1, endpoint: transfer.endpoint } },
    violations: () => [...sql.violations, ...transfer.violations],
    stop: async () => {
      await Promise.all([sql.stop(), transfer.stop()]);
      await server.stop();
    },
  };
};

/** RDS snapshots, and a temporary server is dumped. */
const onAws = async (): Promise<Service> => {
  const server = await startPostgres();
  const fake = await startRdsFake({ instances: [instanceOf(server, 'main')] });
  return {
    server,
    database: (more) => rdsDatabase(fake, server, { instance: 'main', ...more }),
    secret: rdsSecret(server),
    violations: () => fake.violations,
    stop: async () => {
      await fake.stop();
      await server.stop();
    },
  };
};

/** A flexible server is backed up, and one that is restored to a point in time is dumped. */
const onAzure = async (): Promise<Service> => {
  const azure = await startAzureLab();
  const kept = { dumpFrom: 'point', temporary: { logDelay: '1s' }, snapshot: { enabled: true } };
  return {
    server: azure.server,
    database: (more) => azureDatabase(azure, { ...kept, ...more }),
    secret: azureSecret(azure),
    env: azure.env,
    violations: () => azure.fake.violations,
    stop: () => azure.stop(),
  };
};

const onHost = async (): Promise<Service> => {
  const server = await startPostgres();
  return {
    server,
    database: (more) => databaseSpec(server, more),
    secret: databaseSecret(server),
    stop: () => server.stop(),
  };
};

interface Kind {
  /** Folders of the lab without it. */
  readonly place?: () => Promise<Place>;
  readonly service: (front: Front | undefined) => Promise<Service>;
}

const kinds: Readonly<Record<HomeName, Kind>> = {
  gcp: { place: startGs, service: onGcp },
  aws: { place: startS3, service: onAws },
  azure: { place: startAzblob, service: onAzure },
  server: { service: onHost },
};

export interface Homes {
  readonly lab: Lab;
  of(name: HomeName): Home;
  /** What was asked of any of their clouds and is not in the vendor's description. */
  violations(): readonly string[];
  stop(): Promise<void>;
}

export const startHomes = async (names: readonly HomeName[]): Promise<Homes> => {
  const started = await Promise.all(
    names.map(async (name) => {
      const place = await kinds[name].place?.();
      return { name, place, service: await kinds[name].service(place?.front) };
    }),
  );
  const env = started.reduce<Record<string, string>>((all, { service }) => ({ ...all, ...service.env }), {});
  const lab = await createLab(env);
  const homes = started.map(({ name, place, service }) => homeOf(name, place ?? startFolders(lab), service));
  return {
    lab,
    of: (name) => {
      const home = homes.find((each) => each.name === name);
      if (home === undefined) throw new Error(`no ${name}`);
      return home;
    },
    violations: () => homes.flatMap((home) => home.violations()),
    stop: async () => {
      await Promise.all(homes.map((home) => home.stop()));
      await lab.remove();
    },
  };
};

const homeOf = (name: HomeName, place: Place, service: Service): Home => {
  // One Secret for each home, where environments of several are in one file.
  const secretName = `database-${name}`;
  const secret = { ...service.secret, metadata: { name: secretName } };
  return {
    name,
    place,
    server: service.server,
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
      await service.stop();
      await place.stop();
    },
  };
};
