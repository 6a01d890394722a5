/** Time and chance as the controller sees them: injected everywhere, so that a simulation can own both. */
export interface Time {
  /** Wall clock; only for what people read and for ages of objects. */
  now(): Date;
  /** Milliseconds that never go back. */
  monotonic(): number;
  /** Runs once after `ms`; the returned function cancels it. */
  after(ms: number, run: () => void): () => void;
  /** 0 <= x < 1. */
  random(): number;
}

export const systemTime: Time = {
  now: () => new Date(),
  monotonic: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => {
      clearTimeout(timer);
    };
  },
  random: () => Math.random(),
};

/** Resolves after `ms`, or at once when the signal aborts. Never rejects. */
export const sleep = (time: Time, ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const finish = (): void => {
      cancel();
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = time.after(ms, finish);
    signal.addEventListener('abort', finish, { once: true });
  });

export interface Backoff {
  readonly baseMs: number;
  readonly capMs: number;
}

/** Exponential, with the upper half random: many clients that failed together must not return together. */
export const backoffMs = ({ baseMs, capMs }: Backoff, failures: number, random: number): number => {
  const full = Math.min(capMs, baseMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(full / 2 + (full / 2) * random);
};
