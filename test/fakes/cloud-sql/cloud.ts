// The cloud behind the interface: takes work, does one thing at a time on each instance, and remembers.
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { type ApiWeather, fairApiWeather, Refusal } from '../google/google-api.ts';
import {
  backupName,
  type FakeBackup,
  type FakeInstance,
  type FakeOperation,
  isBlocked,
  type OperationError,
} from './instances.ts';
import { exportDatabase, importDatabase, OperationFailure, restoreBackup, takeBackup, type WorkPlace } from './work.ts';

/** What goes wrong; changed by tests at any time. */
export interface Weather extends ApiWeather {
  /** Milliseconds that an operation waits before it works. */
  slow: number;
  /** Operations neither begin nor end while it is true. */
  held: boolean;
  /** Ends of the next operations of a type, in place of their work. */
  failures: { readonly operationType: string; readonly error: OperationError }[];
  /** To give work up is taken, and comes too late. */
  late: boolean;
  /** Where the cloud keeps backups whatever is asked for. */
  misplaced: string | undefined;
  /** Service accounts that may not use a bucket, as `account bucket`. */
  forbidden: Set<string>;
}

export const fairWeather = (): Weather => ({
  slow: 0,
  held: false,
  failures: [],
  late: false,
  misplaced: undefined,
  forbidden: new Set(),
  ...fairApiWeather(),
});

export interface Counts {
  /** Work that was really begun, by type. */
  readonly begun: Readonly<Record<string, number>>;
  /** Work that was done, without error. */
  readonly done: Readonly<Record<string, number>>;
  readonly backups: number;
}

export interface Cloud {
  readonly weather: Weather;
  readonly instances: readonly FakeInstance[];
  readonly operations: readonly FakeOperation[];
  readonly backups: readonly FakeBackup[];
  counts(): Counts;
  instance(project: string, name: string): FakeInstance;
  submit(order: Order): FakeOperation;
  createBackup(instance: FakeInstance, wish: BackupWish): FakeOperation;
  deleteBackup(name: string): FakeOperation;
  backup(name: string): FakeBackup;
  cancel(operation: FakeOperation): void;
  /** Nothing goes on after it. */
  end(): Promise<void>;
}

export type Order = { readonly instance: FakeInstance } & (
  | {
      readonly type: 'EXPORT';
      readonly context: Readonly<Record<string, unknown>>;
      readonly database: string;
      readonly uri: string;
    }
  | {
      readonly type: 'IMPORT';
      readonly context: Readonly<Record<string, unknown>>;
      readonly database: string;
      readonly uri: string;
      readonly user: string | undefined;
    }
  | { readonly type: 'RESTORE_VOLUME'; readonly backup: FakeBackup }
);

export interface BackupWish {
  readonly description: string | undefined;
  readonly location: string | undefined;
  readonly ttlDays: number | undefined;
}

const day = 86_400_000;

/** Of Google, as many as tests want. */
const locations = new Set(['asia', 'eu', 'us', 'europe-west1', 'europe-west4']);

