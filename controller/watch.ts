import type { Collection, KubeApi, WatchEvent } from './kube/api.ts';
import { isGone } from './kube/errors.ts';
import { type Change, createStore, type Identified, isOlder, type Store } from './kube/store.ts';
import { type Log, textOf } from './log.ts';
import { backoffMs, type Backoff, sleep, type Time } from './time.ts';

export interface WatchTimings {
  readonly backoff: Backoff;
  /** The server ends each watch after about this time and sends a bookmark shortly before. */
  readonly watchSeconds: number;
  /** Longer than watchSeconds: a watch that says nothing for so long is dead, whatever TCP believes. */
  readonly idleMs: number;
  /** The whole truth is fetched again after about this time, in case an event never came. */
  readonly relistMs: number;
  /** Without a sign of life for so long, the process is not ready. */
  readonly silentMs: number;
}

export const watchTimings: WatchTimings = {
  backoff: { baseMs: 500, capMs: 30_000 },
  watchSeconds: 25,
  idleMs: 32_000,
  relistMs: 900_000,
  silentMs: 75_000,
};

export interface WatchOptions<T extends Identified> {
  readonly api: KubeApi;
  readonly collection: Collection;
  readonly selector?: string;
  /** The little that is kept of an object; undefined when it is none of ours. */
  readonly project: (object: unknown) => T | undefined;
  readonly onChange: Change<T>;
  readonly time: Time;
  readonly log: Log;
  readonly timings?: WatchTimings;
}

export interface Watch<T extends Identified> {
  readonly store: Store<T>;
  start(): void;
  stop(): Promise<void>;
  /** Listed completely at least once. */
  readonly synced: () => boolean;
  /** Monotonic time of the last sign of life of the server. */
  readonly lastContact: () => number | undefined;
}

/** Of Workflows of many steps: a page is read in one piece, and nothing else happens meanwhile. */
const pageSize = 100;

/** Follows a collection for ever: list, watch from there, resume after a cut, list again when the server has forgotten. */
export const createWatch = <T extends Identified>(options: WatchOptions<T>): Watch<T> => {
  const { api, collection, selector, project, time, timings = watchTimings } = options;
  const log = options.log;
  const what = collection.resource.plural;
  const stopped = new AbortController();
  let synced = false;
  let lastContact: number | undefined;
  let running: Promise<void> | undefined;
  let version: string | undefined;
  let relistAt = 0;

  const store = createStore<T>((key, now, before) => {
    try {
      options.onChange(key, now, before);
    } catch (error) {
      log.error('a handler failed', { what, key, error: textOf(error) });
    }
  });

  const tryProject = (object: unknown): T | undefined => {
    try {
      return project(object);
    } catch (error) {
      log.error('an object could not be read', { what, error: textOf(error) });
      return undefined;
    }
  };

  const listAll = async (): Promise<void> => {
    const relisting = store.relist();
    let count = 0;
    let from: string | undefined;
    let first: string | undefined;
    do {
      const page = await api.list(collection, {
        limit: pageSize,
        ...(selector === undefined ? {} : { selector }),
        ...(from === undefined ? {} : { continue: from }),
        signal: stopped.signal,
      });
      lastContact = time.monotonic();
      const items = page.items.map(tryProject).filter((item) => item !== undefined);
      count += items.length;
      relisting.page(items);
      // Pages of one list share the version of the first; a restarted list may not, and then the older one is safe.
      first ??= page.resourceVersion;
      from = page.continue;
    } while (from !== undefined);
    relisting.end(first);
    version = first;
    relistAt = time.monotonic() + timings.relistMs * (0.75 + time.random() / 2);
    if (!synced) log.info('synced', { what, namespace: collection.namespace, count });
    synced = true;
  };

  const take = ({ type, object }: WatchEvent): void => {
    const seen = versionOf(object);
    if (type !== 'BOOKMARK') {
      const item = tryProject(object);
      if (item !== undefined && type === 'DELETED') store.remove(item);
      else if (item !== undefined) store.upsert(item);
    }
    if (seen !== undefined && (version === undefined || !isOlder(seen, version))) version = seen;
  };

  const watchOnce = async (resourceVersion: string): Promise<void> => {
    const attempt = new AbortController();
    const signal = AbortSignal.any([stopped.signal, attempt.signal]);
    let cancelIdle = time.after(timings.idleMs, () => {
      attempt.abort(new Error('the watch did not open'));
    });
    const alive = (): void => {
      cancelIdle();
      lastContact = time.monotonic();
      cancelIdle = time.after(timings.idleMs, () => {
        attempt.abort(new Error('the watch was silent'));
      });
    };
    try {
      await api.watch(collection, {
        resourceVersion,
        ...(selector === undefined ? {} : { selector }),
        timeoutSeconds: Math.round(timings.watchSeconds * (0.8 + 0.2 * time.random())),
        onOpen: alive,
        onEvent: (event) => {
          alive();
          take(event);
        },
        signal,
      });
      lastContact = time.monotonic();
    } finally {
      cancelIdle();
    }
  };

  const step = async (): Promise<void> => {
    if (version === undefined || time.monotonic() >= relistAt) await listAll();
    if (version !== undefined) await watchOnce(version);
  };

  const loop = async (): Promise<void> => {
    let failures = 0;
    while (!stopped.signal.aborted) {
      const began = time.monotonic();
      try {
        await step();
        failures = 0;
      } catch (error) {
        if (stopped.signal.aborted) return;
        if (isGone(error)) version = undefined;
        // A watch that had worked and was cut is resumed soon; one that never works is asked for less and less often.
        failures = time.monotonic() - began > timings.backoff.capMs ? 1 : failures + 1;
        log.warn('watch interrupted', { what, failures, error: textOf(error) });
      }
      // A server that ends watches at once must not make a hot loop.
      const pause = failures === 0 ? 50 : backoffMs(timings.backoff, failures, time.random());
      await sleep(time, pause, stopped.signal);
    }
  };

  return {
    store,
    start: () => {
      running ??= loop();
    },
    stop: async () => {
      stopped.abort();
      await running;
    },
    synced: () => synced,
    lastContact: () => lastContact,
  };
};

const versionOf = (object: unknown): string | undefined => {
  if (object === null || typeof object !== 'object' || !('metadata' in object)) return undefined;
  const { metadata } = object;
  if (metadata === null || typeof metadata !== 'object' || !('resourceVersion' in metadata)) return undefined;
  return typeof metadata.resourceVersion === 'string' ? metadata.resourceVersion : undefined;
};
