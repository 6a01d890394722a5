import type { Collection, WatchEvent, WatchOptions } from '../../../controller/kube/api.ts';
import { brokenConnection, errorOfStatus } from '../../../controller/kube/errors.ts';
import type { Time } from '../../../controller/time.ts';
import type { HistoryEntry, KubeObject } from '../../fakes/kube/objects.ts';
import type { EventFault } from './plan.ts';
import type { Process } from './process.ts';
import type { Weather } from './server.ts';

export const matches = (selector: string | undefined, object: KubeObject): boolean =>
  selector === undefined || object.metadata.labels?.[selector] !== undefined;

interface WatchesParts {
  readonly time: Time;
  readonly log: readonly HistoryEntry[];
  readonly weather: Weather;
  readonly eventFault: (index: number) => EventFault | undefined;
  readonly onFault: () => void;
  readonly isForgotten: (since: number) => boolean;
}

interface Open {
  readonly collection: Collection;
  readonly selector: string | undefined;
  /** Of the log: what was looked at so far. */
  position: number;
  /** The connection looks alive, and nothing comes. */
  silent: boolean;
  /** Events that come late or not at all, by object. */
  readonly held: Map<string, Held>;
  readonly hand: (event: WatchEvent) => void;
  readonly cut: () => void;
}

interface Held {
  readonly event: WatchEvent;
  readonly fault: 'merge' | 'late';
}

export interface SentEvent {
  readonly index: number;
  readonly at: number;
  readonly text: string;
}

/** How long an event that is merged or late waits for the next one. */
const heldMs = 8000;

const eventOf = (entry: HistoryEntry, { collection, selector }: Open): WatchEvent | undefined => {
  const { namespace, resource } = collection;
  if (entry.plural !== resource.plural) return undefined;
  if (namespace !== undefined && entry.object.metadata.namespace !== namespace) return undefined;
  const now = entry.type !== 'DELETED' && matches(selector, entry.object);
  const before = entry.before !== undefined && matches(selector, entry.before);
  if (now) return { type: before ? 'MODIFIED' : 'ADDED', object: entry.object };
  return before ? { type: 'DELETED', object: entry.object } : undefined;
};

/** The watch half of the simulated server. */
export const createWatches = ({ time, log, weather, eventFault, onFault, isForgotten }: WatchesParts) => {
  const open = new Set<Open>();
  const sent: SentEvent[] = [];
  let goneNext = 0;

  const flush = (watch: Open): void => {
    for (const { event } of watch.held.values()) watch.hand(event);
    watch.held.clear();
  };

  const hold = (watch: Open, key: string, held: Held): void => {
    watch.held.set(key, held);
    time.after(heldMs, () => {
      if (watch.held.get(key) === held && open.has(watch)) {
        watch.held.delete(key);
        watch.hand(held.event);
        onFault();
      }
    });
  };

  const deliver = (watch: Open, entry: HistoryEntry, event: WatchEvent): void => {
    const { name, resourceVersion } = entry.object.metadata;
    const index = sent.length;
    const fault = eventFault(index);
    sent.push({
      index,
      at: time.monotonic(),
      text: `${event.type} ${entry.plural} ${name} ${resourceVersion}${fault === undefined ? '' : `: ${fault}`}`,
    });
    if (fault !== undefined) onFault();
    if (fault === 'freeze') watch.silent = true;
    if (fault === 'drop') return;
    const earlier = watch.held.get(name);
    if (fault === 'merge' || fault === 'late') {
      hold(watch, name, { event, fault });
      return;
    }
    watch.hand(event);
    if (fault === 'double') watch.hand(event);
    // A merged event is never seen; a late one comes after what is newer than it.
    if (earlier?.fault === 'late') watch.hand(earlier.event);
    watch.held.delete(name);
  };

  const pumpOne = (watch: Open): void => {
    for (let entry = log[watch.position]; entry !== undefined; entry = log[watch.position]) {
      if (weather.staleAt !== undefined && entry.version > weather.staleAt) return;
      watch.position++;
      const event = eventOf(entry, watch);
      if (event !== undefined) deliver(watch, entry, event);
    }
  };

  const start = (
    process: Process,
    collection: Collection,
    parts: { options: WatchOptions; resolve: () => void; reject: (error: Error) => void },
  ): void => {
    const { options, resolve, reject } = parts;
    const since = Number(options.resourceVersion);
    const fail = (error: Error): void => {
      process.deliver(() => {
        reject(error);
      });
    };
    if (weather.down) return fail(brokenConnection(new Error('connection refused')));
    if (weather.overloaded) return fail(errorOfStatus({ code: 429, message: 'too many requests' }));
    if (weather.noArgo && collection.resource.plural === 'workflows')
      return fail(errorOfStatus({ code: 404, message: 'the server could not find the requested resource' }));
    if (isForgotten(since) || goneNext > 0) {
      const inStream = goneNext % 2 === 1;
      goneNext = Math.max(0, goneNext - 1);
      if (inStream) process.deliver(options.onOpen);
      return fail(errorOfStatus({ code: 410, reason: 'Expired', message: `too old resource version: ${since}` }));
    }
    const close = (): void => {
      open.delete(watch);
      cancelEnd();
      options.signal.removeEventListener('abort', onAbort);
    };
    const hand = (event: WatchEvent): void => {
      if (watch.silent) return;
      time.after(weather.latencyMs, () => {
        process.deliver(() => {
          if (open.has(watch) || ended) options.onEvent(event);
        });
      });
    };
    let ended = false;
    const watch: Open = {
      collection,
      selector: options.selector,
      position: log.findIndex(({ version }) => version > since),
      silent: false,
      held: new Map(),
      hand,
      cut: () => {
        close();
        fail(brokenConnection(new Error('cut')));
      },
    };
    if (watch.position < 0) watch.position = log.length;
    const onAbort = (): void => {
      close();
      reject(brokenConnection(new Error('aborted')));
    };
    const cancelEnd = time.after(options.timeoutSeconds * 1000, () => {
      if (watch.silent) return;
      flush(watch);
      const last = log[watch.position - 1]?.version ?? since;
      const metadata = { resourceVersion: String(Math.max(last, since)) };
      ended = true;
      close();
      time.after(weather.latencyMs, () => {
        process.deliver(() => {
          options.onEvent({ type: 'BOOKMARK', object: { kind: 'Bookmark', metadata } });
          resolve();
        });
      });
    });
    options.signal.addEventListener('abort', onAbort, { once: true });
    process.onDeath(close);
    open.add(watch);
    process.deliver(options.onOpen);
    pumpOne(watch);
  };

  return {
    sent,
    open: (process: Process, collection: Collection, options: WatchOptions): Promise<void> =>
      new Promise((resolve, reject) => {
        time.after(weather.latencyMs, () => {
          if (!process.isAlive()) return;
          if (options.signal.aborted) reject(brokenConnection(new Error('aborted')));
          else start(process, collection, { options, resolve, reject });
        });
      }),
    pump: (): void => {
      for (const watch of open) pumpOne(watch);
    },
    cutAll: (): void => {
      for (const watch of open) watch.cut();
    },
    /** Connections of now stay open, and nothing comes any more. New ones work. */
    silence: (): void => {
      for (const watch of open) watch.silent = true;
    },
    /** The next watches are told that their past is forgotten, as an answer and in the stream by turns. */
    refuseNext: (count: number): void => {
      goneNext = count;
    },
  };
};
