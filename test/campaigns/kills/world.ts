// What one worker kills in: a PostgreSQL server of its own (a killed backend takes the others of its server along), buckets
// and folders of its own, and fronts before both. It lasts until a case fails in it.
import { mkdir } from 'node:fs/promises';
import {
  createLab,
  databaseSecret,
  databaseSpec,
  environmentDocument,
  type Lab,
  secretDocument,
  type Spec,
} from '../../support/lab.ts';
import { type PostgresServer, startPostgres } from '../../support/postgres.ts';
import type { S3Server } from '../../support/s3-servers.ts';
import { type DatabaseSide, databaseSide } from './database-side.ts';
import type { Ground } from './hunt.ts';
import { bucketPlace, folderPlace, type Place } from './place.ts';
import { type HttpFront, startHttpFront } from './http-front.ts';
import { type PostgresFront, startPostgresFront } from './postgres-front.ts';

export interface World extends Ground, DatabaseSide {
  readonly lab: Lab;
  readonly s3: HttpFront;
  folder(name: string): Promise<Place>;
  bucket(name: string): Promise<Place>;
  /** An environment of this world; returns its file. */
  environment(name: string, parts: EnvironmentParts): Promise<string>;
  /** Whatever a scene keeps between cases, made on first use. */
  once<T>(name: string, make: () => Promise<T>): Promise<T>;
  remove(): Promise<void>;
}

export interface EnvironmentParts {
  readonly databases?: readonly string[];
  readonly library?: Place;
  readonly mover?: string;
  readonly storage: Place;
}

let worlds = 0;

export const createWorld = async (server: S3Server): Promise<World> => {
  const number = worlds++;
  // A commit that was answered must survive the crash that a killed backend is.
  const settings = { synchronous_commit: 'on', shared_buffers: '16MB', max_connections: '40' };
  const [postgres, lab, s3] = await Promise.all([
    startPostgres({ settings }),
    createLab(),
    startHttpFront(server.endpoint),
  ]);
  const front = await startPostgresFront(postgres);
  return {
    lab,
    s3,
    ...databaseSide(postgres, lab),
    folder: (name) => folderPlace(lab.path(name)),
    bucket: (name) => bucketPlace(server, `w${number}-${name}`, s3.endpoint),
    environment: (name, parts) => writeEnvironment({ lab, postgres, front, server }, name, parts),
    set: (trap) => {
      front.set(trap);
      s3.set(trap);
    },
    start: (args) => lab.start(args),
    release: () => s3.release(),
    once: keeper(),
    remove: async () => {
      await s3.stop();
      await front.stop();
      await postgres.stop();
      await lab.remove();
    },
  };
};

/** Makes a thing of each name once. */
export const keeper = (): World['once'] => {
  const kept = new Map<string, Promise<unknown>>();
  return <T>(name: string, make: () => Promise<T>): Promise<T> => {
    const found = kept.get(name) ?? make();
    kept.set(name, found);
    return found as Promise<T>;
  };
};

interface Parts {
  readonly lab: Lab;
  readonly postgres: PostgresServer;
  readonly front: PostgresFront;
  readonly server: S3Server;
}

const writeEnvironment = async (
  { lab, postgres, front, server }: Parts,
  name: string,
  { databases, library, mover, storage }: EnvironmentParts,
): Promise<string> => {
  const withSecret = ({ spec, folder }: Place): Spec =>
    folder === undefined ? { ...spec, credentials: { secretName: 's3' } } : spec;
  const store = library && { name: 'documents', ...withSecret(library), ...(mover !== undefined && { mover }) };
  const documents = [
    environmentDocument('prd', {
      ...(databases && { database: databaseSpec({ ...postgres, port: front.port }, { databases: [...databases] }) }),
      ...(store && { objectStores: [store] }),
      storage: withSecret(storage),
    }),
    databaseSecret(postgres),
    secretDocument('s3', server.secrets),
  ];
  await mkdir(lab.path('environments'), { recursive: true });
  return lab.write(`environments/${name}.yaml`, documents);
};
