import http from 'node:http';
import https from 'node:https';
import { type Collection, type KubeApi, type Page, type Patch, type Target } from './api.ts';
import { brokenConnection, errorOfResponse, errorOfStatus, isSuccess, KubeError } from './errors.ts';
import { readLines } from './lines.ts';

/** Where the API server is, and how to be let in. `authorize` is asked for every request: tokens are renewed on disk. */
export interface Connection {
  readonly server: string;
  authorize(): Promise<https.RequestOptions>;
}

export interface ClientOptions {
  readonly connection: Connection;
  readonly fieldManager: string;
  /** Of ordinary calls, whole. A watch is timed by whoever watches. */
  readonly timeoutMs: number;
}

interface Call {
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly contentType?: string;
  readonly body?: unknown;
  readonly signal: AbortSignal;
}

const contentTypes = {
  merge: 'application/merge-patch+json',
  apply: 'application/apply-patch+yaml',
  json: 'application/json-patch+json',
} as const;
const largestResponse = 64 * 1024 * 1024;

const pathOf = ({ resource, namespace }: Collection, ...rest: readonly string[]): string => {
  const { group, version, plural } = resource;
  const base = group === '' ? ['api', version] : ['apis', group, version];
  const place = namespace === undefined ? [] : ['namespaces', namespace];
  return `/${[...base, ...place, plural, ...rest].map(encodeURIComponent).join('/')}`;
};

/** What client-node sets: the authorization. */
const headersOf = ({ headers }: https.RequestOptions): http.OutgoingHttpHeaders =>
  headers === undefined || Array.isArray(headers) ? {} : (headers as http.OutgoingHttpHeaders);

const send = async (connection: Connection, call: Call): Promise<http.IncomingMessage> => {
  const url = new URL(connection.server);
  url.pathname = `${url.pathname.replace(/\/$/, '')}${call.path}`;
  for (const [name, value] of Object.entries(call.query ?? {}))
    if (value !== undefined) url.searchParams.set(name, value);
  const options = await connection.authorize();
  const payload = call.body === undefined ? undefined : JSON.stringify(call.body);
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'http:' ? http : https).request(url, {
      ...options,
      method: call.method,
      signal: call.signal,
      headers: {
        ...headersOf(options),
        accept: 'application/json',
        'user-agent': 'lc2-backup-controller',
        ...(call.contentType === undefined ? {} : { 'content-type': call.contentType }),
        ...(payload === undefined ? {} : { 'content-length': Buffer.byteLength(payload) }),
      },
    });
    request.on('response', resolve);
    request.on('error', (error) => {
      reject(brokenConnection(error));
    });
    request.end(payload);
  });
};

const readAll = async (response: http.IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > largestResponse) throw new Error('the response is too large');
      chunks.push(chunk);
    }
  } catch (error) {
    throw brokenConnection(error);
  }
  return Buffer.concat(chunks).toString('utf8');
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw brokenConnection(error);
  }
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === 'object';

const pageOf = (value: unknown): Page => {
  const metadata = isRecord(value) ? value['metadata'] : undefined;
  if (
    !isRecord(value) ||
    !Array.isArray(value['items']) ||
    !isRecord(metadata) ||
    typeof metadata['resourceVersion'] !== 'string'
  ) {
    throw new KubeError('unavailable', 'the API server answered a list without items or resourceVersion');
  }
  const next = metadata['continue'];
  return {
    items: value['items'],
    resourceVersion: metadata['resourceVersion'],
    ...(typeof next === 'string' && next !== '' ? { continue: next } : {}),
  };
};

export const createClient = ({ connection, fieldManager, timeoutMs }: ClientOptions): KubeApi => {
  const call = async (request: Call): Promise<unknown> => {
    const attempt = new AbortController();
    const stop = (): void => {
      attempt.abort(request.signal.reason);
    };
    // Signals that live as long as the process remember what AbortSignal.any() made of them until garbage is collected.
    request.signal.addEventListener('abort', stop);
    if (request.signal.aborted) stop();
    const timer = setTimeout(() => {
      attempt.abort(new DOMException('the API server did not answer in time', 'TimeoutError'));
    }, timeoutMs);
    try {
      const response = await send(connection, { ...request, signal: attempt.signal });
      const text = await readAll(response);
      const code = response.statusCode ?? 0;
      if (!isSuccess(code)) throw errorOfResponse(code, text);
      return parse(text);
    } finally {
      clearTimeout(timer);
      request.signal.removeEventListener('abort', stop);
    }
  };

  const patchQuery = ({ type }: Patch): Record<string, string> => ({
    fieldManager,
    fieldValidation: 'Strict',
    ...(type === 'apply' ? { force: 'true' } : {}),
  });

  return {
    list: async (collection, { limit, selector, continue: from, signal }) =>
      pageOf(
        await call({
          method: 'GET',
          path: pathOf(collection),
          query: { limit: String(limit), labelSelector: selector, continue: from },
          signal,
        }),
      ),
    watch: async (collection, { resourceVersion, selector, timeoutSeconds, onEvent, onOpen, signal }) => {
      const query = {
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion,
        labelSelector: selector,
        timeoutSeconds: String(timeoutSeconds),
      };
      const response = await send(connection, { method: 'GET', path: pathOf(collection), query, signal });
      const code = response.statusCode ?? 0;
      if (!isSuccess(code)) throw errorOfResponse(code, await readAll(response));
      onOpen();
      await readLines(response, (line) => {
        const event = parse(line);
        if (!isRecord(event) || typeof event['type'] !== 'string')
          throw brokenConnection(new Error('an event is malformed'));
        if (event['type'] === 'ERROR') throw errorOfStatus(event['object']);
        onEvent({ type: event['type'], object: event['object'] });
      });
    },
    get: ({ resource, namespace, name }: Target, signal) =>
      call({ method: 'GET', path: pathOf({ resource, namespace }, name), signal }),
    create: (collection, body, signal) =>
      call({
        method: 'POST',
        path: pathOf(collection),
        query: { fieldManager, fieldValidation: 'Strict' },
        contentType: 'application/json',
        body,
        signal,
      }),
    patch: ({ resource, namespace, name }, patch, signal) =>
      call({
        method: 'PATCH',
        path: pathOf({ resource, namespace }, name, ...(patch.subresource === undefined ? [] : [patch.subresource])),
        query: patchQuery(patch),
        contentType: contentTypes[patch.type],
        body: patch.body,
        signal,
      }),
  };
};
