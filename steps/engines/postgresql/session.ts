import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { Client, type ClientConfig, type QueryResultRow } from 'pg';
import type { ServerSpec } from '../../../core/services/server-shape.ts';
import { asOutage, Lc2Error } from '../../../core/errors.ts';
import { databaseError } from './errors.ts';

/** How to reach one server, for our sessions and for the client tools. */
export interface ServerAccess {
  readonly spec: ServerSpec;
  readonly username: string;
  readonly password: string;
  readonly ca: string | undefined;
  readonly signal: AbortSignal;
  /** A session was opened before: an outage now will pass. */
  readonly reached: { yes: boolean };
  /** Environment of the client tools, with settings of their sessions; made once, because the CA must be a file. */
  readonly toolEnv: (database: string | undefined, settings?: ServerSettings) => Readonly<Record<string, string>>;
  readonly close: () => void;
}

/** Settings of one session, by their names on the server. */
export type ServerSettings = Readonly<Record<string, string | number>>;

/**
 * A server that waits for a client learns only by asking that its machine is gone. It asks from 20 s of silence on, and after
 * a minute ends the session, with its locks and its snapshot; systems by themselves ask after two hours. On a Unix
 * socket there is nobody to ask, and the server ignores the settings.
 */
const keepalives: ServerSettings = {
  tcp_keepalives_idle: 20,
  tcp_keepalives_interval: 10,
  tcp_keepalives_count: 4,
};

/** As libpq takes them in PGOPTIONS. */
const serverOptions = (settings: ServerSettings): string =>
  Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${String(value).replaceAll(' ', '\\ ')}`)
    .join(' ');

/** A session whose every error is one of the catalogue. */
export interface Session {
  query<R extends QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<R[]>;
  end(): Promise<void>;
}

const systemCertificates = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/cert.pem',
];

export const accessServer = (options: {
  readonly spec: ServerSpec;
  readonly secrets: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}): ServerAccess => {
  const { spec, secrets, signal } = options;
  const secret = (name: string): string => {
    const value = secrets[name];
    if (value === undefined || value === '') {
      throw new Lc2Error('SECRET_MISSING', `the database Secret has no ${name}`, {
        where: 'spec.database.credentials',
      });
    }
    // Editors end files with a newline; a password that ends in one is not to be had in a Secret.
    return value.replace(/\r?\n$/, '');
  };
  const ca = secrets['ca.crt'];
  let caFile: string | undefined;
  const caPath = (): string | undefined => {
    if (ca === undefined) return systemCertificates.find((file) => existsSync(file));
    if (caFile === undefined) {
      caFile = join(tmpdir(), `lc2-ca-${randomUUID()}.crt`);
      writeFileSync(caFile, ca, { mode: 0o600 });
    }
    return caFile;
  };
  const username = secret('username');
  const password = secret('password');
  return {
    spec,
    username,
    password,
    ca,
    signal,
    reached: { yes: false },
    toolEnv: (database, settings) => {
      const certificates = spec.tls.mode.startsWith('verify') ? caPath() : undefined;
      return {
        PGHOST: spec.host,
        PGPORT: String(spec.port),
        PGUSER: username,
        PGPASSWORD: password,
        PGSSLMODE: isSocket(spec) ? 'disable' : spec.tls.mode,
        PGAPPNAME: 'lc2-backup',
        PGCONNECT_TIMEOUT: '15',
        PGCLIENTENCODING: 'UTF8',
        PGOPTIONS: serverOptions({ ...keepalives, ...settings }),
        ...(database === undefined ? {} : { PGDATABASE: database }),
        ...(certificates === undefined ? {} : { PGSSLROOTCERT: certificates }),
      };
    },
    close: () => {
      if (caFile !== undefined) rmSync(caFile, { force: true });
    },
  };
};

const isSocket = (spec: ServerSpec): boolean => spec.host.startsWith('/');

const tlsOf = (access: ServerAccess): ClientConfig['ssl'] => {
  const { mode } = access.spec.tls;
  if (mode === 'disable' || isSocket(access.spec)) return false;
  if (mode === 'require') return { rejectUnauthorized: false };
  const ca = access.ca === undefined ? {} : { ca: access.ca };
  return mode === 'verify-ca' ? { ...ca, checkServerIdentity: () => undefined } : ca;
};

export const addressOf = ({ host, port }: ServerSpec, database?: string): string =>
  `${host}:${port}${database === undefined ? '' : `/${database}`}`;

/** Opens a session on one database, with the time-outs of the environment set on purpose. */
export const connect = async (access: ServerAccess, database: string): Promise<Session> => {
  const { spec, signal } = access;
  const where = addressOf(spec, database);
  signal.throwIfAborted();
  const client = new Client({
    host: spec.host,
    port: spec.port,
    user: access.username,
    password: access.password,
    database,
    ssl: tlsOf(access),
    application_name: 'lc2-backup',
    connectionTimeoutMillis: 15_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 30_000,
  });
  // A connection that dies while idle must not end the process: the next query reports it.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    const failure = databaseError(error, where);
    throw access.reached.yes ? asOutage(failure) : failure;
  }
  access.reached.yes = true;
  // The socket is cut on abort: a query that runs on the server ends there with it.
  const cut = (): void => void client.end().catch(() => undefined);
  signal.addEventListener('abort', cut, { once: true });
  const session: Session = {
    query: async <R extends QueryResultRow>(sql: string, values: readonly unknown[] = []): Promise<R[]> => {
      signal.throwIfAborted();
      try {
        return (await client.query<R>(sql, [...values])).rows;
      } catch (error) {
        throw databaseError(error, where);
      }
    },
    end: async () => {
      signal.removeEventListener('abort', cut);
      await client.end();
    },
  };
  await session.query(
    Object.entries(keepalives)
      .map(([name, value]) => `SET ${name} = ${value}`)
      .join('; '),
  );
  await session.query(`SET statement_timeout = ${spec.statementTimeout * 1000}`);
  await session.query(`SET lock_timeout = ${spec.lockTimeout * 1000}`);
  await session.query(`SET idle_in_transaction_session_timeout = 0; SET search_path = ''; SET extra_float_digits = 3`);
  // Databases and roles may prefer other forms, which the client would not read.
  await session.query(`SET DateStyle = 'ISO'; SET TimeZone = 'UTC'; SET bytea_output = 'hex'`);
  await assertDirect(client, session, where);
  return session;
};

/** A pooler hands each transaction to another server process; snapshots and locks need one and the same. */
const assertDirect = async (client: Client, session: Session, where: string): Promise<void> => {
  const [row] = await session.query<{ pid: number }>('SELECT pg_catalog.pg_backend_pid() AS pid');
  const announced: unknown = Reflect.get(client, 'processID');
  if (row?.pid === announced) return;
  await session.end();
  throw new Lc2Error('DATABASE_IS_POOLER', 'a connection pooler stands between us and the server', { where });
};

export const withSession = async <T>(
  access: ServerAccess,
  database: string,
  use: (session: Session) => Promise<T>,
): Promise<T> => {
  const session = await connect(access, database);
  try {
    return await use(session);
  } finally {
    await session.end();
  }
};
