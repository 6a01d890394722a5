/**
 * The error catalogue: the only errors that cross a port or end a step.
 * A message says what failed and where; the remedy says what to do. Codes are API: they appear in status reasons,
 * termination logs and scripts.
 */

/** Who can mend it: `user` (input), `retry` (time), `terminal` (nobody, by repeating), `cancelled`, `bug` (us). */
export type ErrorKind = 'user' | 'retry' | 'terminal' | 'cancelled' | 'bug';

/** Exit status of a step or of the CLI, by kind. 2-13 belong to Node, 64 and 65 to Argo, 126-130 and 137 to the system. */
export const exitStatus = {
  bug: 1,
  terminal: 70,
  retry: 75,
  user: 78,
  cancelled: 143,
} as const satisfies Record<ErrorKind, number>;

export const catalogue = {
  BUG: { kind: 'bug', remedy: 'this is a defect of lc2-backup: report it with the log of the step' },
  CANCELLED: { kind: 'cancelled', remedy: 'start it again when you want it to run' },
  USAGE: { kind: 'user', remedy: 'see lc2-backup --help' },

  INPUT_INVALID: { kind: 'user', remedy: 'correct the named field' },
  YAML_INVALID: { kind: 'user', remedy: 'correct the file; one document per object, no duplicate keys, no anchors' },
  ENVIRONMENT_NOT_FOUND: { kind: 'user', remedy: 'name an existing BackupEnvironment of this namespace or file' },
  ENVIRONMENT_INVALID: { kind: 'user', remedy: 'correct the named field of the BackupEnvironment' },
  COMPONENT_UNKNOWN: { kind: 'user', remedy: 'name `database` or an object store of the environment' },
  NOTHING_SELECTED: { kind: 'user', remedy: 'select at least one component that the environment has' },
  FILE_LOCATION_ON_CLUSTER: { kind: 'user', remedy: 'use an object store; file:// works with the local runner only' },
  SECRET_MISSING: { kind: 'user', remedy: 'create the Secret with the named keys in the namespace of the environment' },

  DATABASE_UNREACHABLE: { kind: 'user', remedy: 'check host, port, DNS and network policies' },
  DATABASE_LOGIN_FAILED: { kind: 'user', remedy: 'check username and password in the Secret' },
  DATABASE_TLS_FAILED: { kind: 'user', remedy: 'check tls.mode and put the right CA in ca.crt of the Secret' },
  DATABASE_NOT_FOUND: { kind: 'user', remedy: 'check the databases of the environment' },
  DATABASE_NAME_UNSUPPORTED: { kind: 'user', remedy: 'rename the database or list it in ignoreDatabases' },
  DATABASE_VERSION_UNSUPPORTED: {
    kind: 'user',
    remedy: 'use an image whose client tools are at least as new as the server',
  },
  DATABASE_IS_POOLER: { kind: 'user', remedy: 'connect to PostgreSQL itself, not through PgBouncer' },
  DATABASE_STANDBY: { kind: 'user', remedy: 'turn on hot_standby_feedback or name the primary' },
  DATABASE_PRIVILEGE: { kind: 'user', remedy: 'grant the named privilege to the user of the Secret' },
  COPY_UNFIT: { kind: 'user', remedy: 'dump the live server (`dumpFrom: live`), or change what is named' },
  DATABASE_BUSY: { kind: 'retry', remedy: 'wait for the other backup or restore of this server to end' },
  DATABASE_FAILED: { kind: 'retry', remedy: 'see the message of the server' },
  DUMP_FAILED: { kind: 'terminal', remedy: 'see the message of the tool' },
  LOAD_FAILED: { kind: 'terminal', remedy: 'see the message of the tool; the live database was not changed' },
  TARGET_LACKS: { kind: 'user', remedy: 'install or create what is named on the target server, then run it again' },
  TARGET_BUSY: { kind: 'user', remedy: 'wait for the backup or restore that runs there to end, then start it again' },
  TOOL_MISSING: { kind: 'user', remedy: 'install the named program or use the tool image' },

  SERVICE_UNREACHABLE: { kind: 'user', remedy: 'check endpoint, DNS and network policies of the cloud’s API' },
  SERVICE_DENIED: { kind: 'user', remedy: 'grant the named permission to the account that the step runs as' },
  SERVICE_NOT_FOUND: { kind: 'user', remedy: 'check project or region, and instance, of the environment' },
  SERVICE_NOT_READY: { kind: 'user', remedy: 'bring the instance into its normal state, or name the primary' },
  SERVICE_BUSY: { kind: 'retry', remedy: 'wait for the other operation on this instance to end' },
  SERVICE_FAILED: { kind: 'retry', remedy: 'see the message of the cloud' },
  SERVICE_INTERRUPTED: { kind: 'retry', remedy: 'the cloud lost its own work: it is asked for again' },
  SERVICE_REFUSED: { kind: 'user', remedy: 'correct what the cloud names' },
  SERVICE_QUOTA: { kind: 'user', remedy: 'raise the named quota of the account, or delete what nobody needs' },
  SNAPSHOT_FAILED: { kind: 'terminal', remedy: 'see the message of the cloud' },
  TEMPORARY_SERVER_FAILED: { kind: 'terminal', remedy: 'see the message of the cloud' },
  NEW_SERVER_FAILED: { kind: 'terminal', remedy: 'see the message of the cloud; the live server was not changed' },
  EXPORT_FAILED: { kind: 'terminal', remedy: 'see the message of the cloud' },
  TRANSFER_FAILED: { kind: 'terminal', remedy: 'see the message of the cloud' },

  STORE_UNREACHABLE: { kind: 'user', remedy: 'check endpoint, DNS and network policies' },
  STORE_DENIED: { kind: 'user', remedy: 'check the credentials and the policy of the bucket or folder' },
  STORE_NOT_FOUND: { kind: 'user', remedy: 'create the bucket or folder, or correct the url' },
  STORE_TLS_FAILED: { kind: 'user', remedy: 'put the right CA in ca.crt of the Secret' },
  STORE_FULL: { kind: 'terminal', remedy: 'free space or raise the quota' },
  STORE_FAILED: { kind: 'retry', remedy: 'see the message of the store' },
  OBJECT_NOT_FOUND: { kind: 'terminal', remedy: 'the object is gone: run `lc2-backup verify` on the backup' },
  OBJECT_EXISTS: { kind: 'terminal', remedy: 'nothing sealed is written twice: choose another key' },
  OBJECT_CHANGED: { kind: 'retry', remedy: 'the object changed while it was read: it is copied again' },
  OBJECT_UNREADABLE: {
    kind: 'user',
    remedy: 'take the object out of its archive, or write it anew without a key of your own, or exclude it',
  },
  KEY_UNSUPPORTED: {
    kind: 'user',
    remedy: 'restore into a store that can hold the named key, or leave it out by prefix',
  },
  OBJECT_LOCKED: { kind: 'user', remedy: 'wait until the lock has ended: nobody can delete it before' },
  LOCK_UNAVAILABLE: {
    kind: 'user',
    remedy: 'use a bucket that was made with object lock, or remove storage.immutability',
  },
  VERSIONS_UNAVAILABLE: {
    kind: 'user',
    remedy: 'let the bucket keep versions, or remove versions from the object store',
  },
  LOCK_MISSING: {
    kind: 'terminal',
    remedy: 'somebody has lifted the lock, or it was never set: lock what is named with the tool of the cloud',
  },
  COPY_INCOMPLETE: { kind: 'retry', remedy: 'run it again; finished objects are not copied twice' },

  COPY_DAMAGED: { kind: 'terminal', remedy: 'look at that place: it does not hold what was written there' },

  BACKUP_ID_TAKEN: { kind: 'user', remedy: 'start the backup again: ids have a resolution of one second' },
  BACKUP_NOT_FOUND: { kind: 'user', remedy: 'see `lc2-backup list`' },
  BACKUP_REFERENCED: { kind: 'user', remedy: 'delete the named newer backups first: they use objects of this one' },
  STORAGE_OWNED: {
    kind: 'user',
    remedy: 'choose another storage path, or set storage.adopt: true to take this one over',
  },
  RUN_MISSING: { kind: 'terminal', remedy: 'an earlier step of this run did not claim its backup: start a new backup' },
  MANIFEST_INVALID: { kind: 'terminal', remedy: 'restore another backup; this one was changed or damaged' },
  MANIFEST_VERSION: { kind: 'user', remedy: 'use a version of lc2-backup that knows this manifest version' },
  BACKUP_DAMAGED: { kind: 'terminal', remedy: 'restore another backup; `lc2-backup verify` lists what is damaged' },
  SNAPSHOT_MISSING: { kind: 'user', remedy: 'restore the dumps of this backup: databaseMode: swap' },
  BACKUP_OF_OTHER_ENVIRONMENT: { kind: 'user', remedy: 'name the environment that made the backup as source' },
  VERIFICATION_FAILED: {
    kind: 'terminal',
    remedy: 'start a new backup, with full: true when an earlier backup is damaged',
  },
  RESTORE_NOT_ALLOWED: { kind: 'user', remedy: 'an admin sets restore.allowed: true on the target environment' },
  RESTORE_NOT_CONFIRMED: { kind: 'user', remedy: 'set confirm to the name of the environment that is overwritten' },
  RESTORE_DIFFERS: { kind: 'terminal', remedy: 'see the named table or key; the previous database was kept' },
  NAME_TAKEN: { kind: 'user', remedy: 'choose another name, or drop or rename what stands in the way' },
  CLOCK_SKEW: { kind: 'user', remedy: 'synchronise the clocks of this host, the database server and the store' },
  SPACE_LOW: { kind: 'user', remedy: 'free the named space on the target' },
  STEP_FAILED: { kind: 'terminal', remedy: 'see the log of the step' },
  RESULT_LOST: { kind: 'terminal', remedy: 'run `lc2-backup list` to see whether the backup was sealed' },
} as const satisfies Record<string, { kind: ErrorKind; remedy: string }>;

