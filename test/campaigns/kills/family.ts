// The processes of one run while it runs: who is there, who ever was, who is left.
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, type Process, readProc, tryProcess } from '../../support/processes.ts';
import { stepRunBy } from '../../support/running-step.ts';

export interface Member {
  readonly pid: number;
  /** Clock ticks since boot: with the pid it names a process for ever. */
  readonly started: string;
  /** `runner`, the name of a step, or of a program such as `pg_dump`. */
  readonly role: string;
}

export interface Family {
  /** Who lives now in this role; `tree` is everybody. */
  alive(role: string): Member[];
  /** Resolves when somebody of this role is there; undefined when the run ended before. */
  appearance(role: string): Promise<Member | undefined>;
  /** Those that live after the time that a stop may take: members, and strangers of a member's session. */
  survivors(patience: number): Promise<string[]>;
  stop(): void;
}

const childrenOf = (pid: number): number[] =>
  (readProc(`/proc/${pid}/task/${pid}/children`) ?? '').split(' ').filter(Boolean).map(Number);

/** Undefined until the process is what it will be: `setpriv` becomes another program. */
const roleOf = (pid: number, { name }: Process): string | undefined => {
  if (name === 'setpriv') return undefined;
  // Before it has become another program a child is a copy of its parent.
  return stepRunBy(pid) ?? (name === 'node' || name === 'MainThread' ? undefined : name);
};

const interval = 4;

export const watchFamily = (runner: number, ended: Promise<unknown>): Family => {
  const members = new Map<number, Member>();
  const first = tryProcess(runner);
  if (first !== undefined) members.set(runner, { pid: runner, started: first.started, role: 'runner' });
  const visit = (pid: number): void => {
    for (const child of childrenOf(pid)) {
      const known = members.get(child);
      if (known === undefined) meet(child, pid);
      if (pid === runner) visit(child);
    }
  };
  const meet = (pid: number, parent: number): void => {
    const stat = tryProcess(pid);
    const role = stat && roleOf(pid, stat);
    if (stat === undefined || role === undefined) return;
    // A step that starts a program looks like itself twice for a moment.
    if (parent !== runner && members.get(parent)?.role === role) return;
    members.set(pid, { pid, started: stat.started, role });
  };
  let over = false;
  const look = (): void => {
    if (!over) visit(runner);
  };
  const timer = setInterval(look, interval);
  const end = (): void => {
    over = true;
    clearInterval(timer);
  };
  ended.then(end, end);
  const alive = (role: string): Member[] => {
    look();
    return [...members.values()].filter((member) => (role === 'tree' || member.role === role) && isAlive(member));
  };
  const left = (): string[] => {
    const sessions = new Set([...members.values()].filter(({ role }) => role !== 'runner').map(({ pid }) => pid));
    return readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry))
      .flatMap((entry) => {
        const pid = Number(entry);
        const stat = tryProcess(pid);
        if (stat === undefined) return [];
        const isOurs = members.get(pid)?.started === stat.started || sessions.has(stat.session);
        return isOurs ? [`${stat.name} (${pid})`] : [];
      });
  };
  return {
    alive,
    appearance: async (role) => {
      for (;;) {
        const [found] = alive(role);
        if (found !== undefined || over) return found;
        await sleep(2);
      }
    },
    survivors: async (patience) => {
      for (const deadline = Date.now() + patience; ; await sleep(20)) {
        const now = left();
        if (now.length === 0 || Date.now() > deadline) return now;
      }
    },
    stop: end,
  };
};

/** All at once: they are stopped first, so none learns of another's death. Resolves when they are gone. */
export const kill = async (victims: readonly Member[]): Promise<void> => {
  for (const signal of ['SIGSTOP', 'SIGKILL'] as const) for (const { pid } of victims) send(pid, signal);
  // The kernel needs a moment.
  while (victims.some(isAlive)) await sleep(1);
};

const send = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
};

/** A process that is no child of ours, such as one of the server. */
export const stranger = (pid: number, role: string): Member[] => {
  const stat = tryProcess(pid);
  return stat === undefined ? [] : [{ pid, started: stat.started, role }];
};
