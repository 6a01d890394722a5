import type { Time } from '../../../controller/time.ts';

/** A process on a machine: it can be killed or frozen, and its clock can be wrong. */
export interface Process {
  readonly name: string;
  readonly time: Time;
  /** Whatever reaches the process goes through here: a dead one never hears of it, a frozen one later. */
  readonly deliver: (news: () => void) => void;
  readonly kill: () => void;
  readonly freeze: () => void;
  readonly thaw: () => void;
  readonly isAlive: () => boolean;
  /** Called once, by its death. */
  readonly onDeath: (listener: () => void) => void;
}

/** `skew` is asked every time: the clock of the machine may be set while the process runs. */
export const createProcess = (name: string, world: Time, skew: () => number): Process => {
  let alive = true;
  let frozen = false;
  const waiting: (() => void)[] = [];
  const listeners: (() => void)[] = [];
  const deliver = (news: () => void): void => {
    if (!alive) return;
    if (frozen) waiting.push(news);
    else news();
  };
  return {
    name,
    time: {
      now: () => new Date(world.now().getTime() + skew()),
      monotonic: () => world.monotonic(),
      random: () => world.random(),
      after: (ms, run) => {
        let cancelled = false;
        const cancel = world.after(ms, () => {
          deliver(() => {
            if (!cancelled) run();
          });
        });
        return () => {
          cancelled = true;
          cancel();
        };
      },
    },
    deliver,
    kill: () => {
      if (!alive) return;
      alive = false;
      waiting.length = 0;
      for (const listener of listeners) listener();
    },
    freeze: () => {
      frozen = true;
    },
    thaw: () => {
      frozen = false;
      for (const news of waiting.splice(0)) deliver(news);
    },
    isAlive: () => alive,
    onDeath: (listener) => listeners.push(listener),
  };
};
