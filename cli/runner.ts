import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { catalogue, type ErrorCode, exitStatus, Lc2Error } from '../core/errors.ts';
import { type Flow, type FlowStep, holds, retry } from '../core/flow/flow.ts';
import {
  completeParameters,
  type Environment,
  factsOf,
  renderConfigMapData,
  variableOf,
} from '../core/plan/environment.ts';
import { nodeFlags } from '../core/steps/contract.ts';
import { stepContracts, type StepName } from '../core/steps/index.ts';
import type { SecretSet } from './load-file.ts';
import type { Reporter } from './reporter.ts';
import { isAlive } from '../steps/runtime/process.ts';

/**
 * Executes a flow of core/flow without a cluster: each step is a child process in a group of its own, told and heard
 * exactly as Argo would. The table of retries is the same too.
 */
export interface LocalRun {
  readonly flow: Flow;
  readonly parameters: Readonly<Record<string, string>>;
  readonly environment: Environment;
  readonly source: Environment;
  readonly secrets: SecretSet;
  readonly timestamp: Date;
  readonly runUid: string;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  /** Pause before the first repetition of a step, in seconds; later ones are longer. */
  readonly retrySeconds: number;
}

export interface LocalResult {
  /** Results of the steps that hand one over, by step. */
  readonly results: Readonly<Partial<Record<StepName, unknown>>>;
  readonly failure: StepFailure | undefined;
}

export interface StepFailure {
  readonly step: StepName;
  readonly status: number;
  readonly code: ErrorCode;
  readonly message: string;
}

export const runLocally = async (run: LocalRun): Promise<LocalResult> => {
  removeDeadFolders();
  const folder = mkdtempSync(join(tmpdir(), `${folderStart}${process.pid}-`));
  try {
    writeFileSync(join(folder, 'environment.json'), renderConfigMapData(run.environment)['environment.json']);
    writeFileSync(join(folder, 'source.json'), renderConfigMapData(run.source)['environment.json']);
    const parameters = completeParameters(run.flow.parameters, run.parameters);
    const result = await runSteps({ ...run, parameters, folder });
    if (result.failure && run.flow.onFailure) await cleanUp({ ...run, parameters, folder }, run.flow.onFailure);
    return result;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const folderStart = 'lc2-run-';
/** Of one attempt, below its place. */
const temporary = 'tmp';

/** Folders of runners that were killed; they hold no secrets, only the environment and the progress of steps. */
const removeDeadFolders = (): void => {
  for (const name of readdirSync(tmpdir())) {
    const pid = new RegExp(`^${folderStart}(\\d+)-`).exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
};

interface Task extends LocalRun {
  readonly folder: string;
}

const runSteps = async (task: Task): Promise<LocalResult> => {
  const { flow, environment, parameters } = task;
  const facts = factsOf(environment, parameters);
  const stop = new AbortController();
  const signal = AbortSignal.any([task.signal, stop.signal]);
  const results: Partial<Record<StepName, unknown>> = {};
  let failure: StepFailure | undefined;
  const done = new Map<StepName, Promise<boolean>>();

  const execute = async (step: FlowStep): Promise<boolean> => {
    const before = await Promise.all(step.needs.map((need) => done.get(need) ?? Promise.resolve(true)));
    if (before.includes(false) || failure || signal.aborted) return false;
    if (!step.when.every((condition) => holds(condition, facts))) {
      task.reporter.skipped(step.step);
      return true;
    }
    const outcome = await runWithRetries(task, step.step, signal);
    if ('failed' in outcome) {
      failure ??= outcome.failed;
      // Nothing can come of the run any more: what runs beside is told to stop.
      stop.abort();
      return false;
    }
    results[step.step] = outcome.result;
    return true;
  };
  for (const step of flow.steps) done.set(step.step, execute(step));
  await Promise.all(done.values());
  if (!failure && task.signal.aborted) failure = cancelled(flow.steps[0]?.step ?? 'verify-backup');
  return { results, failure };
};

const cancelled = (step: StepName): StepFailure => ({
  step,
  status: exitStatus.cancelled,
  code: 'CANCELLED',
  message: 'CANCELLED: the run was told to stop',
});

const cleanUp = async (task: Task, step: StepName): Promise<void> => {
  // Its own signal: cleaning up is what a stopped run still does.
  const outcome = await runOnce(task, { step, attempt: 0, signal: new AbortController().signal });
  if ('failed' in outcome) task.reporter.note(`clean-up did not succeed: ${outcome.failed.message}`);
};

type Outcome = { readonly result: unknown } | { readonly failed: StepFailure };

const runWithRetries = async (task: Task, step: StepName, signal: AbortSignal): Promise<Outcome> => {
  for (let attempt = 0; ; attempt++) {
    task.reporter.started(step, attempt);
    const outcome = await runOnce(task, { step, attempt, signal });
    if ('result' in outcome) {
      task.reporter.finished(step);
      return outcome;
    }
    const { failed } = outcome;
    if (signal.aborted) return { failed: task.signal.aborted ? cancelled(step) : failed };
    if (attempt >= retry.limit || !isRetried(failed)) {
      task.reporter.failed(step, failed.message);
      return outcome;
    }
    const seconds = Math.min(retry.backoff.capSeconds, task.retrySeconds * retry.backoff.factor ** attempt);
    task.reporter.retrying(step, failed.message, seconds);
    await pause(seconds * 1000, signal);
  }
};

export const isRetried = ({ status, message }: Pick<StepFailure, 'status' | 'message'>): boolean =>
  (retry.statuses as readonly number[]).includes(status) &&
  !retry.unlessMessages.some((text) => message.includes(text));

const pause = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener('abort', end, { once: true });
  });

interface Attempt {
  readonly step: StepName;
  readonly attempt: number;
  readonly signal: AbortSignal;
}

const runOnce = async (task: Task, { step, attempt, signal }: Attempt): Promise<Outcome> => {
  const place = mkdtempSync(join(task.folder, `${step}-${attempt}-`));
  const termination = join(place, 'termination-log');
  writeFileSync(termination, '');
  mkdirSync(join(place, temporary));
  const status = await spawnStep(task, { step, attempt, place, termination, signal });
  if (status === 0) {
    const file = join(place, 'result');
    return { result: existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as unknown) : undefined };
  }
  const line = readFileSync(termination, 'utf8').trim();
  return { failed: failureOf(step, status, line) };
};

