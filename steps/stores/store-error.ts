import { type ErrorCode, Lc2Error } from '../../core/errors.ts';

/** What a call of a store's SDK or protocol ended with, taken apart. */
export interface StoreFailure {
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

const statuses: Readonly<Record<number, ErrorCode>> = { 401: 'STORE_DENIED', 403: 'STORE_DENIED', 507: 'STORE_FULL' };

const isTls = ({ errno }: StoreFailure): boolean =>
  /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|EPROTO)/.test(errno ?? '');

const isNetwork = ({ status, errno, name }: StoreFailure): boolean =>
  status === undefined &&
  (/^(ECONN|ENOTFOUND|EAI_|EHOST|ENET|ETIMEDOUT|EPIPE|EADDRNOTAVAIL|UND_ERR_CONNECT)/.test(errno ?? '') ||
    name === 'TimeoutError');

/** What this kind of store means by a failure, where it says it in its own way. */
export type Reading = (failure: StoreFailure) => ErrorCode | undefined;

/** The failure as an error of the catalogue. */
export const storeError = (failure: StoreFailure, context: FailureContext, read: Reading): Lc2Error => {
  const label = [failure.status, failure.name === 'Error' ? undefined : failure.name, failure.errno].filter(
    (part) => part !== undefined,
  );
  const text = withoutSecrets(failure.message, context.secrets).slice(0, 300);
  const what = `the store answered: ${label.join(' ')}${text === '' ? '' : `: ${text}`}`;
  return new Lc2Error(codeOf(failure, context, read), what, { where: context.where });
};

const codeOf = (failure: StoreFailure, { answered }: FailureContext, read: Reading): ErrorCode => {
  if (isTls(failure)) return 'STORE_TLS_FAILED';
  if (isNetwork(failure)) return answered ? 'STORE_FAILED' : 'STORE_UNREACHABLE';
  return read(failure) ?? statuses[failure.status ?? 0] ?? 'STORE_FAILED';
};

const withoutSecrets = (text: string, secrets: Readonly<Record<string, string>>): string => {
  let clean = text;
  for (const [name, value] of Object.entries(secrets)) {
    const secret = value.trim();
    if (name !== 'ca.crt' && secret.length >= 4) clean = clean.replaceAll(secret, '***');
  }
  return clean;
};

/** Code of what the system or the connection said, also where it is the cause of another error. */
export const errnoOfFailure = (error: unknown): string | undefined => {
  if (error instanceof AggregateError) return errnoOfFailure(error.errors[0]);
  if (!(error instanceof Error)) return undefined;
  const own: unknown = 'code' in error ? error.code : undefined;
  return typeof own === 'string' && own !== 'REQUEST_SEND_ERROR' ? own : errnoOfFailure(error.cause);
};
