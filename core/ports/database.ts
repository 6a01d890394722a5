import type { DumpFormat } from '../manifest/manifest.ts';

/**
 * One database server seen through its engine's protocol and tools. One adapter per engine in steps/engines.
 * Errors are of the catalogue: DATABASE_*, DUMP_FAILED, LOAD_FAILED, TARGET_LACKS. No retries inside.
 */
export interface Database {
  /** Version, identity, clock and the databases that a backup would take. Fails early on what the flows cannot handle. */
  inspect(): Promise<ServerFacts>;

  /** Whether all is here that was in the engine's log up to this place, of this server or the one that it is a copy of. */
  reaches(position: string): Promise<boolean>;

  /**
   * Whether this user could make and restore backups here, or what a copy of the server would not have or do; every problem with
   * its code. Changes nothing.
   */
  problems(purpose: 'backup' | 'restore' | 'copy'): Promise<readonly Problem[]>;

  /**
   * Opens one consistent point per database at nearly the same time and keeps them open while `use` runs.
   * Holds a shared lock on the server that a restore would need exclusively.
   */
  withPoints<T>(databases: readonly string[], use: (points: readonly DatabasePoint[]) => Promise<T>): Promise<T>;

  /** The dump's bytes as stored (compressed). The stream throws unless every process of the pipeline ended well. */
  dump(point: DatabasePoint): AsyncIterable<Uint8Array>;

  /** Roles and other things of the whole server, for reference; without secrets. */
  globals(): AsyncIterable<Uint8Array>;

  /**
   * Reads a stored dump to its end and counts the rows of each table, by the restore tool or, of plain SQL, up to the mark
   * that the dump tool writes last. BACKUP_DAMAGED when it cannot.
   */
  readDump(stored: AsyncIterable<Uint8Array>, format: DumpFormat): Promise<RowCounts>;

  /** The dump of one table, or the whole, as plain SQL. */
  extract(
    stored: AsyncIterable<Uint8Array>,
    options: { readonly format: DumpFormat; readonly table?: string },
  ): AsyncIterable<Uint8Array>;

  /** What stands in the way of loading these databases here, and what a swap would do. Changes nothing. */
  previewLoad(orders: readonly LoadOrder[], restore: RestoreMark): Promise<LoadPreview>;

  /**
   * Loads one dump. In mode `swap` into the temporary name, otherwise into the target itself.
   * Removes what earlier, dead attempts of restores into this environment left. Holds the exclusive lock of the server.
   */
  load(order: LoadOrder, dump: StoredDump, restore: RestoreMark): Promise<LoadedDatabase>;

  /** Rows of each table as they are now, as the role that owns things there; and which tables a dump holds only in part. */
  countRows(database: string): Promise<{ readonly rows: RowCounts; readonly partial: readonly string[] }>;

  /**
   * Puts all loaded databases in place of the live ones in one transaction; returns what was replaced and kept.
   * Repeating it after it has happened changes nothing and returns the same.
   */
  commit(orders: readonly LoadOrder[], restore: RestoreMark): Promise<readonly PreviousDatabase[]>;

  /** Databases that earlier restores replaced and kept. */
  previous(): Promise<readonly PreviousDatabase[]>;
  /** Puts a kept database back in place; the one in place becomes the kept one. */
  swapBack(previous: PreviousDatabase, restore: RestoreMark): Promise<void>;
  dropPrevious(previous: PreviousDatabase): Promise<void>;

  /** Removes temporary databases of the given restore (or of every dead one of this environment). */
  sweep(environment: string, restoreId?: string): Promise<readonly string[]>;

  close(): Promise<void>;
}

export interface Problem {
  readonly code: string;
  readonly message: string;
  /** Warnings do not fail a check. */
  readonly severity: 'error' | 'warning';
}