const failureOf = (step: StepName, status: number, line: string): StepFailure => {
  const code = line.slice(0, Math.max(0, line.indexOf(':')));
  if (isCode(code)) return { step, status, code, message: line };
  const how = new Lc2Error('STEP_FAILED', `step ${step} ended with status ${status} and said nothing`);
  return { step, status, code: how.code, message: `${how.code}: ${how.message}` };
};

const isCode = (text: string): text is ErrorCode => Object.hasOwn(catalogue, text);

const fromSources = import.meta.url.endsWith('.ts');
const stepProgram = fileURLToPath(new URL(fromSources ? '../steps/main.ts' : '../app/main.mjs', import.meta.url));
const setpriv = '/usr/bin/setpriv';

interface Spawn {
  readonly step: StepName;
  readonly attempt: number;
  readonly place: string;
  readonly termination: string;
  readonly signal: AbortSignal;
}

/** Exit status as a shell would say it: 128 and the signal's number for a step that was killed. */
const spawnStep = (task: Task, { step, attempt, place, termination, signal }: Spawn): Promise<number> =>
  new Promise((resolve, reject) => {
    // The step is told to stop when we die, however we die.
    const keeper = existsSync(setpriv) ? [setpriv, '--pdeathsig', 'TERM', '--'] : [];
    const flags = nodeFlags(stepContracts[step].resources);
    const [program = process.execPath, ...args] = [...keeper, process.execPath, ...flags, stepProgram, step];
    const child = spawn(program, args, {
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...stepEnv(task, place, termination), LC2_RETRIES: String(attempt) },
    });
    const stop = (): void => void child.kill('SIGTERM');
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    child.stderr.setEncoding('utf8');
    let rest = '';
    child.stderr.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) task.reporter.log(step, line);
    });
    const watch = setInterval(() => task.reporter.progress(step, readProgress(place, step)), 500);
    child.on('error', reject);
    child.on('close', (code, killedBy) => {
      clearInterval(watch);
      signal.removeEventListener('abort', stop);
      if (rest !== '') task.reporter.log(step, rest);
      resolve(code ?? 128 + (killedBy === 'SIGKILL' ? 9 : killedBy === 'SIGTERM' ? 15 : 1));
    });
  });

const stepEnv = (task: Task, place: string, termination: string): Record<string, string> => ({
  ...Object.fromEntries(Object.entries(task.parameters).map(([name, value]) => [variableOf(name), value])),
  LC2_FLOW: task.flow.name,
  LC2_RUNNER: `local:${hostname()}:${process.pid}`,
  LC2_RUN_UID: task.runUid,
  LC2_ATTEMPT: randomUUID(),
  LC2_TIMESTAMP: task.timestamp.toISOString(),
  LC2_ENVIRONMENT_FILE: join(task.folder, 'environment.json'),
  LC2_SOURCE_FILE: join(task.folder, 'source.json'),
  LC2_SECRETS: JSON.stringify(task.secrets),
  LC2_OUTPUT_DIR: place,
  LC2_TERMINATION_LOG: termination,
  // What a killed step leaves there goes with the run.
  TMPDIR: join(place, temporary),
  ARGO_PROGRESS_FILE: join(place, 'progress'),
});

/** From 0 to 1. */
const readProgress = (place: string, step: StepName): number => {
  const file = join(place, 'progress');
  if (!existsSync(file)) return 0;
  const done = Number(readFileSync(file, 'utf8').split('/')[0]);
  return Number.isFinite(done) ? done / Math.max(1, stepContracts[step].share) : 0;
};
