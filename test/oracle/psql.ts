// PostgreSQL by its own client program. Connection values travel by environment: libpq expands a database name that it
// gets as an argument when it looks like a URL or like `key=value`.
import { spawn } from 'node:child_process';

export interface Connection {
  /** A name, an address, or the absolute folder of a unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password?: string;
  readonly database: string;
  /** Path of the psql program; default: the one in PATH. */
  readonly psql?: string;
  /** Further libpq variables such as PGSSLMODE and PGSSLROOTCERT. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** The environment of a PostgreSQL client program that should talk to this connection and to nothing else. */
export function connectionEnvironment(connection: Connection): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('PG'));
  return {
    ...Object.fromEntries(inherited),
    PGHOST: connection.host,
    PGPORT: String(connection.port),
    PGUSER: connection.user,
    PGDATABASE: connection.database,
    PGCLIENTENCODING: 'UTF8',
    PGCONNECT_TIMEOUT: '60',
    PGAPPNAME: 'oracle',
    ...(connection.password !== undefined && { PGPASSWORD: connection.password }),
    ...connection.environment,
  };
}

/** Runs a script and returns its unaligned output. Any error of any statement fails it. */
export async function runPsql(connection: Connection, script: string): Promise<string> {
  const argv = [
    '--no-psqlrc',
    '--no-password',
    '--quiet',
    '--no-align',
    '--tuples-only',
    '--set=ON_ERROR_STOP=1',
    '--file=-',
  ];
  const child = spawn(connection.psql ?? 'psql', argv, { env: connectionEnvironment(connection) });
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  // psql that fails early closes its input: its exit status and its messages tell more than EPIPE.
  child.stdin.on('error', () => undefined);
  child.stdin.end(script);
  const status = await new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? signal));
  });
  if (status !== 0) {
    const text = Buffer.concat(errors).toString('utf8').trim();
    throw new Error(
      `psql on database ${JSON.stringify(connection.database)} ended with ${status}: ${text.slice(-4000)}`,
    );
  }
  return Buffer.concat(output).toString('utf8');
}

/** A string as an SQL literal, whatever it holds. */
export function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted;
}

/** A name as a quoted SQL identifier. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
