import { oneLine } from '../../core/errors.ts';

/** Failures of the API server by meaning. This is the only file that knows HTTP codes. */
export type KubeFailure =
  'notFound' | 'alreadyExists' | 'conflict' | 'gone' | 'invalid' | 'forbidden' | 'throttled' | 'unavailable' | 'broken';

/** Carries the server's own sentence, never headers or a body. */
export class KubeError extends Error {
  readonly failure: KubeFailure;

  constructor(failure: KubeFailure, message: string, cause?: unknown) {
    super(oneLine(message).slice(0, 500), cause === undefined ? {} : { cause });
    this.name = 'KubeError';
    this.failure = failure;
  }
}

const has =
  (...failures: readonly KubeFailure[]) =>
  (error: unknown): error is KubeError =>
    error instanceof KubeError && failures.includes(error.failure);

export const isNotFound = has('notFound');
export const isAlreadyExists = has('alreadyExists');
/** Somebody wrote the object since it was read. */
export const isConflict = has('conflict');
/** The server no longer knows that resourceVersion: list again. */
export const isGone = has('gone');
/** Sending the same again will be refused again. */
export const isInvalid = has('invalid');
/** The server is away, or too busy to say anything that helps. */
export const isUnanswered = has('broken', 'throttled', 'unavailable');

export const isSuccess = (code: number): boolean => code >= 200 && code < 300;

const byCode: Readonly<Record<number, KubeFailure>> = {
  400: 'invalid',
  401: 'forbidden',
  403: 'forbidden',
  404: 'notFound',
  409: 'conflict',
  410: 'gone',
  415: 'invalid',
  422: 'invalid',
  429: 'throttled',
};

const byReason: Readonly<Record<string, KubeFailure>> = {
  AlreadyExists: 'alreadyExists',
  Expired: 'gone',
  Gone: 'gone',
};

interface StatusParts {
  readonly reason?: string;
  readonly message?: string;
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const partsOf = (status: unknown): StatusParts => {
  if (status === null || typeof status !== 'object') return {};
  const reason = 'reason' in status ? text(status.reason) : undefined;
  const message = 'message' in status ? text(status.message) : undefined;
  return { ...(reason === undefined ? {} : { reason }), ...(message === undefined ? {} : { message }) };
};

const failureOf = (code: number, { reason = '', message = '' }: StatusParts): KubeFailure => {
  const known = byReason[reason] ?? byCode[code];
  // A webhook says no with any code it likes; asking again does not help.
  if (known === 'forbidden' && message.includes('admission webhook') && message.includes('denied')) return 'invalid';
  return known ?? 'unavailable';
};

/** From a Status object, be it a response or an ERROR event of a watch. `code` is the response's, where there is one. */
export const errorOfStatus = (status: unknown, code?: number): KubeError => {
  const parts = partsOf(status);
  const stated = status !== null && typeof status === 'object' && 'code' in status ? status.code : undefined;
  const number = code ?? (typeof stated === 'number' ? stated : 500);
  return new KubeError(failureOf(number, parts), parts.message ?? `the API server answered ${number}`);
};

export const errorOfResponse = (code: number, body: string): KubeError => {
  try {
    return errorOfStatus(JSON.parse(body), code);
  } catch {
    // Proxies and overloaded servers answer in plain text or HTML.
    return errorOfStatus(undefined, code);
  }
};

export const brokenConnection = (cause: unknown): KubeError =>
  new KubeError(
    'broken',
    cause instanceof Error ? `the connection broke: ${cause.message}` : 'the connection broke',
    cause,
  );
