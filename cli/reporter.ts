import { oneLine } from '../core/errors.ts';
import { stepContracts, type StepName } from '../core/steps/index.ts';

/** What a person sees on standard error while a flow runs: one moving line on a terminal, plain lines elsewhere. */
export interface Reporter {
  started(step: StepName, attempt: number): void;
  progress(step: StepName, fraction: number): void;
  finished(step: StepName): void;
  skipped(step: StepName): void;
  failed(step: StepName, message: string): void;
  retrying(step: StepName, message: string, seconds: number): void;
  note(text: string): void;
  /** A JSON line of a step. */
  log(step: StepName, line: string): void;
}

export interface ReporterOptions {
  readonly write: (text: string) => void;
  readonly terminal: boolean;
  /** Passes the steps' own log on. */
  readonly verbose: boolean;
  readonly now: () => number;
}

export const createReporter = ({ write, terminal, verbose, now }: ReporterOptions): Reporter => {
  const running = new Map<StepName, { since: number; fraction: number }>();
  const clear = terminal ? '\r\u001b[K' : '';

  const redraw = (): void => {
    if (!terminal || running.size === 0) return;
    const parts = [...running].map(
      ([step, { fraction }]) => `${stepContracts[step].title} ${Math.floor(fraction * 100)}%`,
    );
    write(`${clear}  … ${parts.join(' | ')}`);
  };
  const line = (text: string): void => {
    write(`${clear}${oneLine(text)}\n`);
    redraw();
  };
  const took = (step: StepName): string => `${((now() - (running.get(step)?.since ?? now())) / 1000).toFixed(1)} s`;

  return {
    started: (step, attempt) => {
      running.set(step, { since: now(), fraction: 0 });
      if (!terminal && attempt > 0) line(`  ${stepContracts[step].title}, attempt ${attempt + 1}`);
      redraw();
    },
    progress: (step, fraction) => {
      const state = running.get(step);
      if (state) state.fraction = fraction;
      redraw();
    },
    finished: (step) => {
      const text = `  ✓ ${stepContracts[step].title} (${took(step)})`;
      running.delete(step);
      line(text);
    },
    skipped: (step) => line(`  - ${stepContracts[step].title}: not needed`),
    failed: (step) => {
      running.delete(step);
      line(`  ✗ ${stepContracts[step].title}`);
    },
    retrying: (step, message, seconds) => {
      running.delete(step);
      line(`  ↻ ${stepContracts[step].title} again in ${seconds} s: ${message}`);
    },
    note: (text) => line(`  ${text}`),
    log: (step, text) => {
      if (verbose) line(text);
      else {
        const preview = step === 'preview' ? previewLine(text) : undefined;
        if (preview !== undefined) line(`    ${preview}`);
      }
    },
  };
};

/** The preview is meant for people: its lines are shown as they are. */
const previewLine = (text: string): string | undefined => {
  if (!text.includes('"preview":true')) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    const said = parsed !== null && typeof parsed === 'object' && 'msg' in parsed ? parsed.msg : undefined;
    return typeof said === 'string' ? said : undefined;
  } catch (error) {
    // Not a line of our logger.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
};