export type ErrorCode = keyof typeof catalogue;

export interface ErrorDetails {
  /** Field path, url, host:port, database or key. Never a secret. */
  readonly where?: string;
  /** Replaces the remedy of the catalogue where a better one is known. */
  readonly remedy?: string;
  readonly cause?: unknown;
}

/** An error with a code of the catalogue. Its message is one line: what, where, what to do. */
export class Lc2Error extends Error {
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  readonly what: string;
  readonly where: string | undefined;
  readonly remedy: string;

  constructor(code: ErrorCode, what: string, details: ErrorDetails = {}) {
    const remedy = details.remedy ?? catalogue[code].remedy;
    const place = details.where === undefined ? '' : ` (${details.where})`;
    super(oneLine(`${what}${place}; ${remedy}`), details.cause === undefined ? {} : { cause: details.cause });
    this.name = 'Lc2Error';
    this.code = code;
    this.kind = catalogue[code].kind;
    this.what = what;
    this.where = details.where;
    this.remedy = remedy;
  }
}

export const hasCode = (error: unknown, ...codes: readonly ErrorCode[]): error is Lc2Error =>
  error instanceof Lc2Error && codes.includes(error.code);

/** Whatever was thrown, as an error of the catalogue: what we did not foresee is a BUG and keeps its cause. */
export const ensureLc2Error = (error: unknown): Lc2Error => {
  if (error instanceof Lc2Error) return error;
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new Lc2Error('BUG', text, { cause: error });
};

