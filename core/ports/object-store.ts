/**
 * A place that holds objects by key: a bucket, a folder. One adapter per store in steps/stores; the shared contract
 * suite in test/contract is what these sentences mean.
 *
 * Keys are relative to the location's prefix, never start with `/`, and are opaque bytes of UTF-8: an adapter neither
 * cleans nor joins them. A key it cannot hold exactly is refused by `holds`, and by `put` with KEY_UNSUPPORTED.
 * Adapters do not retry beyond what their SDK does by itself. All calls end with CANCELLED when the signal given at
 * opening fires. Errors are of the catalogue: STORE_* and OBJECT_*.
 */
export interface ObjectStore {
  /** The location's url, without credentials. */
  readonly url: string;
  readonly capabilities: StoreCapabilities;
  /** Absent where nothing can keep a writer from deleting. */
  readonly locks?: ObjectLocks;
  /** Absent where no versions are kept, or nobody tells when one was replaced. */
  readonly past?: ObjectPast;

  /** Whether an object of this key can exist here, byte for byte under its own name. Static: looks at the key alone. */
  holds(key: string): boolean;

  /**
   * Every object whose key starts with `prefix`, in ascending order of the UTF-8 bytes of the key, after `startAfter`.
   * Complete or an error: a listing that was cut short throws. Memory does not grow with the number of objects
   * (a folder's names may be held one level at a time).
   *
   * `cuts`: keys in ascending order, thousands of objects apart, where a long listing may be cut to be read faster. They
   * change nothing in what comes, whatever they are.
   */
  list(options?: ListOptions): AsyncIterable<ObjectInfo>;

  /** The object as it is now, with metadata; undefined when there is none. */
  head(key: string): Promise<ObjectInfo | undefined>;

  /**
   * The bytes. `version` makes the read conditional: OBJECT_CHANGED when the object is no longer that version, also
   * when it changes while it is read. OBJECT_NOT_FOUND when there is none. A body shorter than announced throws.
   */
  get(key: string, options?: { readonly version?: string; readonly range?: ByteRange }): Promise<ObjectBody>;

  /**
   * Writes the whole object or nothing: a reader sees the old bytes or the new ones, also when the writer is killed.
   * `createOnly` fails with OBJECT_EXISTS when the key is taken, decided by the store and not by looking first.
   * A body that throws leaves no object and no open upload.
   */
  put(key: string, body: Uint8Array | AsyncIterable<Uint8Array>, options?: PutOptions): Promise<ObjectInfo>;

  /**
   * Deletes; a key without object is fine. An error names the first key that could not be deleted: OBJECT_LOCKED where a lock
   * is the reason. A store that keeps versions hides a locked one instead, and refuses nothing.
   */
  delete(keys: readonly string[]): Promise<void>;

  /** Ends uploads below `prefix` that nobody finished, and temporary files; returns how many. */
  abortUploads(prefix: string): Promise<number>;

  /** What the store's own clock says, as ISO 8601; up to a second slow. Only comparable with times of this store. */
  time(): Promise<string>;

  close(): Promise<void>;
}

export interface ListOptions {
  readonly prefix?: string;
  readonly startAfter?: string;
  readonly cuts?: Iterable<string>;
}

/** A store that keeps what was deleted or written over. */
export interface ObjectPast {
  /** Whether this place keeps versions as it is set up: VERSIONS_UNAVAILABLE with what it lacks. Changes nothing. */
  probe(): Promise<void>;
  /**
   * The store as it was: of each key the newest version that was current at any moment of the span, although it is not now.
   * `list`, `head` and `get` know no others. OBJECT_NOT_FOUND where a version has expired meanwhile. Not for writing.
   */
  at(span: TimeSpan): ObjectStore;
}

/** ISO 8601 by the store's clock, both ends included. */
export interface TimeSpan {
  readonly from: string;
  readonly until: string;
}

/** Keeps objects from everybody, their writer included. A lock is of the version that stands under the key. */
export interface ObjectLocks {
  /** Whether this place can hold locks as it is set up: LOCK_UNAVAILABLE with what it lacks. Changes nothing. */
  probe(): Promise<void>;
  /**
   * From now on nobody can delete this version or write over it before the lock ends. What is locked for longer or in the
   * stronger mode stays so: a lock is extended, never shortened. OBJECT_NOT_FOUND when there is none.
   */
  extend(key: string, lock: Lock): Promise<void>;
  /** The lock of the object as it is, also one that has ended; undefined when it has none, or there is no object. */
  read(key: string): Promise<Lock | undefined>;
}

export interface Lock {
  /** ISO 8601 in UTC, of a whole second. */
  readonly until: string;
  /** `governance` can be lifted by whoever has the permission for that, `compliance` by nobody. */
  readonly mode: 'governance' | 'compliance';
}

export interface StoreCapabilities {
  /** What `abortUploads` ends is surely ours: it may be called in places where others write too. */
  readonly ownUploads: boolean;
  /** `list` carries a checksum of the content. */
  readonly contentChecksums: boolean;
  /** Content type and user metadata are kept. */
  readonly metadata: boolean;
  /** Names of metadata that are kept; undefined: all. Others are left out, and preview says so. */
  readonly metadataNames?: RegExp;
}

export interface Checksum {
  /** `md5` is of the content; `etag` is opaque and only comparable with itself. */
  readonly algorithm: 'md5' | 'etag';
  readonly value: string;
}

export interface ObjectInfo {
  readonly key: string;
  readonly size: number;
  /** ISO 8601, by the store's clock. */
  readonly mtime: string;
  readonly checksum?: Checksum;
  /** Changes whenever the content does; opaque. Accepted by `get`. */
  readonly version: string;
  /** Where it is not the usual one: what a copy within the store must be told to keep. Not of every store. */
  readonly storageClass?: string;
  /**
   * Nobody can read it as it is, and `get` ends with OBJECT_UNREADABLE. `list` tells what the store tells there; `head` knows
   * better of archives, whose objects may be taken out for some days.
   */
  readonly unreadable?: 'archived' | 'customer-key';
  /** From `head` only. */
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** First and last byte, both included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

export interface ObjectBody {
  readonly info: ObjectInfo;
  readonly bytes: AsyncIterable<Uint8Array>;
}

export interface PutOptions {
  readonly createOnly?: boolean;
  /** Known length; lets the adapter choose one request. A body of another length throws. */
  readonly size?: number;
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}
