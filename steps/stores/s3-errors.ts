import { type ErrorCode, Lc2Error } from '../../core/errors.ts';
import { cancelled } from './bodies.ts';
import { type FailureContext, type Reading, storeError, type StoreFailure } from './store-error.ts';

/** What an SDK call ended with, taken apart. */
export const failureOf = (error: unknown): StoreFailure => {
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
  IllegalLocationConstraintException: 'STORE_NOT_FOUND',
  AuthorizationHeaderMalformed: 'STORE_DENIED',
  CredentialsProviderError: 'STORE_DENIED',
  TokenProviderError: 'STORE_DENIED',
  InvalidAccessKeyId: 'STORE_DENIED',
  SignatureDoesNotMatch: 'STORE_DENIED',
  AccessDenied: 'STORE_DENIED',
  ExpiredToken: 'STORE_DENIED',
  InvalidToken: 'STORE_DENIED',
  InvalidObjectState: 'OBJECT_UNREADABLE',
  'KMS.DisabledException': 'STORE_DENIED',
  'KMS.KMSInvalidStateException': 'STORE_DENIED',
  'KMS.NotFoundException': 'STORE_DENIED',
  QuotaExceeded: 'STORE_FULL',
  XMinioStorageFull: 'STORE_FULL',
  XMinioAdminBucketQuotaExceeded: 'STORE_FULL',
  InsufficientCapacity: 'STORE_FULL',
  KeyTooLongError: 'KEY_UNSUPPORTED',
  ObjectParentIsFile: 'KEY_UNSUPPORTED',
  ExistingObjectIsDirectory: 'KEY_UNSUPPORTED',
  // A clock that is wrong is refused with 403, and no credentials would mend it.
  RequestTimeTooSkewed: 'CLOCK_SKEW',
};

/** Where the word is missing, for the answer to a HEAD has none, or means many things. */
const readFailure: Reading = ({ name, status, message }) => {
  if (status === 301) return 'STORE_NOT_FOUND';
  // Another region, a token that has expired, or a key of the customer.
  if (status === 400 && name.startsWith('Unknown')) return 'STORE_DENIED';
  if (name === 'InvalidRequest' && message.includes('Server Side Encryption')) return 'OBJECT_UNREADABLE';
  return names[name];
};

/** What the store or the network said, as an error of the catalogue; errors that are already of it pass. */
export const s3Error = (error: unknown, context: FailureContext): Lc2Error => {
  if (error instanceof Lc2Error) return error;
  if (context.signal.aborted) return cancelled();
  return storeError(failureOf(error), context, readFailure);
};
