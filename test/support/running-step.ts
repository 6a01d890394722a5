// A step of a run in flight, and its death.
import type { RunningCli } from './cli.ts';
import { commandLineOf, descendantsOf, type Process, waitFor } from './processes.ts';

/** The step that a process runs, from the sources or from the bundle. */
export const stepRunBy = (pid: number): string | undefined =>
  /\/main\.m?[jt]s\0([a-z-]+)\0$/.exec(commandLineOf({ pid }))?.[1];

export const isStep =
  (step: string) =>
  ({ pid }: Process): boolean =>
    stepRunBy(pid) === step;

export const stepOf = (cli: RunningCli, step: string): Process | undefined =>
  descendantsOf(cli.pid).findLast(isStep(step));

/** Resolves when the next attempt has come. */
export const killStep = async (cli: RunningCli, step: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
  const first = stepOf(cli, step);
  if (!first) throw new Error(`no step ${step} runs: ${cli.stderr()}`);
  process.kill(first.pid, signal);
  await waitFor(() => {
    const next = stepOf(cli, step);
    return next !== undefined && next.pid !== first.pid ? next : undefined;
  }, cli.ended);
};