export const createCloud = (instances: readonly FakeInstance[], buckets: string): Cloud => {
  const weather = fairWeather();
  const operations: FakeOperation[] = [];
  let backups: FakeBackup[] = [];
  const works = new Set<Promise<void>>();
  const begun: Record<string, number> = {};
  const done: Record<string, number> = {};
  const over = new AbortController();

  const assertFree = (instance: FakeInstance, wanted: Pick<FakeOperation, 'exportContext'>): void => {
    if (instance.state === 'MAINTENANCE' || instance.state === 'SUSPENDED' || instance.activationPolicy === 'NEVER') {
      const message = 'The instance or operation is not in an appropriate state to handle the request.';
      throw new Refusal(409, 'invalidState', message);
    }
    const running = operations.filter((each) => each.instance === instance && each.status !== 'DONE');
    if (!isBlocked(running, wanted)) return;
    const message = 'Operation failed because another operation was already in progress.';
    throw new Refusal(409, 'operationInProgress', message);
  };

  type Parts = Pick<FakeOperation, 'exportContext' | 'importContext' | 'backupContext'>;
  const begin = (
    instance: FakeInstance,
    operationType: string,
    parts: Parts,
    work: (place: WorkPlace) => Promise<void>,
  ): FakeOperation => {
    assertFree(instance, parts);
    const operation: FakeOperation = {
      name: randomUUID(),
      instance,
      operationType,
      insertTime: new Date().toISOString(),
      status: 'PENDING',
      cancels: 0,
      abort: new AbortController(),
      ...parts,
    };
    operations.unshift(operation);
    const running = run(operation, work).finally(() => works.delete(running));
    works.add(running);
    return operation;
  };

  const run = async (operation: FakeOperation, work: (place: WorkPlace) => Promise<void>): Promise<void> => {
    const signal = AbortSignal.any([operation.abort.signal, over.signal]);
    const { instance, operationType } = operation;
    try {
      await pause(10, undefined, { signal });
      operation.status = 'RUNNING';
      operation.startTime = new Date().toISOString();
      await pause(weather.slow, undefined, { signal });
      while (weather.held) await pause(20, undefined, { signal });
      const index = weather.failures.findIndex((each) => each.operationType === operationType);
      const [failure] = index === -1 ? [] : weather.failures.splice(index, 1);
      if (failure) throw new OperationFailure(failure.error.code, failure.error.message);
      begun[operationType] = (begun[operationType] ?? 0) + 1;
      const mayUse = (account: string, bucket: string): boolean => !weather.forbidden.has(`${account} ${bucket}`);
      await work({ instance, buckets, mayUse, signal });
      done[operationType] = (done[operationType] ?? 0) + 1;
    } catch (error) {
      operation.errors = [
        signal.aborted
          ? { code: 'CANCELLED', message: 'The operation was cancelled.' }
          : error instanceof OperationFailure
            ? error.error
            : { code: 'INTERNAL_ERROR', message: String(error) },
      ];
    }
    operation.endTime = new Date().toISOString();
    operation.status = 'DONE';
  };

  const living = (): FakeBackup[] => {
    backups = backups.filter(({ expires }) => expires === undefined || expires.getTime() > Date.now());
    return backups;
  };

  const find = (name: string): FakeBackup => {
    const found = living().find((each) => each.name === name);
    if (!found) throw new Refusal(404, 'notFound', `The backup ${name} does not exist.`);
    return found;
  };

  return {
    weather,
    instances,
    operations,
    get backups() {
      return living();
    },
    counts: () => ({ begun: { ...begun }, done: { ...done }, backups: living().length }),
    instance: (project, name) => {
      const found = instances.find((each) => each.project === project && each.name === name);
      if (found) return found;
      // Who asks must not learn what there is: Google says so too.
      if (!instances.some((each) => each.project === project))
        throw new Refusal(403, 'notAuthorized', 'The client is not authorized to make this request.');
      throw new Refusal(404, 'instanceDoesNotExist', 'The Cloud SQL instance does not exist.');
    },
    submit: (order) => {
      const { instance } = order;
      if (order.type === 'EXPORT')
        return begin(instance, 'EXPORT', { exportContext: order.context }, (place) =>
          exportDatabase(place, order.database, order.uri),
        );
      if (instance.instanceType === 'READ_REPLICA_INSTANCE')
        throw new Refusal(400, 'invalid', 'The operation is not allowed on a read replica.');
      if (order.type === 'IMPORT')
        return begin(instance, 'IMPORT', { importContext: order.context }, (place) => importDatabase(place, order));
      return begin(instance, 'RESTORE_VOLUME', {}, (place) => restoreBackup(place, order.backup));
    },
    createBackup: (instance, { description, location, ttlDays }) => {
      if (instance.instanceType === 'READ_REPLICA_INSTANCE')
        throw new Refusal(400, 'invalid', 'Backups are not supported on read replicas.');
      if (location !== undefined && !locations.has(location))
        throw new Refusal(400, 'invalid', `Invalid value for backup location: ${location}.`);
      const created = new Date();
      const expires = ttlDays === undefined ? undefined : new Date(created.getTime() + ttlDays * day);
      const backup: FakeBackup = {
        name: backupName(instance),
        instance,
        description,
        location: weather.misplaced ?? location ?? 'eu',
        created,
        expires,
        state: 'ENQUEUED',
        contents: new Map(),
      };
      const context = { kind: 'sql#backupContext', name: backup.name };
      const operation = begin(instance, 'BACKUP_VOLUME', { backupContext: context }, async (place) => {
        backup.state = 'RUNNING';
        backup.contents = await takeBackup(place);
        backup.state = 'SUCCESSFUL';
      });
      backups.push(backup);
      const watch = [...works].at(-1);
      void watch?.then(() => {
        if (operation.errors) backup.state = 'FAILED';
      });
      return operation;
    },
    deleteBackup: (name) => {
      const backup = find(name);
      return begin(backup.instance, 'DELETE_BACKUP', { backupContext: { kind: 'sql#backupContext', name } }, () => {
        backups = backups.filter((each) => each !== backup);
        return Promise.resolve();
      });
    },
    backup: find,
    cancel: (operation) => {
      if (operation.operationType !== 'EXPORT' && operation.operationType !== 'IMPORT')
        throw new Refusal(400, 'invalid', 'The operation cannot be cancelled.');
      operation.cancels++;
      if (!weather.late) operation.abort.abort();
    },
    end: async () => {
      over.abort();
      await Promise.all(works);
    },
  };
};
