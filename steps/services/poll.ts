import { setTimeout as pause } from 'node:timers/promises';
import { hasCode } from '../../core/errors.ts';

/** Looks again and again, less and less often and with jitter, through times in which nobody answers. */
export const poll = async <T>(
  look: () => Promise<T>,
  isOver: (state: T) => boolean,
  signal: AbortSignal,
): Promise<T> => {
  for (let [round, silent] = [0, 0]; ; round++) {
    try {
      const state = await look();
      if (isOver(state)) return state;
      silent = 0;
    } catch (error) {
      if (!hasCode(error, 'SERVICE_FAILED', 'SERVICE_BUSY') || ++silent > patience) throw error;
    }
    await pause(Math.min(15_000, 250 * 1.4 ** round) * (0.7 + Math.random() * 0.6), undefined, { signal });
  }
};

/** Looks in a row without an answer, about five minutes. */
const patience = 25;
