import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import Pool from 'undici/lib/dispatcher/pool.js';
import { exchange } from './http-exchange.ts';
import { readAll } from '../runtime/bytes.ts';
import { endpointOf } from './s3-endpoint.ts';
import { failureOf } from './s3-errors.ts';
import { type ClientOptions, keysOf, sockets } from './s3-options.ts';
import type { LateSdk } from './s3-sdk.ts';
import { createSigner, encode, encodePath, type Sign } from './s3-sign.ts';
import { errorOf } from './s3-xml.ts';

/** One exchange with the service, without the SDK's costs: signed, sent once, and judged. */

export interface Ask {
  readonly method: 'GET' | 'HEAD' | 'PUT';
  readonly bucket: string;
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Lower-case names; those that are undefined are left out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: Uint8Array | undefined;
}

export interface Answer {
  readonly status: number;
  /** By the clock that signed. */
  readonly sent: number;
  readonly header: (name: string) => string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** A short body whole, or what came of it before `failure`. */
  readonly body: Buffer | Readable;
  readonly failure?: Error;
}

export interface Exchange {
  /**
   * Asks once and hands the answer to `read`. Where the service is unwell, or the answer is not understood (`read` gives
   * undefined), the SDK takes over: it repeats, waits, corrects the clock and follows the region as it always did.
   * A clear refusal is thrown in the SDK's form.
   */
  ask<T>(ask: Ask, how: How<T>): Promise<T>;
  close(): Promise<void>;
}

export interface How<T> {
  readonly signal: AbortSignal;
  readonly read: (answer: Answer) => Promise<T | undefined> | T | undefined;
  readonly sdk: () => Promise<T>;
}

/** What the service said, in the form of the SDK's errors. */
class Refusal extends Error {
  readonly $metadata: { readonly httpStatusCode: number; readonly attempts: number };
  readonly retryAfter: number;
  /** Milliseconds between the service's clock and ours. */
  readonly skew: number;
  constructor(name: string, message: string, answer: Pick<Answer, 'status' | 'header' | 'sent'>) {
    super(message);
    this.name = name;
    this.$metadata = { httpStatusCode: answer.status, attempts: 1 };
    this.retryAfter = Number(answer.header('retry-after') ?? 0);
    this.skew = Math.abs(Date.parse(answer.header('date') ?? '') - answer.sent);
  }
}

const mostSkew = 240_000;

/** A broken connection, or refused for the moment, the place or the time of day and not for what the request says. */
const isPassing = (error: unknown): boolean => {
  const { status, name, errno } = failureOf(error);
  if (status === undefined) return errno !== undefined;
  const isSkewed = status === 403 && error instanceof Refusal && error.skew > mostSkew;
  return status < 400 || status >= 500 || status === 408 || status === 429 || isSkewed || passing.test(name);
};

const passing =
  /^Request(Timeout|TimeTooSkewed|Expired|InTheFuture)|Thrott|SlowDown|TooManyRequests|LimitExceeded|Redirect/;

/** Of many small objects the way through streams costs more than their bytes. */
const shortBody = 256 * 1024;
const mostText = 1024 * 1024;

const firstPause = 100;
const throttledPause = 500;
const longestPause = 20_000;

