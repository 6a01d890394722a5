// Repeats what may not be true yet, e.g. a Service whose rules the node has not written, until it is.
import { setTimeout as sleep } from 'node:timers/promises';

/** Rejects with the last failure when `attempts`, half a second apart, were not enough. */
export const eventually = async <T>(work: () => Promise<T>, attempts = 60): Promise<T> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= attempts) {
        throw error;
      }
      await sleep(500);
    }
  }
};
