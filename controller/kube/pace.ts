import type { Time } from '../time.ts';
import type { KubeApi } from './api.ts';
import { isUnanswered, KubeError } from './errors.ts';

const patience = 3;
const probeMs = 1000;

/**
 * Spares a server that is away: after a few calls in a row without an answer, one call a second finds out whether it is
 * back, and the others fail without being sent. Whoever makes them tries again later, as after any failure.
 */
export const paced = (api: KubeApi, time: Time): KubeApi => {
  let failures = 0;
  let nextAt = 0;

  const ask = (): void => {
    if (failures < patience) return;
    if (time.monotonic() < nextAt) throw new KubeError('broken', 'the API server did not answer a moment ago');
    nextAt = time.monotonic() + probeMs;
  };
  const hear = (error?: unknown): void => {
    failures = isUnanswered(error) ? failures + 1 : 0;
  };

  const call = async <T>(send: () => Promise<T>): Promise<T> => {
    ask();
    try {
      const answer = await send();
      hear();
      return answer;
    } catch (error) {
      hear(error);
      throw error;
    }
  };

  return {
    list: (collection, options) => call(() => api.list(collection, options)),
    get: (target, signal) => call(() => api.get(target, signal)),
    create: (collection, body, signal) => call(() => api.create(collection, body, signal)),
    patch: (target, patch, signal) => call(() => api.patch(target, patch, signal)),
    watch: async (collection, options) => {
      ask();
      let opened = false;
      const onOpen = (): void => {
        opened = true;
        hear();
        options.onOpen();
      };
      try {
        await api.watch(collection, { ...options, onOpen });
      } catch (error) {
        // The cut of a watch that worked says nothing about the next call.
        if (!opened) hear(error);
        throw error;
      }
    },
  };
};