const outages = {
  DATABASE_UNREACHABLE: 'DATABASE_FAILED',
  SERVICE_UNREACHABLE: 'SERVICE_FAILED',
  STORE_UNREACHABLE: 'STORE_FAILED',
} as const satisfies Partial<Record<ErrorCode, ErrorCode>>;

const isOutage = (code: ErrorCode): code is keyof typeof outages => Object.hasOwn(outages, code);

/** What was reached before is there: that it cannot be reached now will pass, and is tried again. */
export const asOutage = (error: Lc2Error): Lc2Error => {
  const { code, what, where } = error;
  if (!isOutage(code)) return error;
  return new Lc2Error(outages[code], what, { ...(where === undefined ? {} : { where }), cause: error });
};

/** The line of termination logs, conditions and terminals. */
export const errorLine = (error: Lc2Error): string => `${error.code}: ${error.message}`;

/** Controls would steer a terminal or forge lines of a log, marks of direction would hide what is meant. */
const controls = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Such characters in names and messages are shown escaped. */
export const oneLine = (text: string): string =>
  text.replaceAll(new RegExp(`${controls.source}+`, 'g'), (run) =>
    /^\s+$/.test(run) ? ' ' : run.replaceAll(/./gs, escaped),
  );

/** Text of several lines for a terminal, or JSON: nothing in it can steer a terminal, and JSON means what it meant. */
export const printable = (text: string): string =>
  text.replaceAll(controls, (character) => (character === '\n' ? character : escaped(character)));
