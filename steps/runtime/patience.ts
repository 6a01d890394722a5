import { setTimeout as pause } from 'node:timers/promises';

/** Looks again, less and less often and for about twenty minutes, until it is over; says whether it is. */
export const untilOver = async (isOver: () => Promise<boolean>, signal: AbortSignal): Promise<boolean> => {
  for (let round = 0; round < rounds; round++) {
    if (await isOver()) return true;
    await pause(Math.min(10_000, 500 * 1.3 ** round), undefined, { signal });
  }
  return false;
};

const rounds = 130;
