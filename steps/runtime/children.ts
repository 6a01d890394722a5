import { spawn, type ChildProcess } from 'node:child_process';
import { constants, existsSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { Lc2Error } from '../../core/errors.ts';

export interface Stage {
  readonly program: string;
  readonly args: readonly string[];
  /** The whole environment of the child beside PATH, LANG and TZ: nothing of ours is inherited. */
  readonly env?: Readonly<Record<string, string>>;
  /** What messages call it; never user text. */
  readonly name: string;
  /** It may fail for want of a reader when everything after it has ended well: the reader took what it wanted. */
  readonly mayBeCutShort?: boolean;
  /** Open files of ours that it gets as its descriptors 3, 4, … */
  readonly files?: readonly number[];
  /** It starts processes of its own and ends them when it is told to stop: at our death it is told so too, not killed. */
  readonly hasWorkers?: boolean;
}

export interface StageExit {
  readonly code?: number;
  readonly signal?: NodeJS.Signals;
}

export interface PipelineOptions {
  readonly stages: readonly Stage[];
  readonly signal: AbortSignal;
  /** Bytes for the first stage. When it throws, the stages are killed and never see a regular end. */
  readonly input?: AsyncIterable<Uint8Array>;
  /** The last stage's standard output goes nowhere; `output` is then empty and ends with the pipeline. */
  readonly discardOutput?: boolean;
  /** An open file of ours that gets the last stage's standard output, instead of `output`. */
  readonly outputFile?: number;
  /** Takes secrets out of what a stage wrote to standard error. */
  readonly redact?: (text: string) => string;
  readonly onFailure: (stage: Stage, exit: StageExit, stderrTail: string) => Lc2Error;
}

export interface Pipeline {
  /** Standard output of the last stage. Throws at its end unless every stage exited 0. Leaving it early kills the stages. */
  readonly output: AsyncIterable<Uint8Array>;
  /** Resolves when every stage exited 0 and all input was taken; rejects once all stages are gone. */
  readonly done: Promise<void>;
  /** Last lines that a stage wrote to standard error, redacted. */
  readonly stderrTail: (stage: number) => string;
}

interface Member {
  readonly stage: Stage;
  readonly child: ChildProcess;
  readonly tail: () => string;
  exit?: StageExit & { readonly order: number; readonly killed: boolean };
}

const patience = 5_000;
/** How long a stage may go on after the one that read from it has ended well. */
const afterlife = 30_000;
const rawTail = 16_384;
const shownTail = 4_096;

/**
 * Runs programs as one pipeline over the system's own pipes. Any member's failure, a failing input or the signal
 * fails the whole and kills the rest: TERM, then KILL. Where setpriv exists, members also die with this process.
 */
export const spawnPipeline = async (options: PipelineOptions): Promise<Pipeline> => {
  if (options.signal.aborted) throw cancelled();
  const programs = await Promise.all(options.stages.map((stage) => findProgram(stage.program)));
  const keep = await deathKeeper();
  // From here to the end of start() nothing may be awaited: until the next stage has its end of a pipe, our loop must not read it.
  return start(options, programs, keep);
};

const start = (options: PipelineOptions, programs: readonly string[], keep: Keeper): Pipeline => {
  const members: Member[] = [];
  const run = new Run(options, members);
  for (const [index, stage] of options.stages.entries()) {
    const before = members[index - 1]?.child.stdout ?? undefined;
    const last = index === options.stages.length - 1;
    const first: 'pipe' | 'ignore' = options.input === undefined ? 'ignore' : 'pipe';
    const [command = '', ...args] = [...keep(stage), programs[index] ?? stage.program, ...stage.args];
    const child = spawn(command, args, {
      stdio: [before ?? first, last ? lastOutput(options) : 'pipe', 'pipe', ...(stage.files ?? [])],
      env: { PATH: searchPath(), LANG: 'C.UTF-8', TZ: 'UTC', ...stage.env },
    });
    // The child holds the pipe now; our copy would keep the writer from noticing that its reader is gone.
    before?.destroy();
    members.push({ stage, child, tail: keepTail(child.stderr, options.redact) });
  }
  return run.watch();
};

const lastOutput = ({ outputFile, discardOutput }: PipelineOptions): number | 'ignore' | 'pipe' =>
  outputFile ?? (discardOutput === true ? 'ignore' : 'pipe');

/** Bookkeeping of one running pipeline. */
class Run {
  readonly #options: PipelineOptions;
  readonly #members: readonly Member[];
  #exits = 0;
  #killing = false;
  /** Told to end was not enough. */
  #forcing = false;
  /** What ended the run from outside of the stages: input, signal, a reader that left. */
  #reason: { readonly error: unknown; readonly isSymptom?: boolean } | undefined;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(options: PipelineOptions, members: readonly Member[]) {
    this.#options = options;
    this.#members = members;
  }

  watch(): Pipeline {
    const onAbort = () => this.#stop(cancelled());
    this.#options.signal.addEventListener('abort', onAbort, { once: true });
    const fed = this.#feed();
    const exits = this.#members.map((member) => this.#exitOf(member));
    const finish = async (): Promise<void> => {
      await Promise.all([fed, ...exits]);
      this.#options.signal.removeEventListener('abort', onAbort);
      for (const timer of this.#timers) clearTimeout(timer);
      this.#settle();
    };
    const done = finish();
    // Whoever reads only the output meets the failure there.
    done.catch(() => undefined);
    return { output: this.#output(done), done, stderrTail: (stage) => this.#members[stage]?.tail() ?? '' };
  }

  #exitOf(member: Member): Promise<void> {
    return new Promise((resolve) => {
      const ended = (exit: StageExit) => {
        if (member.exit !== undefined) return;
        const killed = this.#isOurs(exit);
        member.exit = { ...exit, order: this.#exits++, killed };
        if (exit.code !== 0 && member.stage.mayBeCutShort !== true) this.#kill();
        const finish = () => {
          if (exit.code !== 0 && !isCutShort(member)) this.#kill();
          else this.#limitEarlier(member);
          resolve();
        };
        // Standard error may still hold the last words; a grandchild may keep it open for ever.
        const timer = setTimeout(finish, 500);
        member.child.once('close', () => {
          clearTimeout(timer);
          finish();
        });
      };
      member.child.once('error', (error) => {
        if (member.child.pid !== undefined) return;
        this.#stop(new Lc2Error('TOOL_MISSING', `${member.stage.name} could not be started`, { cause: error }));
        member.exit = { code: 127, order: this.#exits++, killed: true };
        resolve();
      });
      member.child.once('exit', (code, signal) =>
        ended({ ...(code !== null && { code }), ...(signal !== null && { signal }) }),
      );
    });
  }

  /** A stage whose reader is gone for good should have ended by itself; one that ignores SIGPIPE might never. */
  #limitEarlier(member: Member): void {
    const index = this.#members.indexOf(member);
    if (this.#members.slice(0, index).every((earlier) => earlier.exit !== undefined)) return;
    const timer = setTimeout(() => this.#kill(), afterlife);
    this.#timers.add(timer);
  }

  async #feed(): Promise<void> {
    const { input } = this.#options;
    const stdin = this.#members[0]?.child.stdin ?? undefined;
    if (input === undefined || stdin === undefined) return;
    const orGone = untilGone(stdin);
    const iterator = input[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await orGone(iterator.next());
        if (next === 'gone') {
          this.#leftOver();
          break;
        }
        if (next.done === true) {
          stdin.end();
          return;
        }
        if (!stdin.write(next.value)) await orGone(drained(stdin));
      }
    } catch (error) {
      this.#stop(error);
    }
    // It may be stuck in a read of its own: nobody waits for it.
    void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }

  #leftOver(): void {
    const [first] = this.#members;
    if (first?.stage.mayBeCutShort === true || this.#killing) return;
    const name = first?.stage.name ?? 'the program';
    this.#reason ??= {
      error: new Lc2Error('STEP_FAILED', `${name} ended before it had read all its input`),
      isSymptom: true,
    };
  }

  async *#output(done: Promise<void>): AsyncGenerator<Uint8Array, void, undefined> {
    const stdout = this.#members.at(-1)?.child.stdout ?? undefined;
    let finished = false;
    try {
      if (stdout !== undefined) yield* bytesOf(stdout);
      finished = true;
    } finally {
      if (!finished) {
        this.#stop(cancelled());
        await done.catch(() => undefined);
      }
    }
    await done;
  }

  #stop(error: unknown): void {
    this.#reason ??= { error };
    this.#kill();
  }

  /** Another's SIGKILL may be seen only after its victim's writer has ended, and so after we began to end everybody. */
  #isOurs({ code, signal }: StageExit): boolean {
    if (!this.#killing) return false;
    return signal === 'SIGKILL' ? this.#forcing : signal !== undefined || code === 143;
  }

  /** Readers first: none of them shall take the death of its writer for a regular end. */
  #kill(): void {
    if (this.#killing) return;
    this.#killing = true;
    const running = () => this.#members.filter((member) => member.exit === undefined).reverse();
    for (const { child } of running()) child.kill('SIGTERM');
    const force = (): void => {
      this.#forcing = true;
      for (const { child } of running()) child.kill('SIGKILL');
    };
    this.#timers.add(setTimeout(force, patience));
  }

  #settle(): void {
    const failed = this.#members
      .filter((member) => member.exit?.code !== 0 && !isCutShort(member))
      .sort((a, b) => weight(a) - weight(b) || (a.exit?.order ?? 0) - (b.exit?.order ?? 0));
    const culprit = failed[0];
    const ownFailure = culprit !== undefined && weight(culprit) <= weights.failed;
    // Input that could not be written on is only a symptom when a stage failed by itself.
    if (this.#reason !== undefined && !(ownFailure && this.#reason.isSymptom === true)) throw this.#reason.error;
    if (culprit === undefined) return;
    const { code, signal } = culprit.exit ?? {};
    throw this.#options.onFailure(
      culprit.stage,
      { ...(code !== undefined && { code }), ...(signal !== undefined && { signal }) },
      culprit.tail(),
    );
  }
}

