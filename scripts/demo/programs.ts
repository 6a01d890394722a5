import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { command, quote } from './screen.ts';

const cliProgram = fileURLToPath(new URL('../../cli/bin.mjs', import.meta.url));
const installer = fileURLToPath(new URL('../../test/install/install.sh', import.meta.url));

/** Ends the demo with the exit status of a program that did not do what the demo needs. */
export class ProgramFailed extends Error {
  readonly status: number;

  constructor(what: string, status: number) {
    super(`${what} ended with exit status ${status}`);
    this.name = 'ProgramFailed';
    this.status = status;
  }
}

interface Run {
  readonly argv: readonly [string, ...string[]];
  readonly cwd?: string;
  readonly signal: AbortSignal;
}

/** Shows every line as it comes. A stop is passed on and waited for: nothing outlives the demo. */
const run = ({ argv, cwd, signal }: Run): Promise<number> =>
  new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const [program, ...args] = argv;
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...(cwd === undefined ? {} : { cwd }) });
    const stop = (): void => void child.kill('SIGTERM');
    signal.addEventListener('abort', stop, { once: true });
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream.setEncoding('utf8');
      stream.on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) quote(line);
      });
      stream.on('end', () => (rest === '' ? undefined : quote(rest)));
    }
    child.once('error', reject);
    child.once('close', (status) => {
      signal.removeEventListener('abort', stop);
      if (signal.aborted) reject(signal.reason);
      else resolve(status ?? 1);
    });
  });

/** Runs `lc2-backup` as a person would, in the folder of the demo, and returns its exit status. */
export const lc2Backup = async (
  args: readonly string[],
  place: { readonly folder: string; readonly signal: AbortSignal },
): Promise<number> => {
  command(['lc2-backup', ...args]);
  return run({ argv: [process.execPath, cliProgram, ...args], cwd: place.folder, signal: place.signal });
};

export const mustSucceed = async (
  args: readonly string[],
  place: { readonly folder: string; readonly signal: AbortSignal },
): Promise<void> => {
  const status = await lc2Backup(args, place);
  if (status !== 0) throw new ProgramFailed(`lc2-backup ${args[0] ?? ''}`, status);
};

/** PostgreSQL, zstd and rclone from the distribution; says what is missing where it may not install. */
export const install = async (signal: AbortSignal): Promise<void> => {
  const status = await run({ argv: ['bash', installer, 'demo'], signal });
  if (status !== 0) throw new ProgramFailed('installing what is missing', status);
};
