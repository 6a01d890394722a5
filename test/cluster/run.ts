// Runs a program to its end and returns what it wrote; a failure carries the program's own words.
import { spawn } from 'node:child_process';

export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Exit statuses other than 0 that are an answer, not a failure. */
  readonly allow?: readonly number[];
  readonly timeoutMs?: number;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

const lastLines = (text: string): string => text.trimEnd().split('\n').slice(-20).join('\n');

export const run = (argv: readonly [string, ...string[]], options: RunOptions = {}): Promise<RunResult> => {
  const [program, ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: options.timeoutMs,
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
    child.on('error', reject);
    // A program may end before it has read its input; its exit status says whether that was a failure.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    child.on('close', (code, signal) => {
      const status = code ?? 128;
      if (status === 0 || (options.allow ?? []).includes(status)) {
        resolve({ stdout, stderr, status });
      } else {
        const end = signal === null ? `exit status ${status}` : `signal ${signal}`;
        reject(new Error(`${argv.join(' ')}: ${end}\n${lastLines(`${stdout}\n${stderr}`)}`));
      }
    });
  });
};