/** Whoever was killed by another has made those after it fail: they lack the rest of their input, whoever is seen first. */
const weights = { killed: 0, failed: 1, lostItsReader: 2, ended: 3 } as const;

const weight = (member: Member): number => {
  const { exit } = member;
  if (exit === undefined || exit.killed) return weights.ended;
  if (lostItsReader(member)) return weights.lostItsReader;
  return exit.signal === undefined ? weights.failed : weights.killed;
};

/** The pipes between stages are socket pairs: writing to a reader that is gone ends in SIGPIPE or in a reset connection. */
const lostItsReader = ({ exit, tail }: Member): boolean =>
  exit !== undefined &&
  exit.code !== 0 &&
  (exit.signal === 'SIGPIPE' || exit.code === 141 || /broken pipe|connection reset by peer/i.test(tail()));

const isCutShort = (member: Member): boolean =>
  member.stage.mayBeCutShort === true && member.exit?.killed === false && lostItsReader(member);

const cancelled = (): Lc2Error => new Lc2Error('CANCELLED', 'the run was cancelled');

const drained = (stream: Writable): Promise<void> => new Promise((resolve) => stream.once('drain', resolve));

/** What is awaited, or `gone` when the reader is. Promise.race would keep everything it ever saw until then. */
const untilGone = (stream: Writable): (<T>(work: Promise<T>) => Promise<T | 'gone'>) => {
  let isGone = false;
  let wake = (): void => undefined;
  const end = (): void => {
    isGone = true;
    wake();
  };
  stream.once('close', end);
  // A broken pipe shows as the exit of the stage, or as input that was left over.
  stream.on('error', end);
  return (work) =>
    new Promise((resolve, reject) => {
      wake = () => resolve('gone');
      work.then(resolve, reject);
      // Input that was at its end already is not left over.
      if (isGone) queueMicrotask(wake);
    });
};

