import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asOutage, ensureLc2Error, errorLine, exitStatus, Lc2Error } from '../../core/errors.ts';
import { type FlowStep, holds } from '../../core/flow/flow.ts';
import { factsOf } from '../../core/plan/environment.ts';
import { stepContracts } from '../../core/steps/index.ts';
import { type Adapters, parseInput, type StepContext, type StepInput } from './context.ts';
import { createLogger, createRedactor } from './logger.ts';
import { createProgress } from './progress.ts';

/** The host's side of a step: what a process has and a pure step does not. */
export interface Host {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stderr: (line: string) => void;
  readonly now: () => Date;
  readonly tool: string;
  /** Calls back once on SIGTERM or SIGINT. */
  readonly onStop: (stop: () => void) => void;
}

export type StepFunction = (context: StepContext) => Promise<unknown>;

/**
 * Runs one step from input to exit status: parse, run, write the result, one line of failure. SIGTERM aborts every call
 * of every port; the step then has the time until SIGKILL to leave nothing open.
 */
export const runStep = async (
  host: Host,
  steps: Readonly<Record<string, StepFunction>>,
  adaptersOf: (signal: AbortSignal) => Adapters,
): Promise<number> => {
  const abort = new AbortController();
  host.onStop(() => abort.abort(new Lc2Error('CANCELLED', 'the step was told to stop')));
  let redact = (text: string): string => text;
  let reachedBefore = false;
  try {
    const input = parseInput(host.argv[0], host.env, host.tool);
    redact = createRedactor(Object.values(input.secrets).flatMap((values) => secretValues(values)));
    reachedBefore = isLater(input);
    const context = contextOf({ host, input, redact, signal: abort.signal, adapters: adaptersOf(abort.signal) });
    const started = host.now().getTime();
    context.log.info({ attempt: input.attempt }, 'step started');
    const step = steps[input.step];
    if (!step) throw new Lc2Error('BUG', `step ${input.step} is not wired`);
    const output = stepContracts[input.step].output.parse(await step(context));
    writeResult(input, output);
    context.progress.set(1);
    context.log.info({ durationMs: host.now().getTime() - started }, 'step done');
    return 0;
  } catch (thrown) {
    // Once stopped, every other error is a consequence of stopping.
    const error = abort.signal.aborted
      ? new Lc2Error('CANCELLED', 'the step was told to stop', { cause: thrown })
      : reachedBefore
        ? asOutage(ensureLc2Error(thrown))
        : ensureLc2Error(thrown);
    report(host, error, redact);
    return exitStatus[error.kind];
  }
};

/** A mistyped host fails the first attempt of the first step. Whoever comes later follows one that reached what it needs. */
const isLater = ({ flow, step, retries, environment, parameters }: StepInput): boolean => {
  const facts = factsOf(environment, parameters);
  const runs = ({ when }: FlowStep): boolean => when.every((condition) => holds(condition, facts));
  const needs = flow.steps.find((each) => each.step === step)?.needs ?? [];
  return retries > 0 || flow.steps.some((each) => needs.includes(each.step) && runs(each));
};

/** The CA is public; printing it is only noise, redacting it would hide nothing. */
const secretValues = (values: Readonly<Record<string, string>>): string[] =>
  Object.entries(values).flatMap(([name, value]) =>
    name === 'ca.crt' || name === 'username' ? [] : [value, ...keysWithin(value)],
  );

/** Keys that are a part of a value: of a connection string, or of the JSON of a service account. */
const keysWithin = (value: string): string[] =>
  [...value.matchAll(/AccountKey=([^;\s]{8,})|"private_key(?:_id)?"\s*:\s*"([^"]{8,})"/g)].map(
    ([, account, service]) => account ?? service ?? '',
  );

const contextOf = (parts: {
  host: Host;
  input: StepInput;
  redact: (text: string) => string;
  signal: AbortSignal;
  adapters: Adapters;
}): StepContext => {
  const { host, input, redact, signal, adapters } = parts;
  return {
    ...input,
    ...adapters,
    signal,
    log: createLogger({
      level: host.env['LC2_LOG_LEVEL'] ?? 'info',
      base: { step: input.step, run: input.runUid },
      write: host.stderr,
      redact,
    }),
    progress: createProgress({
      file: host.env['ARGO_PROGRESS_FILE'],
      share: stepContracts[input.step].share,
      now: () => host.now().getTime(),
    }),
    clock: { now: host.now },
  };
};

/** Parameters of Argo are small: what is large stays in storage, and only steps with a named result hand one over. */
const writeResult = (input: StepInput, output: unknown): void => {
  const contract = stepContracts[input.step];
  if (!('result' in contract)) return;
  mkdirSync(input.outputDir, { recursive: true });
  const temporary = join(input.outputDir, '.result');
  writeFileSync(temporary, JSON.stringify(output));
  renameSync(temporary, join(input.outputDir, 'result'));
};

const report = (host: Host, error: Lc2Error, redact: (text: string) => string): void => {
  const line = redact(errorLine(error));
  const log = createLogger({ level: 'info', base: { step: host.argv[0] ?? '' }, write: host.stderr, redact });
  log.error({ code: error.code, ...(error.kind === 'bug' ? { stack: stackOf(error) } : {}) }, line);
  const file = host.env['LC2_TERMINATION_LOG'] ?? '/dev/termination-log';
  if (existsSync(file)) writeFileSync(file, `${line.slice(0, 1024)}\n`);
};

const stackOf = (error: Lc2Error): string =>
  error.cause instanceof Error ? (error.cause.stack ?? '') : (error.stack ?? '');
