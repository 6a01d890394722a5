import { setTimeout as sleep } from 'node:timers/promises';
import { RestError } from '@azure/storage-blob';
import { type ErrorCode, Lc2Error } from '../../core/errors.ts';
import type { Checksum, ObjectInfo } from '../../core/ports/object-store.ts';
import { type AzblobPlace, openContainer } from './azblob-client.ts';
import { cancelled, throwIfCancelled } from './bodies.ts';
import { type ByteBudget, createByteBudget } from './byte-budget.ts';
import { defaultAttempts, persist, type Tries } from './persist.ts';
import { defaultBufferLimit } from './s3-multipart.ts';
import { errnoOfFailure, type FailureContext, storeError, type StoreFailure } from './store-error.ts';
import type { AdapterOptions, StoreTuning } from './store-options.ts';

/** What the calls of one opened store share. */
export interface AzblobContext {
  readonly place: AzblobPlace;
  /** Empty or with a final slash. */
  readonly prefix: string;
  readonly url: string;
  readonly signal: AbortSignal;
  readonly secrets: Readonly<Record<string, string>>;
  readonly tuning: StoreTuning;
  readonly budget: ByteBudget;
  /** `answered`: the container is there, and an outage from now on will pass. */
  readonly state: { answered: boolean };
}

export const azblobContext = (options: AdapterOptions): AzblobContext => {
  const { secrets, signal, tuning = {}, prefix, url } = options;
  return {
    place: openContainer(options),
    prefix,
    url,
    signal,
    secrets,
    tuning,
    budget: createByteBudget(tuning.bufferLimit ?? defaultBufferLimit),
    state: { answered: false },
  };
};

export const whereIs = (context: Pick<AzblobContext, 'url'>, key: string): string => `${context.url}/${key}`;

