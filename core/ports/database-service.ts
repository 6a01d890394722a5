import type { Problem } from './database.ts';
import type { JobService } from './job-service.ts';

/**
 * Whoever runs a database server and can be asked for work. One adapter per service in steps/services.
 * A snapshot and a server are known by their description, an export and an import by their url. Snapshots and
 * servers are not given up: they stay for whoever goes on with the run, and are removed when nobody does.
 * Errors are of the catalogue: SERVICE_*, and what a job ended with: SNAPSHOT_FAILED, TEMPORARY_SERVER_FAILED,
 * NEW_SERVER_FAILED, EXPORT_FAILED, LOAD_FAILED.
 */
export interface DatabaseService extends JobService<ServiceJob> {
  /** Of services that copy snapshots to other regions. */
  readonly snapshotCopies?: SnapshotCopies;

  /**
   * What stands in the way of the jobs of a backup, or of this new server, found by looking only. SNAPSHOT_MISSING: nothing
   * is there that the service could make it of. NAME_TAKEN: a server has its name.
   */
  problems(wanted?: NewServerJob): Promise<readonly Problem[]>;

  /** Of services whose servers have each a certificate authority of their own: that of a new server, as PEM. */
  authorityOf?(newServer: string): Promise<string | undefined>;

  /**
   * Snapshots and temporary servers whose description starts so, unless they are being deleted. `prefix` is that of a run: the
   * first three words of its descriptions. `asked` is what was asked for there, for services that show nothing before it is made.
   */
  leftovers(prefix: string, asked?: readonly Asked[]): Promise<readonly Leftover[]>;

  /**
   * Asks to delete it (a new server only while it is this run's), with all that was made for it; what is gone is fine.
   * SERVICE_BUSY while it cannot be deleted yet. Of a server nothing is kept, no last snapshot either.
   */
  remove(made: Pick<Leftover, 'id'> & { readonly kind: Leftover['kind'] | 'new-server' }): Promise<void>;
}

export type ServiceJob =
  | { readonly kind: 'snapshot'; readonly description: string }
  | {
      /** A server with the data of the run's snapshot; or as of the point's time, for services that know times only. */
      readonly kind: 'temporary-server';
      readonly description: string;
      readonly point: { readonly time: string; readonly snapshotId?: string | undefined };
      /** ISO 8601. It costs money: one that does not accept connections by then has failed. */
      readonly until: string;
    }
  | NewServerJob
  | { readonly kind: 'export'; readonly database: string; readonly url: string }
  | {
      readonly kind: 'import';
      readonly database: string;
      readonly url: string;
      /** Handles of earlier imports of the same, which failed. */
      readonly ignore: readonly string[];
    };

/** Copies are not given up either: whoever repeats the step goes on with the same. There is one of a snapshot in a region. */
export interface SnapshotCopies extends JobService<SnapshotCopyJob> {
  /** Asks to delete it, made or not; what is gone is fine. */
  remove(copy: Pick<SnapshotCopyJob, 'region' | 'snapshotId'>): Promise<void>;
}

/** A copy in another region, known by what it is of. Ends with SNAPSHOT_FAILED; a repetition makes it anew. */
export interface SnapshotCopyJob {
  readonly kind: 'snapshot-copy';
  readonly region: string;
  /** Of the snapshot, which is made. */
  readonly snapshotId: string;
  /** For whoever looks at the bill. */
  readonly description: string;
  /** ISO 8601: nobody waits for longer. */
  readonly until: string;
}

/** A server that stays: with the data of the snapshot, or as of the time. Whatever has its name already is not touched: NAME_TAKEN. */
export interface NewServerJob {
  readonly kind: 'new-server';
  /** The same, however often a run asks: of its words the last is the name. */
  readonly description: string;
  readonly name: string;
  readonly point: { readonly time: string; readonly snapshotId?: string | undefined };
  /** ISO 8601. One that does not accept connections by then has failed. */
  readonly until: string;
}

export interface Asked {
  readonly job: Extract<ServiceJob, { kind: 'snapshot' | 'temporary-server' }>;
  /** Of `start`, where whoever asked lived to write it down. */
  readonly handle: string | undefined;
}

export interface Leftover {
  readonly kind: 'snapshot' | 'temporary-server';
  readonly id: string;
  readonly description: string;
  /** `running`: it is not made yet, and cannot be deleted before. */
  readonly state: 'running' | 'done' | 'failed';
}
