import { Readable } from 'node:stream';
import Pool from 'undici/lib/dispatcher/pool.js';
import { Lc2Error } from '../../core/errors.ts';
import { readAll } from '../runtime/bytes.ts';
import { untilAborted } from './bodies.ts';
import { createIdentity } from './gs-identity.ts';
import { exchange, type HttpAnswer } from './http-exchange.ts';
import { defaultAttempts, persist, type Tries } from './persist.ts';
import { errnoOfFailure, type StoreFailure } from './store-error.ts';
import type { StoreOptions } from './store-options.ts';

/** Calls of the JSON API of Google Cloud Storage. docs/adr/0017 says why not by Google's own package. */
export interface GsCalls {
  /** The answer, tried again while the failure may pass. Anything but success is thrown as a GsRefusal. */
  ask(ask: GsAsk, signal: AbortSignal): Promise<GsAnswer>;
  /** The same, with the answer read as JSON. */
  json(ask: GsAsk, signal: AbortSignal): Promise<unknown>;
  close(): Promise<void>;
}

export interface GsAsk {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the root, encoded. */
  readonly path: string;
  /** Those that are undefined are left out; so with headers. */
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: Uint8Array | undefined;
  /** A long body of the answer comes as a stream. */
  readonly isMedia?: boolean;
  /** An answer, although no success. */
  readonly accept?: number;
  readonly attempts?: number;
  readonly tries?: Tries;
}

export interface GsAnswer extends HttpAnswer {
  readonly header: (name: string) => string | undefined;
}

/** What Google said; its name is the reason that Google gives. */
export class GsRefusal extends Error {
  readonly status: number;
  readonly retryAfter: number;
  constructor(status: number, { reason, message }: { reason: string; message: string }, retryAfter: number) {
    super(message);
    this.name = reason;
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

export const failureOf = (error: unknown): StoreFailure => ({
  name: error instanceof Error ? error.name : 'Error',
  status: error instanceof GsRefusal ? error.status : undefined,
  errno: errnoOfFailure(error),
  message: error instanceof Error ? error.message : String(error),
  attempts: 1,
});

const sockets = 80;
const shortBody = 256 * 1024;
const mostText = 16 * 1024 * 1024;

export const mayPass = (error: unknown): boolean | number => {
  if (error instanceof Lc2Error) return false;
  if (!(error instanceof GsRefusal)) return errnoOfFailure(error) !== undefined;
  const { status, name, retryAfter } = error;
  const passes = status === 408 || status === 429 || status >= 500 || /^(userR|r)ateLimitExceeded$/.test(name);
  return passes && retryAfter > 0 ? retryAfter : passes;
};

export const createGsCalls = ({
  location,
  secrets,
  tuning = {},
}: Pick<StoreOptions, 'location' | 'secrets' | 'tuning'>): GsCalls => {
  const root = new URL(location.endpoint ?? 'https://storage.googleapis.com');
  const below = root.pathname.replace(/\/+$/, '');
  const identity = createIdentity({ location, secrets });
  const silence = tuning.socketTimeout ?? 300_000;
  const pool = new Pool(root.origin, {
    connections: sockets,
    pipelining: 1,
    allowH2: false,
    headersTimeout: silence,
    bodyTimeout: silence,
    connect: { timeout: tuning.connectTimeout ?? 10_000 },
  });
  const once = async (ask: GsAsk, signal: AbortSignal): Promise<GsAnswer> => {
    const query = new URLSearchParams(defined(ask.query)).toString();
    const answer = await exchange(pool, {
      method: ask.method,
      path: `${below}${ask.path}${query === '' ? '' : `${ask.path.includes('?') ? '&' : '?'}${query}`}`,
      headers: {
        ...(await untilAborted(signal, identity())),
        ...defined(ask.headers),
        'user-agent': 'lc2-backup',
        ...(ask.body === undefined && ask.method !== 'GET' && { 'content-length': '0' }),
      },
      body: ask.body ?? null,
      signal,
      streamAbove: ask.isMedia === true ? shortBody : Number.POSITIVE_INFINITY,
    });
    const header = (name: string): string | undefined => {
      const value = answer.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    };
    const isGood = (answer.status >= 200 && answer.status < 300) || answer.status === ask.accept;
    if (!isGood) throw await refusalOf({ ...answer, header });
    // What a half of an answer says is not known; of an object's bytes the reader counts.
    if (answer.failure !== undefined && ask.isMedia !== true) throw answer.failure;
    return { ...answer, header };
  };
  const ask: GsCalls['ask'] = (asked, signal) =>
    persist(
      {
        signal,
        attempts: asked.attempts ?? tuning.attempts ?? defaultAttempts,
        mayPass,
        ...(asked.tries && { tries: asked.tries }),
      },
      () => once(asked, signal),
    );
  return {
    ask,
    json: async (asked, signal) => jsonOf(await ask(asked, signal)),
    close: () => pool.destroy(),
  };
};

const defined = (values: Readonly<Record<string, string | undefined>> = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));

const textOf = async ({ body }: HttpAnswer): Promise<string> =>
  (body instanceof Readable ? await readAll(body, mostText) : body).toString('utf8');

/** A proxy's page is no answer. */
export const jsonOf = async (answer: HttpAnswer): Promise<unknown> => {
  try {
    return JSON.parse(await textOf(answer));
  } catch {
    throw new Lc2Error('STORE_FAILED', `the store answered with ${answer.status} and something else than JSON`);
  }
};

const refusalOf = async (answer: GsAnswer): Promise<GsRefusal> => {
  const text = await textOf(answer);
  return new GsRefusal(answer.status, saidIn(text), Number(answer.header('retry-after') ?? 0));
};

const saidIn = (text: string): { reason: string; message: string } => {
  try {
    const error = partOf(JSON.parse(text), 'error');
    const errors = partOf(error, 'errors');
    const reason = partOf(Array.isArray(errors) ? errors[0] : undefined, 'reason');
    const message = partOf(error, 'message');
    return {
      reason: typeof reason === 'string' ? reason : 'Error',
      message: typeof message === 'string' ? message : '',
    };
  } catch {
    return { reason: 'Error', message: text.slice(0, 200) };
  }
};

export const partOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? new Map<string, unknown>(Object.entries(value)).get(name) : undefined;
