import type { Time } from '../../../controller/time.ts';

export interface VirtualTime extends Time {
  /** Lets `ms` pass: timers run in order, and promises in between. */
  advance(ms: number): Promise<void>;
}

const settle = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

interface Timer {
  readonly at: number;
  readonly order: number;
  /** Undefined once it was cancelled. */
  run: (() => void) | undefined;
}

const isBefore = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

/** Timers by their time, the earliest first: a binary heap. */
const createTimers = () => {
  const heap: Timer[] = [];
  const swap = (i: number, j: number): void => {
    const [a, b] = [heap[i], heap[j]];
    if (a === undefined || b === undefined) return;
    heap[i] = b;
    heap[j] = a;
  };
  const less = (i: number, j: number): boolean => {
    const [a, b] = [heap[i], heap[j]];
    return a !== undefined && b !== undefined && isBefore(a, b);
  };
  const pop = (): void => {
    swap(0, heap.length - 1);
    heap.pop();
    for (let at = 0; ;) {
      const left = 2 * at + 1;
      const child = less(left + 1, left) ? left + 1 : left;
      if (!less(child, at)) return;
      swap(child, at);
      at = child;
    }
  };
  return {
    push: (timer: Timer): void => {
      heap.push(timer);
      for (let at = heap.length - 1; at > 0;) {
        const parent = (at - 1) >> 1;
        if (!less(at, parent)) return;
        swap(at, parent);
        at = parent;
      }
    },
    /** The earliest that is due; cancelled ones are let go on the way. */
    next: (until: number): Timer | undefined => {
      for (;;) {
        const [first] = heap;
        if (first === undefined || (first.run !== undefined && first.at > until)) return undefined;
        pop();
        if (first.run !== undefined) return first;
      }
    },
  };
};

/** Time that passes only when told to; the same seed gives the same chance. */
export const createVirtualTime = (seed = 1): VirtualTime => {
  let elapsed = 0;
  let order = 0;
  let state = seed;
  const timers = createTimers();
  return {
    now: () => new Date(Date.UTC(2026, 0, 1) + elapsed),
    monotonic: () => elapsed,
    after: (ms, run) => {
      const timer: Timer = { at: elapsed + Math.max(0, ms), order: order++, run };
      timers.push(timer);
      return () => {
        timer.run = undefined;
      };
    },
    random: () => {
      state = (state * 48_271) % 2_147_483_647;
      return state / 2_147_483_647;
    },
    advance: async (ms) => {
      const end = elapsed + ms;
      await settle();
      for (let due = timers.next(end); due !== undefined; due = timers.next(end)) {
        elapsed = due.at;
        due.run?.();
        await settle();
      }
      elapsed = end;
    },
  };
};
