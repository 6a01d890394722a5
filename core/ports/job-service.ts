/**
 * Whoever does work by itself once it has taken it: no byte of it passes through us. We ask, look and may forget.
 * A job is known by what it is, so it is found again when an answer was lost or whoever had asked for it died, and is never
 * asked for twice. Errors are of the catalogue: SERVICE_*, and what a job ended with.
 */
export interface JobService<Job> {
  /**
   * Asks for the work; returns the handle under which `wait` finds it. SERVICE_BUSY when the service works on something else,
   * SERVICE_FAILED when nobody knows whether it was taken: `find` tells.
   */
  start(job: Job): Promise<string>;

  /** The handle of the same job, asked for by whomever: one that succeeded, else one that runs, else the newest that failed. */
  find(job: Job): Promise<string | undefined>;

  /** Ends with the result, or with the error of a job that failed. Reports from 0 to 1 how far it is, where the service tells. */
  wait(job: Job, handle: string, report?: (fraction: number) => void): Promise<JobResult>;

  /**
   * Asks the service to give the job up, where it can; nothing for one that has ended. Says whether it has: until then it may still
   * finish its work, and can be asked again.
   */
  cancel(handle: string): Promise<boolean>;
}

export interface JobResult {
  /** Of a snapshot and of a server its id, else the handle. */
  readonly id: string;
  /** Of a snapshot where it is kept, if the service says. */
  readonly location?: string;
  /** Where a server that was made is reached; users, passwords and databases are those of the snapshot. */
  readonly server?: ServerAddress;
}

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}
