// What runs below a process, by /proc: for tests that kill programs in flight and look for survivors.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  /** Of the program: `node`, `pg_dump`. */
  readonly name: string;
  /** Clock ticks since boot: with the pid it names a process for ever. */
  readonly started: string;
}

export const readProc = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    // It ended while we looked.
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
      return undefined;
    throw error;
  }
};

/** Undefined also for one that is dead and not yet buried. */
export const tryProcess = (pid: number): Process | undefined => {
  const text = readProc(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const name = text.slice(text.indexOf('(') + 1, text.lastIndexOf(')'));
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const isOver = fields[0] === 'Z' || fields[0] === 'X';
  if (isOver) return undefined;
  return { pid, name, parent: Number(fields[1]), session: Number(fields[3]), started: fields[19] ?? '' };
};

const allProcesses = (): Process[] =>
  readdirSync('/proc')
    .filter((entry) => /^\d+$/u.test(entry))
    .flatMap((entry) => tryProcess(Number(entry)) ?? []);

/** Every process below `pid`, the nearest first. */
export const descendantsOf = (pid: number): Process[] => {
  const all = allProcesses();
  const found: Process[] = [];
  for (let parents = new Set([pid]); parents.size > 0;) {
    const next = all.filter(({ parent }) => parents.has(parent));
    found.push(...next);
    parents = new Set(next.map((each) => each.pid));
  }
  return found;
};

export const commandLineOf = ({ pid }: Pick<Process, 'pid'>): string => readProc(`/proc/${pid}/cmdline`) ?? '';

export const isAlive = ({ pid, started }: Pick<Process, 'pid' | 'started'>): boolean =>
  tryProcess(pid)?.started === started;

/** Names of those that are still there after the time that a stop may take. */
export const survivorsOf = async (processes: readonly Process[], patience = 30_000): Promise<string[]> => {
  for (const deadline = Date.now() + patience; Date.now() < deadline; await sleep(50)) {
    if (!processes.some(isAlive)) return [];
  }
  return processes.filter(isAlive).map(({ name, pid }) => `${name} (${pid})`);
};

/** Looks until `look` finds something; undefined when `until` settles first. */
export const waitFor = async <T>(look: () => T | undefined, until: Promise<unknown>): Promise<T | undefined> => {
  let over = false;
  const end = () => {
    over = true;
  };
  until.then(end, end);
  for (;;) {
    const found = look();
    if (found !== undefined || over) return found;
    await sleep(2);
  }
};
