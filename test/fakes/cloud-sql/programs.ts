// The work itself: the client programs of a real PostgreSQL server, and objects of a real (or imitated) bucket.
import { spawn } from 'node:child_process';
import { join } from 'node:path';

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  readonly superuser: string;
  readonly password: string;
  /** Folder of its programs. */
  readonly bin: string;
  /** Where it serves TLS. */
  readonly tls?: unknown;
}

export interface ProgramRun {
  readonly program: 'pg_dump' | 'pg_restore' | 'psql';
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: Buffer;
  readonly signal?: AbortSignal;
}

/** What it wrote; throws with what it complained about. */
export const runProgram = (server: ServerAddress, what: ProgramRun): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const child = spawn(join(server.bin, what.program), [...what.args, '--no-password'], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'] ?? '',
        PGHOST: server.host,
        PGPORT: String(server.port),
        PGUSER: server.superuser,
        PGPASSWORD: server.password,
        ...what.env,
      },
    });
    const stop = (): void => void child.kill('SIGTERM');
    what.signal?.addEventListener('abort', stop, { once: true });
    const output: Buffer[] = [];
    let complaint = '';
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString('utf8')));
    // A program that ends early closes its input; its status tells why.
    child.stdin.on('error', () => undefined);
    child.stdin.end(what.input);
    child.once('error', reject);
    child.once('close', (code) => {
      what.signal?.removeEventListener('abort', stop);
      if (code === 0) resolve(Buffer.concat(output));
      else reject(new Error(`${what.program} ended with ${code ?? 'a signal'}: ${complaint.trim().slice(0, 2000)}`));
    });
  });

export const runSql = async (server: ServerAddress, database: string, sql: string): Promise<string[]> => {
  const args = [
    '--no-psqlrc',
    '--quiet',
    '--tuples-only',
    '--no-align',
    '--set=ON_ERROR_STOP=1',
    `--dbname=${database}`,
  ];
  const output = await runProgram(server, { program: 'psql', args: [...args, '--file=-'], input: Buffer.from(sql) });
  return output
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '');
};

export const userDatabases = (server: ServerAddress): Promise<string[]> =>
  runSql(
    server,
    'postgres',
    `SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY 1`,
  );

export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export interface ObjectAddress {
  readonly bucket: string;
  readonly object: string;
}

export const parseGs = (uri: string): ObjectAddress | undefined => {
  const [, bucket, object] = /^gs:\/\/([^/]+)\/(.+)$/.exec(uri) ?? [];
  return bucket === undefined || object === undefined ? undefined : { bucket, object };
};

const objectUrl = (endpoint: string, { bucket, object }: ObjectAddress): string =>
  `${endpoint}/storage/v1/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(object)}`;

const agent = { 'user-agent': 'cloud-sql-fake' };

export const objectExists = async (endpoint: string, at: ObjectAddress): Promise<boolean> => {
  const answer = await fetch(objectUrl(endpoint, at), { headers: agent });
  await answer.arrayBuffer();
  return answer.status === 200;
};

export const readObject = async (endpoint: string, at: ObjectAddress): Promise<Buffer | undefined> => {
  const answer = await fetch(`${objectUrl(endpoint, at)}?alt=media`, { headers: agent });
  const bytes = Buffer.from(await answer.arrayBuffer());
  return answer.status === 200 ? bytes : undefined;
};

/** False when there is one already. */
export const createObject = async (endpoint: string, at: ObjectAddress, body: Buffer): Promise<boolean> => {
  const query = new URLSearchParams({ uploadType: 'media', name: at.object, ifGenerationMatch: '0' });
  const answer = await fetch(`${endpoint}/upload/storage/v1/b/${encodeURIComponent(at.bucket)}/o?${query.toString()}`, {
    method: 'POST',
    headers: { ...agent, 'content-type': 'application/octet-stream' },
    body: new Uint8Array(body),
  });
  const text = await answer.text();
  if (answer.status === 412) return false;
  if (answer.status !== 200) throw new Error(`the bucket answered ${answer.status}: ${text.slice(0, 200)}`);
  return true;
};
