import { type ErrorCode, Lc2Error } from '../../core/errors.ts';
import type { Checksum, ObjectInfo } from '../../core/ports/object-store.ts';
import { cancelled, throwIfCancelled } from './bodies.ts';
import { type ByteBudget, createByteBudget } from './byte-budget.ts';
import { createGsCalls, failureOf, type GsAnswer, type GsCalls, GsRefusal, jsonOf } from './gs-calls.ts';
import { defaultBufferLimit } from './s3-multipart.ts';
import { type FailureContext, storeError } from './store-error.ts';
import type { AdapterOptions, StoreTuning } from './store-options.ts';

/** What the calls of one opened store share. */
export interface GsContext {
  readonly calls: GsCalls;
  readonly bucket: string;
  /** Empty or with a final slash. */
  readonly prefix: string;
  readonly url: string;
  readonly signal: AbortSignal;
  readonly secrets: Readonly<Record<string, string>>;
  readonly tuning: StoreTuning;
  readonly budget: ByteBudget;
  /** `answered`: the bucket is there, and an outage from now on will pass. */
  readonly state: { answered: boolean };
}

export const gsContext = ({
  location,
  secrets,
  signal,
  tuning = {},
  parsed,
  prefix,
  url,
}: AdapterOptions): GsContext => {
  return {
    calls: createGsCalls({ location, secrets, tuning }),
    bucket: parsed.bucket,
    prefix,
    url,
    signal,
    secrets,
    tuning,
    budget: createByteBudget(tuning.bufferLimit ?? defaultBufferLimit),
    state: { answered: false },
  };
};

export const whereIs = (context: Pick<GsContext, 'url'>, key: string): string => `${context.url}/${key}`;

export const bucketPath = (bucket: string): string => `/storage/v1/b/${encodeURIComponent(bucket)}/o`;

export const objectPath = (bucket: string, name: string): string => `${bucketPath(bucket)}/${encodeURIComponent(name)}`;

export const uploadPath = (bucket: string): string => `/upload${bucketPath(bucket)}`;

const names: Readonly<Record<string, ErrorCode>> = {
  quotaExceeded: 'STORE_FULL',
  retentionPolicyNotMet: 'OBJECT_LOCKED',
  objectUnderActiveHold: 'OBJECT_LOCKED',
  orgPolicyConstraintFailed: 'STORE_DENIED',
  // A project that pays for who asks.
  required: 'STORE_DENIED',
  userProjectMissing: 'STORE_DENIED',
  resourceIsEncryptedWithCustomerEncryptionKey: 'OBJECT_UNREADABLE',
  cloudKmsBadKey: 'STORE_DENIED',
  cloudKmsDisabledKey: 'STORE_DENIED',
  cloudKmsDecryptionKeyNotFound: 'STORE_DENIED',
  cloudKmsEncryptionKeyNotFound: 'STORE_DENIED',
};

/** What Google or the network said, as an error of the catalogue; errors that are already of it pass. */
export const gsError = (error: unknown, context: FailureContext): Lc2Error => {
  if (error instanceof Lc2Error) return error;
  if (context.signal.aborted) return cancelled();
  return storeError(failureOf(error), context, ({ name }) => names[name]);
};

export const translate = (context: GsContext, key: string, error: unknown): Lc2Error => {
  const { signal, secrets, state } = context;
  return gsError(error, { where: whereIs(context, key), signal, secrets, answered: state.answered });
};

/** One call that is not about an object that may be missing, with its failure translated. */
export const call = async <T>(context: GsContext, key: string, send: () => Promise<T>): Promise<T> => {
  throwIfCancelled(context.signal);
  try {
    const result = await send();
    context.state.answered = true;
    return result;
  } catch (error) {
    if (isRefused(error, 404)) throw noBucket(context);
    throw translate(context, key, error);
  }
};

/** What a policy of the organization forbids is answered as a failed condition would be. */
export const isRefused = (error: unknown, status: number): boolean =>
  error instanceof GsRefusal && error.status === status && error.name !== 'orgPolicyConstraintFailed';

const noBucket = ({ url }: GsContext): Lc2Error =>
  new Lc2Error('STORE_NOT_FOUND', 'the bucket does not exist', { where: url });

/** The least that whoever may list can ask. */
export const askLeast = ({ calls, bucket, signal }: GsContext): Promise<GsAnswer> => {
  const query = { maxResults: '1', fields: 'nextPageToken' };
  return calls.ask({ method: 'GET', path: bucketPath(bucket), query }, signal);
};

/** The answer does not surely tell a missing object from a missing bucket: whoever may list, which all steps may, asks. */
export const missing = async (context: GsContext, key: string): Promise<Lc2Error> => {
  if (!context.state.answered) {
    try {
      await jsonOf(await askLeast(context));
      context.state.answered = true;
    } catch (error) {
      if (isRefused(error, 404)) return noBucket(context);
      if (!isRefused(error, 403)) return translate(context, key, error);
    }
  }
  return new Lc2Error('OBJECT_NOT_FOUND', 'there is no such object', { where: whereIs(context, key) });
};

/** What Google says of an object. */
export interface Resource {
  readonly name: string;
  readonly size: number;
  readonly generation: string;
  readonly crc32c: string | undefined;
  readonly info: Omit<ObjectInfo, 'key'>;
}

/** Of a resource, what listings need. */
export const listedFields = 'name,size,generation,timeCreated,updated,md5Hash,crc32c,etag,customerEncryption';
export const resourceFields = `${listedFields},contentType,metadata`;

export const resourceOf = (value: unknown): Resource | undefined => {
  if (typeof value !== 'object' || value === null) return undefined;
  const parts: Readonly<Record<string, unknown>> = { ...value };
  const text = (name: string): string | undefined => {
    const part = parts[name];
    return typeof part === 'string' && part !== '' ? part : undefined;
  };
  const [name, generation, time] = [text('name'), text('generation'), text('timeCreated') ?? text('updated')];
  // Of an empty object some servers leave the size out.
  const size = Number(parts['size'] ?? 0);
  const date = new Date(time ?? '');
  const isWhole = Number.isSafeInteger(size) && size >= 0 && !Number.isNaN(date.getTime());
  if (name === undefined || generation === undefined || !isWhole) return undefined;
  const crc32c = text('crc32c');
  const checksum = checksumOf(text('md5Hash'), crc32c ?? text('etag') ?? generation);
  const mtime = date.toISOString();
  const described = {
    ...describedOf(text('contentType'), parts['metadata']),
    ...(parts['customerEncryption'] !== undefined && { unreadable: 'customer-key' as const }),
  };
  return { name, size, generation, crc32c, info: { size, mtime, version: generation, checksum, ...described } };
};

const describedOf = (
  contentType: string | undefined,
  metadata: unknown,
): Pick<ObjectInfo, 'contentType' | 'metadata'> => ({
  ...(contentType !== undefined && { contentType }),
  ...(isMetadata(metadata) && { metadata }),
});

const isMetadata = (value: unknown): value is Record<string, string> =>
  typeof value === 'object' && value !== null && Object.values(value).every((item) => typeof item === 'string');

/** Composite objects have no md5; what else says what they hold is compared with itself only. */
const checksumOf = (md5: string | undefined, other: string): Checksum =>
  md5 === undefined
    ? { algorithm: 'etag', value: other }
    : { algorithm: 'md5', value: Buffer.from(md5, 'base64').toString('hex') };
