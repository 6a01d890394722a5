import type { RDSClient } from '@aws-sdk/client-rds';
import { type ErrorCode, Lc2Error } from '../../core/errors.ts';
import type { RdsSpec } from '../../core/services/rds.ts';
import type { commands } from './rds-sdk.ts';

export interface RdsClientOptions {
  readonly spec: RdsSpec;
  readonly secrets: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** A client with the commands that it may be sent, and what to send along. */
export type Sdk = typeof commands & {
  readonly rds: RDSClient;
  readonly abortable: { readonly abortSignal: AbortSignal };
};

/** One client of the API, opened when it is first needed, whose every error is one of the catalogue. */
export interface RdsClient {
  /** `action` as in the API, and so as in policies of IAM. */
  call<T>(action: string, use: (sdk: Sdk) => Promise<T>): Promise<T>;
}

export const openRdsClient = (options: RdsClientOptions): RdsClient => {
  const { spec, secrets, signal } = options;
  const where = `${spec.region}/${spec.cluster ?? spec.instance ?? ''}`;
  const [key, secret] = [secrets['accessKeyId']?.trim(), secrets['secretAccessKey']?.trim()];
  if (Boolean(key) !== Boolean(secret)) {
    const missing = key ? 'secretAccessKey' : 'accessKeyId';
    throw new Lc2Error('SECRET_MISSING', `the Secret of the database has no ${missing}`, { where });
  }
  let opening: Promise<Sdk> | undefined;
  const open = async (): Promise<Sdk> => {
    const { commands, createRdsClient } = await import('./rds-sdk.ts');
    return { ...commands, rds: createRdsClient(options), abortable: { abortSignal: signal } };
  };
  let reached = false;
  return {
    call: async (action, use) => {
      try {
        const result = await use(await (opening ??= open()));
        reached = true;
        return result;
      } catch (error) {
        if (error instanceof Lc2Error) throw error;
        signal.throwIfAborted();
        throw rdsError(error, { action, where, reached });
      }
    },
  };
};

interface About {
  readonly action: string;
  readonly where: string;
  /** An earlier call was answered. */
  readonly reached: boolean;
}

/** The code that AWS gave, without the ending that some have and some have not. */
const nameOf = (error: unknown): string => (error instanceof Error ? error.name.replace(/(Fault|Exception)$/, '') : '');

/** Whether the error is one of these codes of AWS, whose error of the catalogue carries it as its cause. */
export const isRefusal = (error: unknown, ...codes: readonly string[]): boolean =>
  error instanceof Lc2Error && codes.includes(nameOf(error.cause));

const strangers =
  /^(InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch|IncompleteSignature|ExpiredToken|InvalidAccessKeyId|MissingAuthenticationToken|CredentialsProviderError|TokenProviderError|InvalidIdentityToken)$/;

const rdsError = (error: unknown, about: About): Lc2Error => {
  const name = nameOf(error);
  const message = error instanceof Error ? error.message : String(error);
  const details = { where: about.where, cause: error };
  if (/^RequestExpired$|^RequestTimeTooSkewed$/.test(name) || /^Signature (expired|not yet current)/.test(message))
    return new Lc2Error('CLOCK_SKEW', `AWS refuses the time of the request: ${message}`, details);
  if (strangers.test(name))
    return new Lc2Error('SERVICE_DENIED', `AWS does not know who asks: ${message}`, {
      ...details,
      remedy: 'give the Secret accessKeyId and secretAccessKey, or the ServiceAccount a role (IRSA, Pod Identity)',
    });
  if (/^AccessDenied$|^UnauthorizedOperation$|^NotAuthorized$/.test(name)) {
    const permission = /perform: ([\w-]+:\w+)/.exec(message)?.[1] ?? `rds:${about.action}`;
    return new Lc2Error('SERVICE_DENIED', `permission ${permission} is missing: ${message}`, details);
  }
  if (name === 'KMSKeyNotAccessible')
    return new Lc2Error('SERVICE_NOT_READY', `the KMS key cannot be used: ${message}`, {
      ...details,
      remedy: 'enable the key, and let the account that the step runs as use it',
    });
  return new Lc2Error(codeOf(error, name, about.reached), message, details);
};

const codeOf = (error: unknown, name: string, reached: boolean): ErrorCode => {
  const status = statusOf(error);
  if (status === undefined) return !reached && isUnknownHost(error) ? 'SERVICE_UNREACHABLE' : 'SERVICE_FAILED';
  if (/Throttl|RequestLimitExceeded|TooManyRequests/.test(name) || status === 429) return 'SERVICE_BUSY';
  if (/^Invalid\w*State$|^Insufficient\w*Capacity$/.test(name)) return 'SERVICE_BUSY';
  if (name.endsWith('QuotaExceeded')) return 'SERVICE_QUOTA';
  if (name.endsWith('NotFound')) return 'SERVICE_NOT_FOUND';
  return status >= 500 ? 'SERVICE_FAILED' : 'SERVICE_REFUSED';
};

const statusOf = (error: unknown): number | undefined => {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return undefined;
  const metadata = error.$metadata;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
};

const isUnknownHost = (error: unknown): boolean => {
  if (error instanceof AggregateError) return error.errors.some(isUnknownHost);
  if (!(error instanceof Error)) return false;
  const known =
    'code' in error && /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/.test(String(error.code));
  return known || isUnknownHost(error.cause);
};
