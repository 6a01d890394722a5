import type { Time } from '../../../controller/time.ts';

export interface VirtualTime extends Time {
  /** Lets `ms` pass: timers run in order, and promises in between. */
  advance(ms: number): Promise<void>;
}

const settle = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** Time that passes only when told to; the same seed gives the same chance. */
export const createVirtualTime = (seed = 1): VirtualTime => {
  let elapsed = 0;
  let order = 0;
  let state = seed;
  const timers = new Map<number, { readonly at: number; readonly run: () => void }>();
  const next = (until: number): [number, { readonly at: number; readonly run: () => void }] | undefined =>
    [...timers].filter(([, timer]) => timer.at <= until).toSorted(([a, x], [b, y]) => x.at - y.at || a - b)[0];
  return {
    now: () => new Date(Date.UTC(2026, 0, 1) + elapsed),
    monotonic: () => elapsed,
    after: (ms, run) => {
      const id = order++;
      timers.set(id, { at: elapsed + ms, run });
      return () => timers.delete(id);
    },
    random: () => {
      state = (state * 48_271) % 2_147_483_647;
      return state / 2_147_483_647;
    },
    advance: async (ms) => {
      const end = elapsed + ms;
      await settle();
      for (let due = next(end); due !== undefined; due = next(end)) {
        const [id, timer] = due;
        timers.delete(id);
        elapsed = timer.at;
        timer.run();
        await settle();
      }
      elapsed = end;
    },
  };
};
