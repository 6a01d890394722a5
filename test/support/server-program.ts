// Servers that tests start on free ports of the loopback: real programs that die with this process.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './postgres.ts';

export interface Program {
  readonly name: string;
  readonly argv: (port: number, folder: string) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A path that is answered with 200, or with the status given. */
  readonly ready: string;
  readonly readyStatus?: number;
}

export interface RunningProgram {
  readonly endpoint: string;
  readonly pid: number;
  /** Removed at the end. */
  readonly folder: string;
  readonly stop: () => Promise<void>;
}

export function program(name: string): string {
  const cache =
    process.env['LC2_CACHE_DIR'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'lc2-backup');
  const path = join(cache, 'bin', name);
  if (!existsSync(path)) throw new Error(`${path} is missing: run test/install/install.sh servers`);
  return path;
}

export async function startProgram(what: Program): Promise<RunningProgram> {
  const folder = await mkdtemp(join(tmpdir(), `lc2-${what.name}-`));
  const { child, port } = await launch(what, folder);
  const onExit = () => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  process.once('exit', onExit);
  return {
    endpoint: `http://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    folder,
    stop: async () => {
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
    if (await isReady(child, `http://127.0.0.1:${port}${what.ready}`, what.readyStatus ?? 200)) return { child, port };
    await end(child);
    if (attempt === 3) throw new Error(`${what.name} did not start`);
  }
}

async function isReady(child: ChildProcess, url: string, status: number): Promise<boolean> {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await sleep(30)) {
    if (child.exitCode !== null || child.signalCode !== null) return false;
    if ((await statusOf(url)) === status) return true;
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