export const createExchange = (sdk: LateSdk, { location, secrets, tuning = {} }: ClientOptions): Exchange => {
  const places = new Map<string, Promise<Place | undefined>>();
  const attempts = tuning.attempts ?? 4;
  const ca = secrets['ca.crt'];
  const ownKeys = keysOf(secrets);

  const open = async (bucket: string): Promise<Place | undefined> => {
    const endpoint = await endpointOf({ location, sdk }, bucket);
    if (endpoint === undefined) return undefined;
    const silence = tuning.socketTimeout ?? 300_000;
    const pool = new Pool(endpoint.url.origin, {
      connections: sockets,
      pipelining: 1,
      allowH2: false,
      headersTimeout: silence,
      bodyTimeout: silence,
      connect: {
        timeout: tuning.connectTimeout ?? 10_000,
        ...(ca !== undefined && ca.trim() !== '' && { ca }),
      },
    });
    const { url, region } = endpoint;
    return { pool, host: url.host, root: url.pathname.replace(/\/$/, ''), sign: createSigner(region) };
  };
  const placeOf = (bucket: string): Promise<Place | undefined> => {
    const place = places.get(bucket) ?? open(bucket);
    places.set(bucket, place);
    return place;
  };

  const send = async (place: Place, ask: Ask, signal: AbortSignal): Promise<Answer> => {
    const path = `${place.root}/${encodePath(ask.key ?? '')}`;
    const query = Object.entries(ask.query ?? {})
      .map(([name, value]) => `${encode(name)}=${encode(value)}`)
      .sort()
      .join('&');
    const plain: Record<string, string> = {};
    for (const [name, value] of Object.entries(ask.headers ?? {})) if (value !== undefined) plain[name] = value;
    const { method, body } = ask;
    const keys = ownKeys ?? (await (await sdk.load()).client.config.credentials());
    const sent = Date.now() + sdk.clockOffset();
    const headers = place.sign({ method, host: place.host, path, query, headers: plain, body }, keys, new Date(sent));
    const answer = await exchange(place.pool, {
      method,
      path: query === '' ? path : `${path}?${query}`,
      headers: { ...headers, 'user-agent': 'lc2-backup' },
      body: body ?? null,
      signal,
      streamAbove: method === 'GET' && ask.key !== undefined ? shortBody : Number.POSITIVE_INFINITY,
      // Undici's own choice after HEAD is to close the connection.
      reset: false,
    });
    const header = (name: string): string | undefined => {
      const value = answer.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    };
    return { ...answer, sent, header };
  };

  const once = async <T>(place: Place, ask: Ask, how: How<T>): Promise<T | undefined> => {
    const answer = await send(place, ask, how.signal);
    if (answer.status < 200 || answer.status >= 300) throw await refusalOf(answer);
    return how.read(answer);
  };

  const ask = async <T>(asked: Ask, how: How<T>): Promise<T> => {
    const place = await placeOf(asked.bucket);
    if (place === undefined) return how.sdk();
    let failure: unknown;
    try {
      const done = await once(place, asked, how);
      if (done !== undefined) return done;
    } catch (error) {
      if (how.signal.aborted || attempts <= 1 || !isPassing(error)) throw error;
      failure = error;
    }
    await pause(failure, how.signal);
    try {
      return await how.sdk();
    } catch (error) {
      throw countedOnceMore(error);
    }
  };

  return {
    ask,
    close: async () => {
      for (const place of places.values()) await (await place)?.pool.destroy();
    },
  };
};

interface Place {
  readonly pool: Dispatcher;
  readonly host: string;
  /** Of the bucket, without a final slash. */
  readonly root: string;
  readonly sign: Sign;
}

/** The body of an answer as text. */
export const textOf = async ({ body, failure }: Answer): Promise<string> => {
  if (failure !== undefined) throw failure;
  return (body instanceof Readable ? await readAll(body, mostText) : body).toString('utf8');
};

const refusalOf = async (answer: Answer): Promise<Refusal> => {
  const said = errorOf(await textOf(answer));
  const fallback = answer.status === 404 ? 'NotFound' : 'UnknownError';
  return new Refusal(said?.code ?? fallback, said?.message ?? fallback, answer);
};

/** As the SDK waits before its second attempt. */
const pause = async (failure: unknown, signal: AbortSignal): Promise<void> => {
  const { status, name } = failureOf(failure);
  const throttled = status === 429 || status === 503 || /Thrott|SlowDown/.test(name);
  const asked = failure instanceof Refusal && failure.retryAfter > 0 ? failure.retryAfter * 1000 : 0;
  const wait = Math.max(asked, Math.random() * (throttled ? throttledPause : firstPause));
  await sleep(Math.min(wait, longestPause), undefined, { signal });
};

/** Whoever asks how often was asked must learn of our own attempt. */
const countedOnceMore = (error: unknown): unknown => {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return error;
  const { $metadata } = error;
  if (typeof $metadata === 'object' && $metadata !== null)
    Object.assign($metadata, { attempts: failureOf(error).attempts + 1 });
  return error;
};
