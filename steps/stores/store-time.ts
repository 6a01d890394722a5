import { Lc2Error } from '../../core/errors.ts';

/** The time that an answer bears, as the port tells it. */
export const storeTime = (where: string, said: string | undefined): string => {
  const time = new Date(said ?? '');
  if (Number.isNaN(time.getTime())) throw new Lc2Error('STORE_FAILED', 'the store does not tell its time', { where });
  return time.toISOString();
};
