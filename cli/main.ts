import { ensureLc2Error, errorLine, exitStatus, Lc2Error, printable } from '../core/errors.ts';
import { toolVersion } from '../core/version.ts';
import type { Command, Io } from './command.ts';
import { backup } from './commands/backup.ts';
import { check } from './commands/check.ts';
import { copyAgain } from './commands/copy.ts';
import { deleteBackup } from './commands/delete.ts';
import { get } from './commands/get.ts';
import { list } from './commands/list.ts';
import { previous } from './commands/previous.ts';
import { render } from './commands/render.ts';
import { restore } from './commands/restore.ts';
import { show } from './commands/show.ts';
import { verify } from './commands/verify.ts';

const commands = {
  backup,
  restore,
  list,
  show,
  verify,
  copy: copyAgain,
  delete: deleteBackup,
  previous,
  check,
  render,
  get,
} as const satisfies Record<string, Command>;

const isCommand = (name: string): name is keyof typeof commands => Object.hasOwn(commands, name);

const help = (): string =>
  [
    `lc2-backup ${toolVersion}: one consistent, verified, sealed backup of a database and its object stores`,
    '',
    ...Object.values(commands).map(({ usage, summary }) => `  lc2-backup ${usage}\n      ${summary}`),
    '',
    'FILE holds BackupEnvironment and Secret documents, as kubectl applies them.',
    `Exit status: 0 done, ${exitStatus.terminal} will not succeed by repeating, ${exitStatus.retry} try again, ` +
      `${exitStatus.user} wrong input, ${exitStatus.cancelled} cancelled, ${exitStatus.bug} a defect.`,
    'LC2_RETRY_SECONDS in the environment: the pause before a step is tried again the first time; default 10.',
    '',
  ].join('\n');

/** Runs one command and returns the exit status; every failure is one line on standard error. */
export const main = async (argv: readonly string[]): Promise<number> => {
  const abort = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => abort.abort(new Lc2Error('CANCELLED', 'the command was told to stop')));
  }
  const io: Io = {
    // Names in a backup are not ours: none of them may steer a terminal.
    stdout: (text) => void process.stdout.write(printable(text)),
    stderr: (text) => void process.stderr.write(text),
    terminal: process.stderr.isTTY,
    now: () => new Date(),
    signal: abort.signal,
    env: process.env,
  };
  const [name = '--help', ...args] = argv;
  try {
    if (name === '--version') {
      io.stdout(`${toolVersion}\n`);
      return 0;
    }
    if (name === '--help' || name === '-h' || args.includes('--help')) {
      io.stdout(help());
      return 0;
    }
    if (!isCommand(name)) throw new Lc2Error('USAGE', `there is no command ${JSON.stringify(name)}`);
    return await commands[name].run(args, io);
  } catch (thrown) {
    return report(io, thrown);
  }
};

const report = (io: Io, thrown: unknown): number => {
  const stopped = io.signal.aborted;
  const error = stopped
    ? new Lc2Error('CANCELLED', 'the command was told to stop', { cause: thrown })
    : ensureLc2Error(thrown);
  io.stderr(`${errorLine(error)}\n`);
  // A defect is worth its stack; everything else is said in one line.
  if (error.kind === 'bug' && error.cause instanceof Error) io.stderr(`${printable(error.cause.stack ?? '')}\n`);
  return exitStatus[error.kind];
};
