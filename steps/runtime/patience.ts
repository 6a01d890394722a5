import { setTimeout as pause } from 'node:timers/promises';

/** Looks again, less and less often and for about twenty minutes, until it is over: what was seen last. */
export const lookUntil = async <T>(
  look: () => Promise<T>,
  isOver: (state: T) => boolean,
  signal: AbortSignal,
): Promise<T> => {
  for (let round = 1; ; round++) {
    const state = await look();
    if (isOver(state) || round === rounds) return state;
    await pause(Math.min(10_000, 500 * 1.3 ** (round - 1)), undefined, { signal });
  }
};

const rounds = 130;
