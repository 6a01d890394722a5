import type { JobService } from './job-service.ts';

/**
 * Copies many objects of one bucket into another. It copies what a list names, in the versions that the list names, each under
 * the same key, with content type and metadata; it writes over nothing and deletes nothing. An object that is gone or has
 * changed is left out and no failure: whoever asked lists the sink and knows. Jobs that fail end with TRANSFER_FAILED.
 */
export interface TransferService extends JobService<TransferJob> {
  /** Throws where the service cannot be asked. Changes nothing. */
  probe(): Promise<void>;
}

export interface TransferJob {
  readonly kind: 'transfer';
  /** Of this job for ever: a name is never used again. */
  readonly name: string;
  readonly source: BucketPath;
  readonly sink: BucketPath;
  /** Url of the list: `key,version` lines of CSV, keys below the source. */
  readonly list: string;
  /** What the list names, and what the service's own counters must say. */
  readonly count: number;
  readonly bytes: number;
}

export interface BucketPath {
  readonly bucket: string;
  /** Empty or with a final slash. */
  readonly path: string;
}
