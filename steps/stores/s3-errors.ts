import { type ErrorCode, Lc2Error } from '../../core/errors.ts';
import { cancelled } from './bodies.ts';

/** What an SDK call ended with, taken apart. */
export interface S3Failure {
  readonly name: string;
  readonly status: number | undefined;
  readonly errno: string | undefined;
  readonly message: string;
  readonly attempts: number;
}

export interface FailureContext {
  readonly where: string;
  readonly signal: AbortSignal;
  /** An earlier call of this opened store was answered: an outage now will pass. */
  readonly answered: boolean;
  /** Never shown. */
  readonly secrets: Readonly<Record<string, string>>;
}

export const failureOf = (error: unknown): S3Failure => {
  const parts = new Map(Object.entries(typeof error === 'object' && error !== null ? error : {}));
  const metadata: unknown = parts.get('$metadata');
  const numberIn = (name: string): number | undefined => {
    const value: unknown =
      typeof metadata === 'object' && metadata !== null ? new Map(Object.entries(metadata)).get(name) : undefined;
    return typeof value === 'number' ? value : undefined;
  };
  const errno: unknown = parts.get('code') ?? errnoOfCause(error);
  return {
    name: error instanceof Error ? error.name : 'Error',
    status: numberIn('httpStatusCode'),
    errno: typeof errno === 'string' ? errno : undefined,
    message: error instanceof Error ? error.message : String(error),
    attempts: numberIn('attempts') ?? 1,
  };
};

const errnoOfCause = (error: unknown): unknown => {
  if (error instanceof AggregateError) return failureOf(error.errors[0]).errno;
  return error instanceof Error && error.cause !== undefined ? failureOf(error.cause).errno : undefined;
};

const names: Readonly<Record<string, ErrorCode>> = {
  NoSuchBucket: 'STORE_NOT_FOUND',
  PermanentRedirect: 'STORE_NOT_FOUND',
  AuthorizationHeaderMalformed: 'STORE_DENIED',
  CredentialsProviderError: 'STORE_DENIED',
  TokenProviderError: 'STORE_DENIED',
  InvalidAccessKeyId: 'STORE_DENIED',
  SignatureDoesNotMatch: 'STORE_DENIED',
  AccessDenied: 'STORE_DENIED',
  ExpiredToken: 'STORE_DENIED',
  InvalidToken: 'STORE_DENIED',
  InvalidObjectState: 'STORE_DENIED',
  QuotaExceeded: 'STORE_FULL',
  XMinioStorageFull: 'STORE_FULL',
  XMinioAdminBucketQuotaExceeded: 'STORE_FULL',
  InsufficientCapacity: 'STORE_FULL',
  KeyTooLongError: 'KEY_UNSUPPORTED',
  ObjectParentIsFile: 'KEY_UNSUPPORTED',
  ExistingObjectIsDirectory: 'KEY_UNSUPPORTED',
};

const statuses: Readonly<Record<number, ErrorCode>> = { 401: 'STORE_DENIED', 403: 'STORE_DENIED', 507: 'STORE_FULL' };

const isTls = (failure: S3Failure): boolean =>
  /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|EPROTO)/.test(failure.errno ?? '');

const isNetwork = (failure: S3Failure): boolean =>
  failure.status === undefined &&
  (/^(ECONN|ENOTFOUND|EAI_|EHOST|ENET|ETIMEDOUT|EPIPE|EADDRNOTAVAIL)/.test(failure.errno ?? '') ||
    failure.name === 'TimeoutError');

const codeOf = (failure: S3Failure, answered: boolean): ErrorCode => {
  if (isTls(failure)) return 'STORE_TLS_FAILED';
  if (isNetwork(failure)) return answered ? 'STORE_FAILED' : 'STORE_UNREACHABLE';
  const code = names[failure.name] ?? statuses[failure.status ?? 0];
  // A clock that is wrong is refused with 403, and no credentials would mend it.
  return failure.name === 'RequestTimeTooSkewed' ? 'CLOCK_SKEW' : (code ?? 'STORE_FAILED');
};

/** What the store or the network said, as an error of the catalogue; errors that are already of it pass. */
export const s3Error = (error: unknown, context: FailureContext): Lc2Error => {
  if (error instanceof Lc2Error) return error;
  if (context.signal.aborted) return cancelled();
  const failure = failureOf(error);
  const code = codeOf(failure, context.answered);
  const label = [failure.status, failure.name === 'Error' ? undefined : failure.name, failure.errno].filter(
    (part) => part !== undefined,
  );
  const text = withoutSecrets(failure.message, context.secrets).slice(0, 300);
  return new Lc2Error(code, `the store answered: ${label.join(' ')}${text === '' ? '' : `: ${text}`}`, {
    where: context.where,
  });
};

const withoutSecrets = (text: string, secrets: Readonly<Record<string, string>>): string => {
  let clean = text;
  for (const [name, value] of Object.entries(secrets)) {
    const secret = value.trim();
    if (name !== 'ca.crt' && secret.length >= 4) clean = clean.replaceAll(secret, '***');
  }
  return clean;
};
