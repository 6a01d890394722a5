// What operations do: on a real server, with objects of a real bucket.
import { gunzipSync, gzipSync } from 'node:zlib';
import type { FakeInstance, OperationError } from './instances.ts';
import {
  type Apart,
  type BaseBackup,
  startApart,
  startFromBaseBackup,
  takeBaseBackup,
} from '../../support/postgres-programs.ts';
import {
  createObject,
  objectExists,
  parseGs,
  quoteIdentifier,
  readObject,
  runProgram,
  runSql,
  type ServerAddress,
  userDatabases,
} from './programs.ts';

/** An operation that ends with this is DONE, with an error. */
export class OperationFailure extends Error {
  readonly error: OperationError;
  constructor(code: string, message: string) {
    super(message);
    this.error = { code, message };
  }
}

export interface WorkPlace {
  readonly instance: FakeInstance;
  /** Root of the JSON API of the buckets. */
  readonly buckets: string;
  /** Whether the service account of the instance may use the bucket. */
  readonly mayUse: (serviceAccount: string, bucket: string) => boolean;
  readonly signal: AbortSignal;
}

const bucketOf = ({ instance, mayUse }: WorkPlace, uri: string) => {
  const at = parseGs(uri);
  if (!at) throw new OperationFailure('ERROR_INVALID_URI', `The URI ${uri} is no path in Cloud Storage.`);
  if (!mayUse(instance.serviceAccount, at.bucket)) {
    const who = `The service account ${instance.serviceAccount}`;
    throw new OperationFailure('ERROR_NO_PERMISSION', `${who} does not have the required permissions for the bucket.`);
  }
  return at;
};

const existing = (uri: string): OperationFailure =>
  new OperationFailure('ERROR_FILE_EXISTS', `The file ${uri} already exists; choose a different name.`);

export const exportDatabase = async (place: WorkPlace, database: string, uri: string): Promise<void> => {
  const at = bucketOf(place, uri);
  if (await objectExists(place.buckets, at)) throw existing(uri);
  const args = ['--format=plain'];
  const script = await tool(() =>
    runProgram(serverOf(place), {
      program: 'pg_dump',
      args,
      env: { PGDATABASE: database },
      signal: place.signal,
    }),
  );
  const body = uri.endsWith('.gz') ? gzipSync(script) : script;
  if (!(await createObject(place.buckets, at, body))) throw existing(uri);
};

export interface ImportOrder {
  readonly database: string;
  readonly uri: string;
  readonly user: string | undefined;
}

export const importDatabase = async (place: WorkPlace, { database, uri, user }: ImportOrder): Promise<void> => {
  const at = bucketOf(place, uri);
  const stored = await readObject(place.buckets, at);
  if (!stored) throw new OperationFailure('ERROR_NO_FILE', `The file ${uri} does not exist.`);
  const input = uri.endsWith('.gz') ? gunzipSync(stored) : stored;
  const role: Record<string, string> = user === undefined ? {} : { PGOPTIONS: `-c role=${user}` };
  await tool(() =>
    runProgram(serverOf(place), {
      program: 'psql',
      args: ['--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', '--file=-'],
      env: { PGDATABASE: database, ...role },
      input,
      signal: place.signal,
    }),
  );
};

const serverOf = ({ instance }: WorkPlace): ServerAddress => {
  if (instance.server) return instance.server;
  throw new OperationFailure('ERROR_RDBMS', `${instance.name} is empty: the fake has no server for it`);
};

/** The files of its server, with whoever may log in. */
export const takeBackup = (place: WorkPlace): Promise<BaseBackup> => tool(() => takeBaseBackup(serverOf(place)));

/** Everything in the instance is replaced, as Google does it. Nobody has to be sent away for it: its server is others', and stays. */
export const restoreInPlace = async (place: WorkPlace, backup: BaseBackup): Promise<void> => {
  const server = serverOf(place);
  const copy = await startFromBaseBackup(server, backup);
  const from = { ...server, host: copy.host, port: copy.port };
  try {
    for (const database of await userDatabases(server))
      await runSql(server, 'postgres', `DROP DATABASE ${quoteIdentifier(database)} WITH (FORCE)`);
    for (const database of await userDatabases(from)) {
      const args = ['--format=custom'];
      const input = await tool(() => runProgram(from, { program: 'pg_dump', args, env: { PGDATABASE: database } }));
      await runSql(server, 'postgres', `CREATE DATABASE ${quoteIdentifier(database)} TEMPLATE template0`);
      await tool(() =>
        runProgram(server, { program: 'pg_restore', args: ['--exit-on-error', `--dbname=${database}`], input }),
      );
    }
  } finally {
    await copy.stop();
  }
};

/** A server at this address, with what the backup holds of the other one. */
export const restoreAt = (host: string, of: ServerAddress, backup: BaseBackup): Promise<Apart> =>
  tool(() => startApart(of, backup, host));

const tool = async <T>(run: () => Promise<T>): Promise<T> => {
  try {
    return await run();
  } catch (error) {
    throw new OperationFailure('ERROR_RDBMS', error instanceof Error ? error.message : String(error));
  }
};
