// Runs the product and kills at the moment that a shot names.
import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CliResult, RunningCli } from '../../support/cli.ts';
import { errorLines } from '../../support/lab.ts';
import { type Family, kill, type Member, stranger, watchFamily } from './family.ts';
import { createTrap, type Moment, noTrap, type Side, type Spot, type Trap } from './trap.ts';

/** Where it is hunted: who starts the product, behind fronts that obey the trap. */
export interface Ground {
  start(args: readonly string[]): RunningCli;
  set(trap: Trap): void;
  /** Lets go of requests that wait for the next attempt, and waits for all that were held. */
  release(): Promise<void>;
}

export interface Shot {
  readonly spot: Spot;
  readonly side: Side;
  /** Milliseconds. */
  readonly delay: number;
  /** `runner`, the name of a step or program, `backend` (the server's process for the client that is held), `tree` (all at once). */
  readonly victim: string;
}

export interface Hunted {
  readonly result: CliResult;
  /** Somebody died, and in flight. */
  readonly hit: boolean;
}

/** A run that takes longer waits for ever. */
const deadline = 90_000;
/** How long a held moment waits for its victim. */
const patience = 1_500;

export const hunt = async (
  ground: Ground,
  args: readonly string[],
  shot: Shot,
  /** Folder to watch, once it is known. */
  folderOf: (stderr: string) => string | undefined = () => undefined,
): Promise<Hunted> => {
  const running = ground.start(args);
  const family = watchFamily(running.pid, running.ended);
  let hit = false;
  const moment: Moment = {
    side: shot.side,
    delay: shot.delay,
    spring: async (backend) => {
      const victims = await find(family, shot, backend);
      hit = victims.length > 0;
      await kill(victims);
      // Who reads, and whom the server serves, is not who sent; but their step repeats what it sent.
      return hit && (shot.side === 'late' || !['runner', 'backend', 'zstd'].includes(shot.victim));
    },
  };
  ground.set(createTrap(shot.spot, moment));
  const watched = watch({ shot, family, running, moment, folderOf });
  const result = await withDeadline(running, family);
  await watched;
  ground.set(noTrap);
  await ground.release();
  const left = await family.survivors(30_000);
  if (left.length > 0) throw new Error(`these outlived the run: ${left.join(', ')}`);
  return { result, hit };
};

const find = async (family: Family, { victim }: Shot, backend = 0): Promise<Member[]> => {
  if (victim === 'backend') return stranger(backend, victim);
  for (const end = Date.now() + patience; ; await sleep(2)) {
    const found = family.alive(victim);
    if (found.length > 0 || Date.now() > end || family.alive('runner').length === 0) return found;
  }
};

interface Watch {
  readonly shot: Shot;
  readonly family: Family;
  readonly running: RunningCli;
  readonly moment: Moment;
  readonly folderOf: (stderr: string) => string | undefined;
}

/** Moments that pass by no front. */
const watch = async ({ shot, family, running, moment, folderOf }: Watch): Promise<void> => {
  const { spot, delay } = shot;
  if (spot.at === 'process' && (await family.appearance(spot.role)) === undefined) return;
  if (spot.at === 'files' && !(await appeared(spot.when, running, folderOf))) return;
  if (spot.at !== 'files' && spot.at !== 'process') return;
  await sleep(delay);
  if (family.alive(shot.victim).length > 0) await moment.spring();
};

const appeared = async (
  when: (names: readonly string[]) => boolean,
  running: RunningCli,
  folderOf: (stderr: string) => string | undefined,
): Promise<boolean> => {
  let over = false;
  const end = (): void => {
    over = true;
  };
  running.ended.then(end, end);
  for (;;) {
    const folder = folderOf(running.stderr());
    if (folder !== undefined && when(namesIn(folder))) return true;
    if (over) return false;
    await sleep(1);
  }
};

/** A folder that is removed while it is read holds nothing. */
const namesIn = (folder: string): string[] => {
  try {
    return existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : [];
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
};

const withDeadline = async (running: RunningCli, family: Family): Promise<CliResult> => {
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    void kill(family.alive('tree'));
  }, deadline);
  const result = await running.ended;
  clearTimeout(timer);
  if (late) throw new Error(`the run did not end within ${deadline / 1000} s: ${running.stderr().slice(-2000)}`);
  return result;
};

/** Of a run that nobody disturbs. */
export const succeed = async (ground: Ground, args: readonly string[]): Promise<CliResult> => {
  const running = ground.start(args);
  const family = watchFamily(running.pid, running.ended);
  const result = await withDeadline(running, family);
  const left = await family.survivors(30_000);
  if (left.length > 0) throw new Error(`these outlived the run: ${left.join(', ')}`);
  if (result.status !== 0) throw new Error(`${args.join(' ')} ended with ${result.status}: ${result.stderr}`);
  return result;
};

/** What a person reads of a run that failed by itself: one line, and a status of ours. */
export const requireClearEnd = ({ result }: Hunted, { victim }: Shot): void => {
  const { status } = result;
  if (status === 0) return;
  if (victim === 'runner' || victim === 'tree') {
    if (status !== 137) throw new Error(`a killed runner ended with ${status}: ${result.stderr}`);
    return;
  }
  const lines = errorLines(result);
  if (![70, 75, 78].includes(status) || lines.length !== 1)
    throw new Error(`the run ended with ${status} and ${lines.length} lines of failure: ${result.stderr}`);
};
