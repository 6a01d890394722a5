import { type Log, textOf } from './log.ts';
import { backoffMs, type Backoff, type Time } from './time.ts';

/** What one look at a key asks for next: nothing, or another look after a while. */
export interface Result {
  readonly requeueAfterMs?: number;
}

export interface QueueOptions {
  /** Looks at one key. Throwing means: try again, later each time. */
  readonly handle: (key: string, signal: AbortSignal) => Promise<Result>;
  readonly time: Time;
  readonly log: Log;
  readonly workers: number;
  readonly backoff: Backoff;
}

export interface Queue {
  /** Asks for a look. Asking many times before it happens is asking once; asking during a look asks for one more. */
  readonly add: (key: string) => void;
  readonly addAfter: (key: string, ms: number) => void;
  /** Aborts what is in flight and waits for it. */
  readonly stop: () => Promise<void>;
  readonly size: () => number;
}

/** Keyed and de-duplicating; a key is never handled twice at once. */
export const createQueue = ({ handle, time, log, workers, backoff }: QueueOptions): Queue => {
  const waiting = new Set<string>();
  const busy = new Map<string, Promise<void>>();
  const again = new Set<string>();
  const delayed = new Map<string, { readonly at: number; readonly cancel: () => void }>();
  const failures = new Map<string, number>();
  const abort = new AbortController();

  const add = (key: string): void => {
    if (abort.signal.aborted) return;
    if (busy.has(key)) again.add(key);
    else waiting.add(key);
    pump();
  };

  const addAfter = (key: string, ms: number): void => {
    if (abort.signal.aborted) return;
    const at = time.monotonic() + ms;
    const before = delayed.get(key);
    if (before !== undefined && before.at <= at) return;
    before?.cancel();
    const cancel = time.after(ms, () => {
      delayed.delete(key);
      add(key);
    });
    delayed.set(key, { at, cancel });
  };

  const handleOnce = async (key: string): Promise<void> => {
    try {
      const { requeueAfterMs } = await handle(key, abort.signal);
      failures.delete(key);
      if (requeueAfterMs !== undefined) addAfter(key, requeueAfterMs);
    } catch (error) {
      if (abort.signal.aborted) return;
      const count = (failures.get(key) ?? 0) + 1;
      failures.set(key, count);
      const ms = backoffMs(backoff, count, time.random());
      log.warn('will be tried again', { key, failures: count, afterMs: ms, error: textOf(error) });
      addAfter(key, ms);
    }
  };

  const pump = (): void => {
    for (const key of waiting) {
      if (busy.size >= workers) return;
      waiting.delete(key);
      busy.set(
        key,
        handleOnce(key).finally(() => {
          busy.delete(key);
          if (again.delete(key)) waiting.add(key);
          if (!abort.signal.aborted) pump();
        }),
      );
    }
  };

  const stop = async (): Promise<void> => {
    abort.abort();
    waiting.clear();
    for (const { cancel } of delayed.values()) cancel();
    delayed.clear();
    await Promise.all(busy.values());
  };

  return { add, addAfter, stop, size: () => waiting.size + busy.size };
};