async function* bytesOf(stream: Readable): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of stream) if (chunk instanceof Uint8Array) yield chunk;
}

const keepTail = (stderr: Readable | null, redact: (text: string) => string = (text) => text): (() => string) => {
  let kept = Buffer.alloc(0);
  stderr?.on('data', (chunk: Buffer) => {
    kept = Buffer.concat([kept, chunk]).subarray(-rawTail);
  });
  stderr?.on('error', () => undefined);
  // More is kept than shown, so that a secret which the cut halves is never in the shown part.
  return () => redact(kept.toString('utf8')).trim().slice(-shownTail);
};

const searchPath = (): string => process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin';

const findProgram = async (program: string): Promise<string> => {
  const candidates = isAbsolute(program)
    ? [program]
    : searchPath()
        .split(delimiter)
        .map((folder) => join(folder, program));
  for (const candidate of candidates) {
    if (await isExecutable(candidate)) return candidate;
  }
  throw new Lc2Error('TOOL_MISSING', `the program ${program} is not installed`, { where: program });
};

const isExecutable = async (path: string): Promise<boolean> => {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
};

/** Argv in front of a program that makes the kernel signal it when this process is gone, however that happened. */
type Keeper = (stage: Stage) => readonly string[];

const deathKeeper = async (): Promise<Keeper> => {
  if (process.platform !== 'linux') return () => [];
  const path = searchPath()
    .split(delimiter)
    .map((folder) => join(folder, 'setpriv'))
    .find((candidate) => existsSync(candidate));
  if (path === undefined || !(await isExecutable(path))) return () => [];
  return ({ hasWorkers }) => [path, '--pdeathsig', hasWorkers === true ? 'TERM' : 'KILL', '--'];
};
