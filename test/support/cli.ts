// The product as its users run it: cli/bin.mjs in a process of its own.
import { spawn } from 'node:child_process';
import { join } from 'node:path';

export interface CliResult {
  /** As a shell says it: 128 and the signal's number for a run that was killed. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCli {
  readonly pid: number;
  readonly ended: Promise<CliResult>;
  stderr(): string;
  kill(signal: NodeJS.Signals): void;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Made by package.ts; without it, the sources. */
const place = (): string => process.env['LC2_TEST_PACKAGE'] ?? join(import.meta.dirname, '../..');
const numbers: Partial<Record<NodeJS.Signals, number>> = { SIGKILL: 9, SIGTERM: 15, SIGINT: 2 };

export const startCli = (args: readonly string[], { env = {}, cwd }: CliOptions = {}): RunningCli => {
  const { PATH = '', HOME = '/' } = process.env;
  const child = spawn(process.execPath, [join(place(), 'cli/bin.mjs'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // Each command is six processes, which would compile the same files again.
    env: { PATH, HOME, NODE_COMPILE_CACHE: join(place(), 'node_modules/.cache/compiled'), ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<CliResult>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) =>
      resolve({ status: code ?? 128 + (numbers[signal ?? 'SIGHUP'] ?? 1), stdout, stderr }),
    );
  });
  return { pid: child.pid ?? 0, ended, stderr: () => stderr, kill: (signal) => void child.kill(signal) };
};

export const runCli = (args: readonly string[], options?: CliOptions): Promise<CliResult> =>
  startCli(args, options).ended;
