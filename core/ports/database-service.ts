import type { Problem } from './database.ts';
import type { JobService } from './job-service.ts';

/**
 * Whoever runs a database server and can be asked for work. One adapter per service in steps/services.
 * A snapshot is known by its description, an export and an import by their url.
 * Errors are of the catalogue: SERVICE_*, and what a job ended with: SNAPSHOT_FAILED, EXPORT_FAILED, LOAD_FAILED.
 */
export interface DatabaseService extends JobService<ServiceJob> {
  /** What stands in the way of the jobs, found by looking only. */
  problems(): Promise<readonly Problem[]>;

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

export interface ServiceSnapshot {
  readonly id: string;
  readonly description: string;
  readonly state: 'running' | 'done' | 'failed';
}
