// What stands beside or before a PostgreSQL server in real life: a standby, a connection pooler. They die with this process.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createCertificates } from './certificates.ts';
import { filesFolder, freePort, type PostgresServer } from './postgres.ts';

const run = promisify(execFile);

/** Neither program runs as root. */
const account = async (): Promise<{ readonly uid: number; readonly gid: number } | undefined> => {
  if (process.getuid?.() !== 0) return undefined;
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const entry = lines.find(([name]) => name === 'postgres') ?? lines.find(([name]) => name === 'nobody');
  return { uid: Number(entry?.[2] ?? 65534), gid: Number(entry?.[3] ?? 65534) };
};

const confined = async (): Promise<string[]> => {
  const user = await account();
  const drop = user === undefined ? [] : [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
  return [...drop, '--pdeathsig=QUIT', '--'];
};

/** A folder of the account that servers run as. */
export const ownFolder = async (name: string): Promise<string> => {
  const folder = await mkdtemp(join(filesFolder(), name));
  const user = await account();
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  return folder;
};

const answers = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection({ host, port });
    const end = (found: boolean) => {
      socket.destroy();
      resolve(found);
    };
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });

const ended = (child: ChildProcess): Promise<void> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise((resolve) => child.once('exit', () => resolve()));

export interface Beside {
  readonly host: string;
  readonly port: number;
  stop(): Promise<void>;
}

const serve = async (argv: readonly string[], folder: string, port: number, host = '127.0.0.1'): Promise<Beside> => {
  const child = spawn('setpriv', [...(await confined()), ...argv], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '' },
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log = `${log}${text}`.slice(-4000)));
  for (const deadline = Date.now() + 30_000; !(await answers(host, port)); await sleep(30)) {
    const isOver = child.exitCode !== null || child.signalCode !== null;
    if (isOver || Date.now() > deadline) throw new Error(`${argv[0] ?? ''} did not start:\n${log}`);
  }
  const stop = async () => {
    child.kill('SIGQUIT');
    await ended(child);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  return { host, port, stop };
};

type Primary = Pick<PostgresServer, 'port' | 'superuser' | 'password' | 'bin'> & { readonly host: string };

/** The files of a server as of one moment, by pg_basebackup. */
export interface BaseBackup {
  readonly folder: string;
  remove(): Promise<void>;
}

export const takeBaseBackup = async (primary: Primary, ...more: readonly string[]): Promise<BaseBackup> => {
  const folder = await ownFolder('lc2-backup-');
  const from = ['--host', primary.host, '--port', String(primary.port), '--username', primary.superuser];
  const argv = [
    join(primary.bin, 'pg_basebackup'),
    '--pgdata',
    join(folder, 'data'),
    ...from,
    '--checkpoint=fast',
    ...more,
  ];
  await run('setpriv', [...(await confined()), ...argv], {
    cwd: folder,
    env: { PATH: process.env['PATH'], PGPASSWORD: primary.password },
  });
  return { folder, remove: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }) };
};

/** The same once more, of its own. */
export const copyBaseBackup = async (backup: BaseBackup): Promise<BaseBackup> => {
  const folder = await ownFolder('lc2-backup-');
  await run('cp', ['--archive', join(backup.folder, 'data'), join(folder, 'data')]);
  return { folder, remove: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }) };
};

const startIn = async (
  folder: string,
  primary: Primary,
  settings: Readonly<Record<string, string>> = {},
  at: { readonly host?: string; readonly port?: number } = {},
): Promise<Beside> => {
  const data = join(folder, 'data');
  const port = at.port ?? (await freePort());
  const values = { ...settings, port: String(port), unix_socket_directories: folder };
  const lines = Object.entries(values).map(([name, value]) => `${name} = '${value}'\n`);
  const file = join(data, 'postgresql.auto.conf');
  await writeFile(file, `${await readFile(file, 'utf8')}${lines.join('')}`);
  return serve([join(primary.bin, 'postgres'), '-D', data], folder, port, at.host);
};

/** A hot standby of the server. */
export const startStandby = async (
  primary: PostgresServer,
  settings: Readonly<Record<string, string>>,
): Promise<Beside> => {
  const { folder } = await takeBaseBackup(primary, '--write-recovery-conf');
  return startIn(folder, primary, settings);
};

/** A server of its own with what the backup holds, as the backup's server had it; the backup stays. */
export const startFromBaseBackup = async (primary: Primary, backup: BaseBackup): Promise<Beside> =>
  startIn(await unpack(backup), primary);

const unpack = async (backup: BaseBackup): Promise<string> => {
  const folder = await ownFolder('lc2-copy-');
  await run('cp', ['--archive', join(backup.folder, 'data'), join(folder, 'data')]);
  return folder;
};

export interface Apart extends Beside {
  /** PEM of its own authority, where the primary has one. */
  readonly ca: string | undefined;
}

/** The same at another address of this host, with the primary's port. */
export const startApart = async (
  primary: Primary & { readonly tls?: unknown },
  backup: BaseBackup,
  host: string,
): Promise<Apart> => {
  const folder = await unpack(backup);
  const settings = { listen_addresses: host };
  const at = { host, port: primary.port };
  if (primary.tls === undefined) return { ...(await startIn(folder, primary, settings, at)), ca: undefined };
  const { ca, serverCertificate, serverKey } = await createCertificates(join(folder, 'tls'), [host]);
  const user = await account();
  if (user !== undefined) await chown(serverKey, user.uid, user.gid);
  const own = { ...settings, ssl_ca_file: ca, ssl_cert_file: serverCertificate, ssl_key_file: serverKey };
  return { ...(await startIn(folder, primary, own, at)), ca: await readFile(ca, 'utf8') };
};

export interface PointInTime {
  readonly backup: BaseBackup;
  /** Folder of the log of the primary, segment by segment. */
  readonly archive: string;
  readonly time: Date;
  /** An address of this host; the port is that of the primary. */
  readonly host: string;
}

/** A server of its own with what the primary held at a time, recovered from its archived log. It is recovering at first. */
export const startAsOf = async (primary: Primary, { backup, archive, time, host }: PointInTime): Promise<Beside> => {
  const folder = await unpack(backup);
  await writeFile(join(folder, 'data', 'recovery.signal'), '');
  const settings = {
    archive_mode: 'off',
    listen_addresses: host,
    restore_command: `cp ${archive}/%f %p`,
    // Before it knows abbreviations of time zones.
    recovery_target_time: time.toISOString().replace('T', ' ').replace('Z', '+00'),
    recovery_target_action: 'promote',
  };
  return startIn(folder, primary, settings, { host, port: primary.port });
};

/** PgBouncer before the server, one server connection per transaction. */
export const startPgBouncer = async (server: PostgresServer): Promise<Beside> => {
  const folder = await ownFolder('lc2-bouncer-');
  const port = await freePort();
  const users = join(folder, 'users.txt');
  await writeFile(users, `"${server.superuser}" "${server.password}"\n`);
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'plain',
    auth_file: users,
    pool_mode: 'transaction',
    ignore_startup_parameters: 'extra_float_digits,options',
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
  const file = join(folder, 'pgbouncer.ini');
  await writeFile(file, `[databases]\n* = host=${server.host} port=${server.port}\n[pgbouncer]\n${lines.join('\n')}\n`);
  return serve(['pgbouncer', file], folder, port);
};
