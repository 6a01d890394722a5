import { hasCode } from '../../core/errors.ts';

/** What is not there is undefined. */
export const orUndefined = async <T>(work: Promise<T>): Promise<T | undefined> => {
  try {
    return await work;
  } catch (error) {
    if (hasCode(error, 'SERVICE_NOT_FOUND')) return undefined;
    throw error;
  }
};
