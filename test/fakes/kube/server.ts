import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createObjects, type KubeObject, type Objects, StatusError } from './objects.ts';
import { validate } from './validate.ts';
import { createWatches, type Mangle } from './watches.ts';

export interface CallInfo {
  /** Counts ordinary calls, not watches. */
  readonly index: number;
  readonly method: string;
  readonly plural: string;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** What happens to a call: `cut-before` = never arrived, `cut-after` = done, but nobody hears of it, `hang` = no answer. */
export type Fate =
  | 'pass'
  | 'cut-before'
  | 'cut-after'
  | 'hang'
  | { readonly code: number; readonly reason: string; readonly message: string };

export interface FakeKubeOptions {
  readonly fate?: (call: CallInfo) => Fate | Promise<Fate>;
  readonly watchFate?: () => Fate;
  readonly mangle?: Mangle;
  readonly now?: () => Date;
}

export interface FakeKube {
  readonly url: string;
  readonly objects: Objects;
  /** Ordinary calls so far. */
  readonly calls: readonly CallInfo[];
  readonly watches: ReturnType<typeof createWatches>;
  setFate(fate: NonNullable<FakeKubeOptions['fate']>): void;
  setWatchFate(fate: () => Fate): void;
  /** Refuses connections, keeps its objects. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  close(): Promise<void>;
}

interface Route {
  readonly plural: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

const routeOf = (path: string): Route | undefined => {
  const match =
    /^\/(?:api\/v1|apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+))?\/([a-z]+)(?:\/([^/]+))?(?:\/(status))?$/.exec(path);
  if (match === null) return undefined;
  const [, namespace, plural = '', name, subresource] = match;
  return { plural, namespace, name, subresource };
};

const matches = (selector: string | null, object: KubeObject): boolean => {
  if (selector === null || selector === '') return true;
  return selector.split(',').every((term) => {
    const [key = '', value] = term.split('=');
    const actual = object.metadata.labels?.[key];
    return value === undefined ? actual !== undefined : actual === value;
  });
};

const readBody = async (request: IncomingMessage): Promise<unknown> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString('utf8'));
};

const patchTypes: Readonly<Record<string, 'merge' | 'apply' | 'json'>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/apply-patch+yaml': 'apply',
};

const send = (response: ServerResponse, code: number, body: unknown): void => {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
};

const statusBody = (code: number, reason: string, message: string) => ({
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  message,
  reason,
  code,
});

/** A pretended API server on loopback: as fussy as the real one where the controller could get it wrong. */
export const startFakeKube = async (options: FakeKubeOptions = {}): Promise<FakeKube> => {
  const objects = createObjects({ now: options.now ?? (() => new Date()), validate });
  const watches = createWatches({
    objects,
    matches,
    ...(options.mangle === undefined ? {} : { mangle: options.mangle }),
  });
  const calls: CallInfo[] = [];
  let fate = options.fate ?? (() => 'pass');
  let watchFate = options.watchFate ?? (() => 'pass');

  const list = ({ plural, namespace }: Route, url: URL): unknown => {
    const limit = Number(url.searchParams.get('limit') ?? '0') || Number.POSITIVE_INFINITY;
    const [from = 0, version = objects.version()] = (url.searchParams.get('continue') ?? '')
      .split(':')
      .filter(Boolean)
      .map(Number);
    const all = objects
      .list(plural, namespace)
      .filter((object) => matches(url.searchParams.get('labelSelector'), object));
    const items = all.slice(from, from + limit);
    const more = from + items.length < all.length;
    return {
      kind: 'List',
      metadata: {
        resourceVersion: String(version),
        ...(more ? { continue: `${from + items.length}:${version}` } : {}),
      },
      items,
    };
  };

  const patch = (route: Route, url: URL, parts: { contentType: string; body: unknown }): KubeObject => {
    const type = patchTypes[parts.contentType];
    if (type === undefined)
      throw new StatusError(415, 'UnsupportedMediaType', `unsupported patch ${parts.contentType}`);
    if (type === 'apply' && url.searchParams.get('fieldManager') === null) {
      throw new StatusError(422, 'Invalid', 'fieldManager is required for apply patch');
    }
    const place = { namespace: route.namespace ?? '', name: route.name ?? '', subresource: route.subresource };
    return objects.patch(route.plural, place, { type, body: parts.body as KubeObject });
  };

  const perform = (
    request: IncomingMessage,
    route: Route,
    parts: { url: URL; body: unknown },
  ): { code: number; body: unknown } => {
    const namespace = route.namespace ?? '';
    if (request.method === 'GET' && route.name !== undefined)
      return { code: 200, body: objects.get(route.plural, namespace, route.name) };
    if (request.method === 'GET') return { code: 200, body: list(route, parts.url) };
    if (request.method === 'POST')
      return { code: 201, body: objects.create(route.plural, namespace, parts.body as KubeObject) };
    if (request.method === 'PATCH') {
      return {
        code: 200,
        body: patch(route, parts.url, { contentType: request.headers['content-type'] ?? '', body: parts.body }),
      };
    }
    throw new StatusError(405, 'MethodNotAllowed', 'not allowed');
  };

  const openWatch = (response: ServerResponse, route: Route, url: URL): void => {
    const outcome = watchFate();
    if (outcome === 'pass') watches.open(response, { ...route, url });
    else if (typeof outcome === 'object')
      send(response, outcome.code, statusBody(outcome.code, outcome.reason, outcome.message));
    else response.socket?.destroy();
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://fake');
    const route = routeOf(url.pathname);
    if (route === undefined) {
      send(response, 404, statusBody(404, 'NotFound', 'the server could not find the requested resource'));
      return;
    }
    const body = await readBody(request);
    if (url.searchParams.get('watch') === 'true') {
      openWatch(response, route, url);
      return;
    }
    const { plural, name, subresource } = route;
    const call = { index: calls.length, method: request.method ?? '', plural, name, subresource };
    calls.push(call);
    const outcome = await fate(call);
    if (typeof outcome === 'object') {
      send(response, outcome.code, statusBody(outcome.code, outcome.reason, outcome.message));
      return;
    }
    if (outcome === 'hang') return;
    if (outcome === 'cut-before') {
      response.socket?.destroy();
      return;
    }
    const done = perform(request, route, { url, body });
    if (outcome === 'cut-after') response.socket?.destroy();
    else send(response, done.code, done.body);
  };

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      const known = error instanceof StatusError ? error : new StatusError(500, 'InternalError', String(error));
      if (!response.destroyed) send(response, known.code, statusBody(known.code, known.reason, known.message));
    });
  });
  const listen = (port: number): Promise<void> =>
    new Promise((resolve) => {
      server.listen(port, '127.0.0.1', resolve);
    });
  const end = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => {
        resolve();
      });
      server.closeAllConnections();
    });
  await listen(0);
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    objects,
    calls,
    watches,
    setFate: (next) => {
      fate = next;
    },
    setWatchFate: (next) => {
      watchFate = next;
    },
    pause: async () => {
      watches.cutAll();
      await end();
    },
    resume: () => listen(port),
    close: async () => {
      watches.cutAll();
      if (server.listening) await end();
    },
  };
};
