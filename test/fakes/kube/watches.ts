import type { ServerResponse } from 'node:http';
import type { HistoryEntry, KubeObject, Objects } from './objects.ts';

export interface SentEvent {
  readonly type: string;
  readonly object: unknown;
}

/** What becomes of an event on its way: none, one or several, now or with a later one. */
export type Mangle = (event: SentEvent) => readonly SentEvent[];

export interface WatchesOptions {
  readonly objects: Objects;
  readonly matches: (selector: string | null, object: KubeObject) => boolean;
  readonly mangle?: Mangle;
}

interface OpenWatch {
  readonly plural: string;
  readonly namespace: string | undefined;
  readonly url: URL;
}

/** The watch half of the pretended server. */
export const createWatches = ({ objects, matches, mangle }: WatchesOptions) => {
  const open = new Set<{ readonly response: ServerResponse; readonly close: () => void; dead: boolean }>();
  let opened = 0;
  let change: Mangle = mangle ?? ((event) => [event]);

  const seen = (entry: HistoryEntry, { plural, namespace, url }: OpenWatch): SentEvent | undefined => {
    if (entry.plural !== plural) return undefined;
    if (namespace !== undefined && entry.object.metadata.namespace !== namespace) return undefined;
    const selector = url.searchParams.get('labelSelector');
    const now = entry.type !== 'DELETED' && matches(selector, entry.object);
    const before = entry.before !== undefined && matches(selector, entry.before);
    if (now) return { type: before ? 'MODIFIED' : 'ADDED', object: entry.object };
    return before ? { type: 'DELETED', object: entry.object } : undefined;
  };

  return {
    open: (response: ServerResponse, watch: OpenWatch): void => {
      const since = Number(watch.url.searchParams.get('resourceVersion') ?? '0');
      opened++;
      const past = objects.historySince(since);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.flushHeaders();
      const entry = { response, dead: false, close: (): void => {} };
      const write = (event: SentEvent): void => {
        if (!entry.dead && !response.destroyed) response.write(`${JSON.stringify(event)}\n`);
      };
      if (past === 'gone') {
        write({
          type: 'ERROR',
          object: { kind: 'Status', code: 410, reason: 'Expired', message: `too old resource version: ${since}` },
        });
        response.end();
        return;
      }
      const pass = (happened: HistoryEntry): void => {
        const event = seen(happened, watch);
        if (event !== undefined) for (const each of change(event)) write(each);
      };
      for (const happened of past) pass(happened);
      const unlisten = objects.listen(pass);
      const seconds = Number(watch.url.searchParams.get('timeoutSeconds') ?? '300');
      const bookmark = (): void => {
        write({
          type: 'BOOKMARK',
          object: { kind: 'Bookmark', metadata: { resourceVersion: String(objects.version()) } },
        });
      };
      const ending = setTimeout(() => {
        if (watch.url.searchParams.get('allowWatchBookmarks') === 'true') bookmark();
        if (!entry.dead) response.end();
      }, seconds * 1000);
      entry.close = (): void => {
        clearTimeout(ending);
        unlisten();
        open.delete(entry);
      };
      open.add(entry);
      response.on('close', entry.close);
    },
    /** As a broken TCP connection. */
    cutAll: (): void => {
      for (const { response, close } of open) {
        close();
        response.socket?.destroy();
      }
    },
    /** Silent death: connections of today stay open, but nothing comes any more. New ones work. */
    silence: (): void => {
      for (const entry of open) entry.dead = true;
    },
    setMangle: (next: Mangle): void => {
      change = next;
    },
    count: () => open.size,
    opened: () => opened,
  };
};
