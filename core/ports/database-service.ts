import type { Problem } from './database.ts';

/**
 * Whoever runs a database server and can be asked for work that no byte of which passes through us. One adapter per service
 * in steps/services. The service does the work by itself once it has taken it; we ask, look and may forget.
 *
 * A job is known by what it is: a snapshot by its description, an export and an import by their url. So it is found again
 * when an answer was lost or whoever had asked for it died, and is never asked for twice.
 * Errors are of the catalogue: SERVICE_*, and what a job ended with: SNAPSHOT_FAILED, EXPORT_FAILED, LOAD_FAILED.
 */
export interface DatabaseService {
  /** What stands in the way of the jobs, found by looking only. */
  problems(): Promise<readonly Problem[]>;

  /**
   * Asks for the work; returns the handle under which `wait` finds it. SERVICE_BUSY when the service works on something else,
   * SERVICE_FAILED when nobody knows whether it was taken: `find` tells.
   */
  start(job: ServiceJob): Promise<string>;

  /** The handle of the same job, asked for by whomever: one that succeeded, else one that runs, else the newest that failed. */
  find(job: ServiceJob): Promise<string | undefined>;

  /** Ends with the result, or with the error of a job that failed. Says roughly how far it is, where the service tells. */
  wait(job: ServiceJob, handle: string): Promise<ServiceResult>;

  /** Asks the service to give the job up, where it can; nothing for one that has ended. */
  cancel(handle: string): Promise<void>;

  /** Snapshots whose description starts so. */
  snapshots(prefix: string): Promise<readonly ServiceSnapshot[]>;

  /** Deletes a snapshot; one that is gone is fine. */
  removeSnapshot(id: string): Promise<void>;
}

export type ServiceJob =
  | { readonly kind: 'snapshot'; readonly description: string }
  | { readonly kind: 'export'; readonly database: string; readonly url: string }
  | {
      readonly kind: 'import';
      readonly database: string;
      readonly url: string;
      /** Handles of earlier imports of the same, which failed. */
      readonly ignore: readonly string[];
    };

export interface ServiceResult {
  /** Of a snapshot its id, else the handle. */
  readonly id: string;
}

export interface ServiceSnapshot {
  readonly id: string;
  readonly description: string;
  readonly state: 'running' | 'done' | 'failed';
}
