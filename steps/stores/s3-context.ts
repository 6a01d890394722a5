import type { Checksum } from '../../core/ports/object-store.ts';
import type { ByteBudget } from './byte-budget.ts';
import { throwIfCancelled } from './bodies.ts';
import type { S3Calls } from './s3-calls.ts';
import { s3Error } from './s3-errors.ts';
import type { StoreTuning } from './store-options.ts';

/** What the calls of one opened store share. */
export interface S3Context {
  readonly calls: S3Calls;
  readonly bucket: string;
  /** Empty or with a final slash. */
  readonly prefix: string;
  readonly url: string;
  readonly signal: AbortSignal;
  readonly secrets: Readonly<Record<string, string>>;
  readonly tuning: StoreTuning;
  readonly budget: ByteBudget;
  readonly state: S3State;
}

export interface S3State {
  /** The store answered some call: it is there, and an outage from now on will pass. */
  answered: boolean;
  /** ETags of plain uploads are not the md5 of the content: the bucket encrypts with keys of its own. Undefined: not known yet. */
  etagsAreOpaque: boolean | undefined;
  /** Objects that were asked for it in vain. */
  failedProbes: number;
}

export const whereIs = (context: S3Context, key: string): string => `${context.url}/${key}`;

/** One call of the SDK, with its failure translated. */
export const call = async <T>(context: S3Context, key: string, send: () => Promise<T>): Promise<T> => {
  throwIfCancelled(context.signal);
  try {
    const result = await send();
    context.state.answered = true;
    return result;
  } catch (error) {
    throw translate(context, key, error);
  }
};

export const translate = (context: S3Context, key: string, error: unknown) => {
  const { signal, secrets, state } = context;
  const translated = s3Error(error, { where: whereIs(context, key), signal, secrets, answered: state.answered });
  return translated;
};

interface Encryption {
  readonly ServerSideEncryption?: string | undefined;
  readonly SSECustomerAlgorithm?: string | undefined;
}

export const isOpaque = ({ ServerSideEncryption, SSECustomerAlgorithm }: Encryption): boolean =>
  (ServerSideEncryption ?? '').startsWith('aws:kms') || SSECustomerAlgorithm !== undefined;

/** Without the quotes. */
export const versionOfEtag = (etag: string): string =>
  etag.length > 1 && etag.startsWith('"') && etag.endsWith('"') ? etag.slice(1, -1) : etag;

export const checksumOf = (etag: string, opaque: boolean): Checksum => {
  const value = versionOfEtag(etag);
  return /^[0-9a-f]{32}$/.test(value) && !opaque ? { algorithm: 'md5', value } : { algorithm: 'etag', value };
};
