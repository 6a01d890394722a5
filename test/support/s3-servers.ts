// S3 servers that tests start on free ports of the loopback: real programs that die with this process.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import type { Location } from '../../core/api/location.ts';
import { freePort } from './postgres.ts';

export interface S3Server {
  readonly name: 'versitygw' | 'moto';
  readonly endpoint: string;
  readonly pid: number;
  /** Where the gateway keeps buckets as folders and objects as files: for damage that happens behind its back. */
  readonly data: string;
  readonly secrets: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Makes a bucket and says where it is. */
  bucket(name: string): Promise<Location>;
  /** For what a test does behind the product's back. */
  readonly client: S3Client;
  stop(): Promise<void>;
}

const secrets = { accessKeyId: 'test-access-key', secretAccessKey: 'test-secret-key' } as const;

interface Program {
  readonly name: S3Server['name'];
  readonly argv: (port: number, folder: string) => readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly ready: string;
}

const versitygw: Program = {
  name: 'versitygw',
  argv: (port, folder) => {
    const server = ['--port', `127.0.0.1:${port}`, '--health', '/health', '--quiet'];
    return [program('versitygw'), ...server, 'posix', join(folder, 'data')];
  },
  env: { ROOT_ACCESS_KEY: secrets.accessKeyId, ROOT_SECRET_KEY: secrets.secretAccessKey },
  ready: '/health',
};

const moto: Program = {
  name: 'moto',
  argv: (port) => [program('moto_server'), '-H', '127.0.0.1', '-p', String(port)],
  env: { S3_UPLOAD_PART_MIN_SIZE: '1' },
  ready: '/moto-api/data.json',
};

/** A gateway that keeps objects as files: checks signatures and checksums, needs extended attributes of the file system. */
export const startVersitygw = (): Promise<S3Server> => start(versitygw);

/** An imitation in memory: exact in races and with odd keys, checks neither signatures nor checksums. */
export const startMoto = (): Promise<S3Server> => start(moto);

function program(name: string): string {
  const cache =
    process.env['LC2_CACHE_DIR'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'lc2-backup');
  const path = join(cache, 'bin', name);
  if (!existsSync(path)) throw new Error(`${path} is missing: run test/install/install.sh servers`);
  return path;
}

async function start(what: Program): Promise<S3Server> {
  const folder = await mkdtemp(join(tmpdir(), `lc2-${what.name}-`));
  await mkdir(join(folder, 'data'));
  const { child, port } = await launch(what, folder);
  const onExit = () => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  process.once('exit', onExit);
  const endpoint = `http://127.0.0.1:${port}`;
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: { ...secrets } });
  return {
    name: what.name,
    endpoint,
    pid: child.pid ?? 0,
    data: join(folder, 'data'),
    secrets: { ...secrets },
    client,
    bucket: async (name) => {
      await client.send(new CreateBucketCommand({ Bucket: name }));
      return { url: `s3://${name}`, endpoint, region: 'us-east-1', pathStyle: true };
    },
    stop: async () => {
      client.destroy();
      await end(child);
      process.off('exit', onExit);
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    },
  };
}

/** Another process may take the free port first: then the next one is tried. */
async function launch(what: Program, folder: string): Promise<{ child: ChildProcess; port: number }> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const argv = what.argv(port, folder);
    const keeper = existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL', '--'] : [];
    const [command = '', ...args] = [...keeper, ...argv];
    const child = spawn(command, args, {
      stdio: 'ignore',
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '', HOME: folder, ...what.env },
    });
    if (await isReady(child, `http://127.0.0.1:${port}${what.ready}`)) return { child, port };
    await end(child);
    if (attempt === 3) throw new Error(`${what.name} did not start`);
  }
}

async function isReady(child: ChildProcess, url: string): Promise<boolean> {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await sleep(30)) {
    if (child.exitCode !== null || child.signalCode !== null) return false;
    if ((await statusOf(url)) === 200) return true;
  }
  return false;
}

const statusOf = (url: string): Promise<number> =>
  new Promise((resolve) => {
    request(url, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .once('error', () => resolve(0))
      .end();
  });

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const patience = setTimeout(() => child.kill('SIGKILL'), 3_000);
  await gone;
  clearTimeout(patience);
}
