// The cloud behind the interface: takes work, does one thing at a time on each instance, and remembers.
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { BaseBackup } from '../../support/postgres-programs.ts';
import { type ApiWeather, fairApiWeather, Refusal } from '../google/google-api.ts';
import {
  backupName,
  type FakeBackup,
  type FakeInstance,
  type FakeOperation,
  isBlocked,
  type OperationError,
} from './instances.ts';
import { createNewInstances, type InstanceWish, sizeOf } from './new-instances.ts';
import {
  exportDatabase,
  importDatabase,
  OperationFailure,
  restoreInPlace,
  takeBackup,
  type WorkPlace,
} from './work.ts';

/** What goes wrong; changed by tests at any time. */
export interface Weather extends ApiWeather {
  /** Milliseconds that an operation waits before it works. */
  slow: number;
  /** Operations, or those of a type, neither begin nor end. */
  held: boolean | string;
  /** Ends of the next operations of a type, in place of their work. */
  failures: { readonly operationType: string; readonly error: OperationError }[];
  /** To give work up is taken, and comes too late. */
  late: boolean;
  /** Where the cloud keeps backups whatever is asked for. */
  misplaced: string | undefined;
  /** The names of deleted instances can be had at once. */
  forgetsNames: boolean;
  /** Service accounts that may not use a bucket, as `account bucket`. */
  forbidden: Set<string>;
}

export const fairWeather = (): Weather => ({
  slow: 0,
  held: false,
  failures: [],
  late: false,
  misplaced: undefined,
  forgetsNames: false,
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

interface Servers {
  readonly servers: number;
}

export interface Cloud {
  readonly weather: Weather;
  readonly instances: readonly FakeInstance[];
  readonly operations: readonly FakeOperation[];
  readonly backups: readonly FakeBackup[];
  counts(): Counts;
  /** Instances that were ever asked for, and those that are there, but for those that were there from the beginning. */
  made: { counts(): { readonly begun: Servers; readonly there: Servers } };
  instance(project: string, name: string): FakeInstance;
  submit(order: Order): FakeOperation;
  insert(project: string, wish: InstanceWish): FakeOperation;
  remove(instance: FakeInstance): FakeOperation;
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

export const createCloud = (given: readonly FakeInstance[], buckets: string): Cloud => {
  let instances = [...given];
  const newInstances = createNewInstances();
  let inserted = 0;
  const deleted = new Set<string>();
  const files = new Set<BaseBackup>();
  const weather = fairWeather();
  const operations: FakeOperation[] = [];
  let backups: FakeBackup[] = [];
  const works = new Set<Promise<void>>();
  const begun: Record<string, number> = {};
  const done: Record<string, number> = {};
  const over = new AbortController();

  const follow = (work: Promise<void>): void => {
    const followed = work.finally(() => works.delete(followed));
    works.add(followed);
  };

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
    follow(run(operation, work));
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
      while (weather.held === true || weather.held === operationType) await pause(20, undefined, { signal });
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

  /** Of the operation that was just begun. */
  const whenFailed = (operation: FakeOperation, use: () => void): void =>
    void [...works].at(-1)?.then(() => {
      if (operation.errors) use();
    });

  const living = (): FakeBackup[] => {
    backups = backups.filter(({ expires }) => expires === undefined || expires.getTime() > Date.now());
    return backups;
  };

  const isKept = (project: string, name: unknown): boolean =>
    instances.some((each) => each.project === project && each.name === name) ||
    (!weather.forgetsNames && deleted.has(`${project}:${String(name)}`));

  const assertProject = (project: string): void => {
    // Who asks must not learn what there is: Google says so too.
    if (!instances.some((each) => each.project === project))
      throw new Refusal(403, 'notAuthorized', 'The client is not authorized to make this request.');
  };

  const restore = (instance: FakeInstance, backup: FakeBackup): FakeOperation => {
    const refuse = (message: string): never => {
      throw new Refusal(400, 'invalid', `Invalid request: ${message}`);
    };
    if (backup.state !== 'SUCCESSFUL') refuse(`The backup is ${backup.state}.`);
    if (backup.databaseVersion !== instance.databaseVersion)
      refuse(`The backup is of ${backup.databaseVersion}, the instance of ${instance.databaseVersion}.`);
    if (sizeOf(instance.settings) < sizeOf(backup.settings))
      refuse(`The disk of the instance is smaller than that of the backup's.`);
    const { contents } = backup;
    return begin(instance, 'RESTORE_VOLUME', {}, (place) => {
      if (newInstances.isMade(instance)) return newInstances.restore(instance, backup);
      return contents ? restoreInPlace(place, contents) : Promise.reject(new Error('a backup without files'));
    });
  };

  const find = (name: string): FakeBackup => {
    const found = living().find((each) => each.name === name);
    if (!found) throw new Refusal(404, 'notFound', `The backup ${name} does not exist.`);
    return found;
  };

  return {
    weather,
    get instances() {
      return instances;
    },
    operations,
    get backups() {
      return living();
    },
    counts: () => ({ begun: { ...begun }, done: { ...done }, backups: living().length }),
    made: {
      counts: () => ({ begun: { servers: inserted }, there: { servers: instances.length - given.length } }),
    },
    instance: (project, name) => {
      const found = instances.find((each) => each.project === project && each.name === name);
      if (found) return found;
      assertProject(project);
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
      return restore(instance, order.backup);
    },
    insert: (project, wish) => {
      assertProject(project);
      const about = "When you delete an instance, you can't reuse the name of the deleted instance until one week";
      if (isKept(project, wish['name']))
        throw new Refusal(
          409,
          'instanceAlreadyExists',
          `The Cloud SQL instance already exists. ${about} from the deletion date.`,
        );
      const instance = newInstances.make(project, wish);
      instances.push(instance);
      inserted++;
      const operation = begin(instance, 'CREATE', {}, () => {
        instance.state = 'RUNNABLE';
        return Promise.resolve();
      });
      whenFailed(operation, () => (instance.state = 'FAILED'));
      return operation;
    },
    remove: (instance) => {
      if (instance.settings['deletionProtectionEnabled'] === true)
        throw new Refusal(400, 'invalid', 'The instance is protected. Please disable the deletion protection first.');
      const operation = begin(instance, 'DELETE', {}, async () => {
        await newInstances.stop(instance);
        instances = instances.filter((each) => each !== instance);
        deleted.add(`${instance.project}:${instance.name}`);
      });
      instance.state = 'PENDING_DELETE';
      return operation;
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
        databaseVersion: instance.databaseVersion,
        settings: instance.settings,
        state: 'ENQUEUED',
        contents: undefined,
      };
      const context = { kind: 'sql#backupContext', name: backup.name };
      const operation = begin(instance, 'BACKUP_VOLUME', { backupContext: context }, async (place) => {
        backup.state = 'RUNNING';
        const contents = await takeBackup(place);
        files.add(contents);
        backup.contents = contents;
        backup.state = 'SUCCESSFUL';
      });
      backups.push(backup);
      whenFailed(operation, () => (backup.state = 'FAILED'));
      return operation;
    },
    deleteBackup: (name) => {
      const backup = find(name);
      return begin(backup.instance, 'DELETE_BACKUP', { backupContext: { kind: 'sql#backupContext', name } }, () => {
        backups = backups.filter((each) => each !== backup);
        // Its files are nobody's business: nobody waits for them.
        if (backup.contents) follow(backup.contents.remove());
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
      await newInstances.end();
      await Promise.all([...files].map((each) => each.remove()));
    },
  };
};