export const failureOf = (error: unknown): StoreFailure => {
  if (!(error instanceof RestError)) {
    const isError = error instanceof Error;
    const [name, message] = isError ? [error.name, error.message] : ['Error', String(error)];
    return { name, status: undefined, errno: errnoOfFailure(error), message, attempts: 1 };
  }
  const { statusCode, code, message } = error;
  const said = statusCode === undefined ? undefined : (codeOfAnswer(error) ?? code);
  return {
    name: said ?? 'Error',
    status: statusCode,
    errno: statusCode === undefined ? (errnoOfFailure(error) ?? 'ECONNRESET') : undefined,
    // Addresses of sources carry the right to read them.
    message: (message.split('\n')[0] ?? '').replaceAll(/sig=[^&\s"]+/g, 'sig=***'),
    attempts: 1,
  };
};

/** A HEAD has no body that would say it. */
const codeOfAnswer = ({ response }: RestError): string | undefined => response?.headers.get('x-ms-error-code');

const names: Readonly<Record<string, ErrorCode>> = {
  ContainerNotFound: 'STORE_NOT_FOUND',
  ContainerBeingDeleted: 'STORE_NOT_FOUND',
  ResourceNotFound: 'STORE_NOT_FOUND',
  InvalidResourceName: 'STORE_NOT_FOUND',
  AccountBeingCreated: 'STORE_NOT_FOUND',
  AuthenticationFailed: 'STORE_DENIED',
  InvalidAuthenticationInfo: 'STORE_DENIED',
  AccountIsDisabled: 'STORE_DENIED',
  BlobArchived: 'OBJECT_UNREADABLE',
  BlobUsesCustomerSpecifiedEncryption: 'OBJECT_UNREADABLE',
  BlobImmutableDueToPolicy: 'OBJECT_LOCKED',
  KeyVaultKeyNotFound: 'STORE_DENIED',
};

export const isCode = (error: unknown, ...codes: readonly string[]): boolean => codes.includes(failureOf(error).name);

export const isRefused = (error: unknown, status: number): boolean =>
  error instanceof RestError && error.statusCode === status;

/** What Azure or the network said, as an error of the catalogue; errors that are already of it pass. */
export const azblobError = (error: unknown, context: FailureContext): Lc2Error => {
  if (error instanceof Lc2Error) return error;
  if (context.signal.aborted) return cancelled();
  return storeError(failureOf(error), context, ({ name }) => names[name]);
};

export const translate = (context: AzblobContext, key: string, error: unknown): Lc2Error => {
  const { signal, secrets, state } = context;
  return azblobError(error, { where: whereIs(context, key), signal, secrets, answered: state.answered });
};

export const mayPass = (error: unknown): boolean => {
  if (error instanceof Lc2Error) return false;
  const { status, errno, name } = failureOf(error);
  if (status === undefined) return errno !== undefined;
  return status === 408 || status === 429 || status >= 500 || name === 'PendingCopyOperation';
};

/** A connection that says nothing for so long is given up. */
const silence = 300_000;

export interface Attempt {
  readonly signal: AbortSignal;
  readonly tuning: StoreTuning;
  readonly tries?: Tries;
}

/** One call of the SDK, repeated while the failure may pass. The signal given to it also fires after a long silence. */
export const attempted = <T>(
  { signal, tuning, tries }: Attempt,
  send: (abortSignal: AbortSignal) => Promise<T>,
): Promise<T> =>
  persist({ signal, attempts: tuning.attempts ?? defaultAttempts, mayPass, ...(tries && { tries }) }, async () => {
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), tuning.socketTimeout ?? silence);
    try {
      return await send(AbortSignal.any([signal, patience.signal]));
    } catch (error) {
      if (patience.signal.aborted && !signal.aborted) throw tooSilent();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  });

const tooSilent = (): Error =>
  Object.assign(new Error('the store says nothing'), { name: 'SilenceError', code: 'ESILENCE' });

/** The promise, or an error when it takes longer than a connection may be silent. */
export const unlessSilent = async <T>({ tuning }: Pick<Attempt, 'tuning'>, promise: Promise<T>): Promise<T> => {
  const done = new AbortController();
  const patience = sleep(tuning.socketTimeout ?? silence, undefined, { signal: done.signal }).then(
    () => Promise.reject(tooSilent()),
    () => promise,
  );
  try {
    return await Promise.race([promise, patience]);
  } finally {
    done.abort();
  }
};

/** One call that is not about an object that may be missing, with its failure translated. */
export const call = async <T>(
  context: AzblobContext,
  key: string,
  send: (abortSignal: AbortSignal) => Promise<T>,
): Promise<T> => {
  throwIfCancelled(context.signal);
  try {
    const result = await attempted(context, send);
    context.state.answered = true;
    return result;
  } catch (error) {
    throw translate(context, key, error);
  }
};

/** Without the quotes. */
export const versionOf = (etag: string): string => etag.replace(/^"(.*)"$/, '$1');

export const isMissing = (error: unknown): boolean => isRefused(error, 404) && isCode(error, 'BlobNotFound', 'Error');

interface Described {
  readonly etag?: string | undefined;
  readonly lastModified?: Date | undefined;
  readonly contentMD5?: Uint8Array | undefined;
  readonly contentType?: string | undefined;
  readonly metadata?: Record<string, string> | undefined;
  readonly accessTier?: string | undefined;
  /** Of a key that comes with each request. */
  readonly customerProvidedKeySha256?: string | undefined;
}

const unreadableOf = (found: Described): ObjectInfo['unreadable'] => {
  if (found.accessTier === 'Archive') return 'archived';
  return found.customerProvidedKeySha256 === undefined ? undefined : 'customer-key';
};

export const infoOf = (
  context: AzblobContext,
  key: string,
  found: Described & { readonly size: number | undefined },
): ObjectInfo => {
  const { size, etag, lastModified, contentType, metadata } = found;
  if (size === undefined || etag === undefined || lastModified === undefined)
    throw new Lc2Error('STORE_FAILED', 'the answer lacks size, time or ETag', { where: whereIs(context, key) });
  const version = versionOf(etag);
  const unreadable = unreadableOf(found);
  return {
    key,
    size,
    mtime: lastModified.toISOString(),
    version,
    checksum: checksumOf(found.contentMD5, version),
    ...(contentType !== undefined && contentType !== '' && { contentType }),
    ...(metadata !== undefined && { metadata }),
    ...(unreadable && { unreadable }),
  };
};

/** Whoever uploads in blocks says the md5 himself, or does not; what else there is changes with every change of the object. */
const checksumOf = (md5: Uint8Array | undefined, version: string): Checksum =>
  md5?.byteLength === 16
    ? { algorithm: 'md5', value: Buffer.from(md5).toString('hex') }
    : { algorithm: 'etag', value: version };
