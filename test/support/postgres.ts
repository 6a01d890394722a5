// A throw-away PostgreSQL server for tests and the demo: real binaries, a temporary folder, loopback and a unix socket only,
// unless another address is asked for.
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { appendFile, chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createCertificates } from './certificates.ts';
import type { Certificates } from './certificates.ts';

const run = promisify(execFile);

export interface PostgresOptions {
  /** Folder of initdb and postgres; default: the newest of Debian's. */
  readonly bin?: string;
  /** Of this machine, beside the loopback: pods of a cluster reach the server there, and it is its host. */
  readonly address?: string;
  /** Lines of postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Lines of pg_hba.conf, put before the default ones. */
  readonly hba?: readonly string[];
  /** Serve TLS with a certificate of a fresh CA for localhost, 127.0.0.1 and these names. */
  readonly tls?: boolean | { readonly names?: readonly string[] };
  /** Extra arguments of initdb, such as `--locale=C`. */
  readonly initdb?: readonly string[];
  /** Such as `de_DE.UTF-8`: besides C, the only one it knows. */
  readonly locale?: string;
}

export interface PostgresServer {
  readonly host: string;
  readonly port: number;
  readonly superuser: string;
  readonly password: string;
  readonly socketDir: string;
  readonly dataDir: string;
  readonly bin: string;
  readonly pid: number;
  readonly tls?: Certificates;
  /** Fast shutdown, then everything on disk is removed. May be called twice. */
  stop(): Promise<void>;
  /** kill -9 of the postmaster: a crash. The folder stays until stop(). */
  kill(): Promise<void>;
}

interface Account {
  readonly uid: number;
  readonly gid: number;
}

const debianFolder = '/usr/lib/postgresql';
const superuser = 'postgres';

/** The newest Debian version folder that holds a server. */
function newestPostgresBin(): string {
  const versions = existsSync(debianFolder) ? readdirSync(debianFolder).map(Number).filter(Number.isFinite) : [];
  const newest = versions.sort((a, b) => b - a).find((version) => existsSync(`${debianFolder}/${version}/bin/initdb`));
  if (newest === undefined)
    throw new Error(`no PostgreSQL server under ${debianFolder}: install the package postgresql`);
  return `${debianFolder}/${newest}/bin`;
}

/** initdb and postgres refuse root, so as root they run as the system's postgres user, or as nobody. */
async function unprivilegedAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const entry = accounts.find(([name]) => name === 'postgres') ?? accounts.find(([name]) => name === 'nobody');
  return { uid: Number(entry?.[2] ?? 65534), gid: Number(entry?.[3] ?? 65534) };
}

/** argv that drops privileges where there are some and dies with this process where the system can do that. */
function confined(account: Account | undefined, argv: readonly string[]): readonly [string, readonly string[]] {
  const drop = account === undefined ? [] : [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'];
  if (existsSync('/usr/bin/setpriv')) return ['/usr/bin/setpriv', [...drop, '--pdeathsig=QUIT', '--', ...argv]];
  if (account !== undefined)
    throw new Error('PostgreSQL refuses to run as root and setpriv (package util-linux) is missing');
  return [argv[0] ?? '', argv.slice(1)];
}

const memory = '/dev/shm';

const roomIn = (folder: string): number => {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
};

/** Where a server's files lie: in memory where there is much. A server makes a thousand, and what a disk does is no test's matter. */
export const filesFolder = (): string => (existsSync(memory) && roomIn(memory) > 8 * 2 ** 30 ? memory : tmpdir());

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new Error('the system gave no TCP port');
  return address.port;
}

async function accepts(port: number): Promise<boolean> {
  const socket = createConnection({ host: '127.0.0.1', port });
  const connected = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  });
  socket.destroy();
  return connected;
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

async function waitUntilReady(child: ChildProcess, port: number, log: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (Date.now() < deadline) {
    const running = child.exitCode === null && child.signalCode === null;
    const text = await readFile(log, 'utf8').catch(() => '');
    if (running && text.includes('ready to accept connections') && (await accepts(port))) return;
    if (!running) throw new Error(`PostgreSQL ended while starting:\n${text.slice(-2000)}`);
    await sleep(20);
  }
  throw new Error(`PostgreSQL was not ready within 30 s:\n${(await readFile(log, 'utf8')).slice(-2000)}`);
}

const addressesOf = ({ address }: PostgresOptions): string[] => (address === undefined ? [] : [address]);

/** Whoever knows a password, also to copy the server. */
const forEverybody = ['host all all all scram-sha-256', 'host replication all all scram-sha-256'];

