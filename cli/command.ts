import { parseArgs, type ParseArgsConfig } from 'node:util';
import { Lc2Error } from '../core/errors.ts';
import { retry } from '../core/flow/flow.ts';
import type { Environment } from '../core/plan/environment.ts';
import { createAdapters } from '../steps/adapters.ts';
import type { Adapters } from '../steps/runtime/context.ts';
import { findEnvironment, loadFile, type LoadedFile, secretsOf, type SecretSet } from './load-file.ts';
import { createReporter, type Reporter } from './reporter.ts';

/** What every command has: its output, its time, the signal that stops it. */
export interface Io {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly terminal: boolean;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface Command {
  readonly usage: string;
  readonly summary: string;
  /** Returns the exit status. */
  readonly run: (args: readonly string[], io: Io) => Promise<number>;
}

type Options = NonNullable<ParseArgsConfig['options']>;

const common = {
  file: { type: 'string', short: 'f' },
  environment: { type: 'string', short: 'e' },
  json: { type: 'boolean', default: false },
  verbose: { type: 'boolean', short: 'v', default: false },
} as const satisfies Options;

/** Arguments by `util.parseArgs`, its complaints as USAGE. */
export const readArgs = <O extends Options>(
  args: readonly string[],
  options: O,
  positionals: { readonly max: number },
) => {
  const parse = () =>
    parseArgs({ args: [...args], options: { ...common, ...options }, allowPositionals: true, strict: true });
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse();
  } catch (cause) {
    throw new Lc2Error('USAGE', cause instanceof Error ? cause.message : String(cause), { cause });
  }
  if (parsed.positionals.length > positionals.max) {
    throw new Lc2Error('USAGE', `unexpected argument ${JSON.stringify(parsed.positionals[positionals.max])}`);
  }
  return parsed;
};

export interface Scene {
  readonly file: LoadedFile;
  readonly environment: Environment;
  readonly secrets: SecretSet;
  readonly adapters: Adapters;
}

/** The environment that a command is about, and what opens it. */
export const openScene = (
  values: { readonly file?: string | undefined; readonly environment?: string | undefined },
  io: Io,
): Scene => {
  const file = openFile(values);
  const environment = findEnvironment(file, values.environment);
  return {
    file,
    environment,
    secrets: secretsOf(file, environment, environment),
    adapters: createAdapters(io.signal, io.env),
  };
};

export const openFile = ({ file }: { readonly file?: string | undefined }): LoadedFile => {
  if (file === undefined) throw new Lc2Error('USAGE', 'give the file of the environment with -f');
  return loadFile(file);
};

export const reporterFor = (io: Io, verbose: boolean): Reporter =>
  createReporter({ write: io.stderr, terminal: io.terminal, verbose, now: () => io.now().getTime() });

export const printJson = (io: Io, value: unknown): void => io.stdout(`${JSON.stringify(value, undefined, 2)}\n`);

/** `LC2_RETRY_SECONDS`: the pause before a step is tried again the first time, where it should differ from Argo's. */
export const retrySecondsOf = ({ env }: Io): number => {
  const text = env['LC2_RETRY_SECONDS'];
  if (text === undefined) return retry.backoff.seconds;
  const seconds = Number(text);
  if (/^\d+(\.\d+)?$/u.test(text) && seconds <= retry.backoff.capSeconds) return seconds;
  throw new Lc2Error('USAGE', `LC2_RETRY_SECONDS is ${JSON.stringify(text)}; seconds from 0 to 300 are meant`);
};
