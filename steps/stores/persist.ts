import { setTimeout as sleep } from 'node:timers/promises';

/** How often something was tried: the refusal of a second try may be the echo of a first that was done. */
export interface Tries {
  count: number;
}

export interface Persistence {
  readonly signal: AbortSignal;
  readonly attempts: number;
  /** Whether the failure may pass by itself; with the seconds that the service asked for, if it did. */
  readonly mayPass: (error: unknown) => boolean | number;
  readonly tries?: Tries;
}

export const defaultAttempts = 4;

const firstPause = 200;
const longestPause = 20_000;

/** Calls until it works, it cannot work, or there were enough attempts; between them pauses that double, at random. */
export const persist = async <T>(
  { signal, attempts, mayPass, tries = { count: 0 } }: Persistence,
  call: () => Promise<T>,
): Promise<T> => {
  for (;;) {
    tries.count++;
    try {
      return await call();
    } catch (error) {
      const passes = mayPass(error);
      if (passes === false || signal.aborted || tries.count >= attempts) throw error;
      const asked = typeof passes === 'number' ? passes * 1000 : 0;
      const wait = Math.max(asked, Math.random() * firstPause * 2 ** tries.count);
      await sleep(Math.min(wait, longestPause), undefined, { signal });
    }
  }
};