export interface ServerFacts {
  readonly version: string;
  readonly major: number;
  readonly systemId?: string;
  readonly standby: boolean;
  readonly now: string;
  /** Place in the engine's log, where it has one, a moment before `now`. */
  readonly position?: string;
  readonly databases: readonly { readonly name: string; readonly bytes: number }[];
}

export interface DatabasePoint {
  readonly database: string;
  /** By the database's clock, ISO 8601. */
  readonly time: string;
  /** Place in the engine's log, where it has one. */
  readonly position?: string;
  /** Handle that the dump tool takes. */
  readonly snapshot: string;
  readonly properties: DatabaseProperties;
}

/** What a dump does not carry and a restore must give back. */
export interface DatabaseProperties {
  readonly owner: string;
  readonly encoding: string;
  readonly collate: string;
  readonly ctype: string;
  readonly localeProvider?: string | undefined;
  readonly locale?: string | undefined;
  /** Where new tables go, unless it is the server's default. */
  readonly tablespace?: string | undefined;
  readonly connectionLimit: number;
  readonly comment?: string | undefined;
  /** GRANTs on the database as `{grantee, privilege, grantable}`; undefined: the default. */
  readonly acl?: readonly Grant[] | undefined;
  /** ALTER DATABASE … SET and ALTER ROLE … IN DATABASE … SET. */
  readonly settings: readonly Setting[];
  readonly extensions: readonly { readonly name: string; readonly version: string }[];
  /** Roles that own or are granted something in the database. */
  readonly roles: readonly string[];
  readonly bytes: number;
}

export interface Grant {
  readonly grantee: string;
  readonly privilege: string;
  readonly grantable: boolean;
  /** Who granted it, where that is not the owner. */
  readonly grantor?: string | undefined;
}

export interface Setting {
  readonly role?: string | undefined;
  readonly name: string;
  readonly value: string;
}

/** Rows by table; the key is `schema.table`, with the parts quoted where SQL would need it. */
export type RowCounts = Readonly<Record<string, number>>;

export type DatabaseMode = 'swap' | 'in-place' | 'recreate';

export interface LoadOrder {
  /** Name in the backup. */
  readonly database: string;
  /** Name on the target. */
  readonly as: string;
  readonly mode: DatabaseMode;
  readonly properties: DatabaseProperties;
  readonly rows: RowCounts;
  /** Major version of the server that was dumped. */
  readonly major: number;
  /** Bytes of the stored dump. */
  readonly size: number;
  readonly format: DumpFormat;
  /** The target is the environment that was backed up: roles and grants come back as they were. */
  readonly sameEnvironment: boolean;
}

export interface StoredDump {
  /** The stored bytes, checked on their way. */
  readonly bytes: () => Promise<AsyncIterable<Uint8Array>>;
  /**
   * Another way in: somebody else fills the database of this name. `empty` makes it anew; who went on with the work of a dead
   * attempt does not call it. Not for mode in-place.
   */
  readonly fill?: (database: string, empty: () => Promise<void>) => Promise<void>;
}

export interface LoadedDatabase {
  /** The temporary database, or the target itself in mode in-place. */
  readonly name: string;
}

export interface RestoreMark {
  readonly restoreId: string;
  readonly environment: string;
  /** ISO 8601; after it a kept database may be dropped. */
  readonly keepUntil: string;
}

export interface LoadPreview {
  readonly problems: readonly Problem[];
  readonly sessions: readonly {
    readonly database: string;
    readonly user: string;
    readonly application: string;
    readonly count: number;
  }[];
  readonly databases: readonly {
    readonly database: string;
    readonly as: string;
    readonly exists: boolean;
    readonly temporary?: string;
    readonly previous?: string;
    readonly bytesNeeded: number;
  }[];
  readonly replicationSlots: readonly string[];
  readonly publications: readonly string[];
  readonly subscriptions: readonly string[];
}

export interface PreviousDatabase {
  readonly database: string;
  readonly previous: string;
  readonly restoreId: string;
  readonly keepUntil?: string;
  readonly bytes?: number;
}