function configuration(
  options: PostgresOptions,
  folder: { readonly sockets: string; readonly certificates?: Certificates },
): string {
  const settings: Record<string, string> = {
    listen_addresses: ['127.0.0.1', ...addressesOf(options)].join(),
    unix_socket_directories: folder.sockets,
    password_encryption: 'scram-sha-256',
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    wal_level: 'logical',
    max_connections: '50',
    shared_buffers: '64MB',
    log_timezone: 'UTC',
    timezone: 'UTC',
    ...(folder.certificates && {
      ssl: 'on',
      ssl_cert_file: folder.certificates.serverCertificate,
      ssl_key_file: folder.certificates.serverKey,
      ssl_ca_file: folder.certificates.ca,
    }),
    ...options.settings,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`)
    .join('');
}

interface Prepared {
  readonly root: string;
  readonly dataDir: string;
  readonly socketDir: string;
  readonly password: string;
  readonly env: NodeJS.ProcessEnv;
  readonly certificates?: Certificates;
}

/** A machine need not have it. */
async function makeLocale(root: string, name: string): Promise<string> {
  const folder = join(root, 'locales');
  await mkdir(folder, { mode: 0o755 });
  await run('localedef', ['-i', name.split('.')[0] ?? '', '-f', 'UTF-8', join(folder, name)]);
  return folder;
}

async function prepare(bin: string, account: Account | undefined, options: PostgresOptions): Promise<Prepared> {
  const root = await mkdtemp(join(filesFolder(), 'lc2-pg-'));
  const [dataDir, socketDir, passwordFile] = [join(root, 'data'), join(root, 'socket'), join(root, 'password')];
  const password = randomBytes(12).toString('hex');
  await writeFile(passwordFile, password, { mode: 0o600 });
  await mkdir(socketDir, { mode: 0o700 });
  const names = typeof options.tls === 'object' ? (options.tls.names ?? []) : [];
  const certificates = options.tls
    ? await createCertificates(join(root, 'tls'), ['localhost', '127.0.0.1', ...names])
    : undefined;
  const owned = [root, socketDir, passwordFile, ...(certificates ? [certificates.folder, certificates.serverKey] : [])];
  if (account !== undefined) for (const path of owned) await chown(path, account.uid, account.gid);
  // The CA must be readable by the tests' own clients, whoever they are.
  await chmod(root, 0o755);
  const settings = ['--encoding=UTF8', '--locale=C.UTF-8', '--auth-local=trust', '--auth-host=scram-sha-256'];
  const place = ['--pgdata', dataDir, '--username', superuser, '--pwfile', passwordFile, '--no-sync'];
  const initdb = [join(bin, 'initdb'), ...place, ...settings, ...(options.initdb ?? [])];
  const [command, argv] = confined(account, initdb);
  await run(command, [...argv], { cwd: root, env: { PATH: process.env['PATH'] ?? '', TZ: 'UTC' } });
  await appendFile(
    join(dataDir, 'postgresql.conf'),
    configuration(options, { sockets: socketDir, ...(certificates && { certificates }) }),
  );
  const hba = join(dataDir, 'pg_hba.conf');
  const lines = [...(options.hba ?? []), ...(options.address === undefined ? [] : forEverybody)];
  await writeFile(hba, `${lines.join('\n')}\n${await readFile(hba, 'utf8')}`);
  const env = options.locale === undefined ? {} : { LOCPATH: await makeLocale(root, options.locale) };
  return { root, dataDir, socketDir, password, env, ...(certificates && { certificates }) };
}

/** Another process may take the free port first: then the next one is tried. */
async function launch(bin: string, account: Account | undefined, prepared: Prepared) {
  const log = join(prepared.root, 'log');
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const [command, argv] = confined(account, [join(bin, 'postgres'), '-D', prepared.dataDir, '-p', String(port)]);
    const child = spawn(command, [...argv], {
      cwd: prepared.root,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env['PATH'] ?? '', ...prepared.env },
    });
    await writeFile(log, '');
    child.stderr.on('data', (chunk: Buffer) => void appendFile(log, chunk).catch(() => undefined));
    try {
      await waitUntilReady(child, port, log);
      return { child, port };
    } catch (error) {
      child.kill('SIGKILL');
      await ended(child);
      if (attempt === 3 || !String(error).includes('Address already in use')) throw error;
    }
  }
}

/** Works as root (drops to an unprivileged user) and as anyone else. The server dies with this process. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const bin = options.bin ?? newestPostgresBin();
  const account = await unprivilegedAccount();
  const prepared = await prepare(bin, account, options);
  const { child, port } = await launch(bin, account, prepared).catch(async (error: unknown) => {
    await rm(prepared.root, { recursive: true, force: true });
    throw error;
  });
  const onExit = () => {
    child.kill('SIGQUIT');
    rmSync(prepared.root, { recursive: true, force: true, maxRetries: 3 });
  };
  process.once('exit', onExit);
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    const patience = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended(child);
    clearTimeout(patience);
  };
  return {
    host: options.address ?? '127.0.0.1',
    port,
    superuser,
    password: prepared.password,
    socketDir: prepared.socketDir,
    dataDir: prepared.dataDir,
    bin,
    pid: child.pid ?? 0,
    ...(prepared.certificates && { tls: prepared.certificates }),
    stop: async () => {
      await end('SIGINT');
      process.off('exit', onExit);
      await rm(prepared.root, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    },
    kill: () => end('SIGKILL'),
  };
}
