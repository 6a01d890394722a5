// The cloud behind the interface: what it has, what it works on, and what goes wrong.
import { setTimeout as pause } from 'node:timers/promises';
import { runSql } from '../cloud-sql/programs.ts';
import { startAsOf, takeBaseBackup } from '../../support/postgres-programs.ts';
import type { FakeBackup, FakeFlexibleServer, FakeMachine, FakeOperation } from './things.ts';

export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** What goes wrong; changed by tests at any time. */
export interface Weather {
  /** Milliseconds that a backup, a restore and a deletion take beside the work itself. */
  slow: number;
  /** Backups and servers that are being made stay so while it is true. */
  held: boolean;
  /** What the next backups and restores end with, in place of success. */
  backups: Failure[];
  restores: Failure[];
  /** States in which the next restored servers stay, in place of Ready. */
  states: string[];
  /** The log is stored so late that restores end so many milliseconds before their time. */
  behind: number;
  quotas: { backups: number; servers: number };
  /** Actions of roles that the caller lacks, as `Microsoft.DBforPostgreSQL/flexibleServers/write`. */
  missing: Set<string>;
  /** The only actions that the caller has; all without it. */
  allowed: ReadonlySet<string> | undefined;
  /** Applications that nobody knows. */
  strangers: Set<string>;
  /** Tokens that were given out are expired from now on: set it to how many there were. */
  revoked: number;
  /** Answers in place of the interface's own, by call. */
  answers: {
    readonly call: string;
    readonly status: number;
    readonly code: string;
    readonly message?: string;
    readonly retryAfter?: number;
    times: number;
  }[];
  /** Requests of these calls are taken, and their answers lost. */
  lost: { readonly call: string; times: number }[];
}

export const fairWeather = (): Weather => ({
  slow: 0,
  held: false,
  backups: [],
  restores: [],
  states: [],
  behind: 0,
  // Azure's own number.
  quotas: { backups: 7, servers: 20 },
  missing: new Set(),
  allowed: undefined,
  strangers: new Set(),
  revoked: 0,
  answers: [],
  lost: [],
});

/** Refused at once. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly retryAfter: number | undefined;
  constructor(status: number, code: string, message: string, retryAfter?: number) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

export interface Counts {
  /** Backups and servers that were ever begun. */
  readonly begun: { readonly snapshots: number; readonly servers: number };
  /** Those that are there, but for what was there from the beginning. */
  readonly there: { readonly snapshots: number; readonly servers: number };
}

export interface RestoreWish {
  readonly name: string;
  readonly group: string;
  readonly time: Date;
  readonly tags: Readonly<Record<string, string>>;
  readonly subnet: string | undefined;
  readonly privateDnsZone: string | undefined;
}

export interface Cloud {
  readonly weather: Weather;
  readonly servers: readonly FakeFlexibleServer[];
  operation(id: string): FakeOperation | undefined;
  counts(): Counts;
  /** Whether anything is under way. */
  busy(): boolean;
  backUp(server: FakeFlexibleServer, name: string): FakeOperation;
  /** Nothing is begun where there is none; but a busy server says so first. */
  removeBackup(server: FakeFlexibleServer, backup: FakeBackup | undefined): FakeOperation | undefined;
  restore(source: FakeFlexibleServer, wish: RestoreWish): FakeOperation;
  remove(server: FakeFlexibleServer): FakeOperation;
  /** Ends what is under way, unless it is held, and what was made is gone. */
  clear(): Promise<void>;
  /** Nothing goes on after it. */
  end(): Promise<void>;
}

/** Ready within this time, when the weather is fair. */
const moment = 30;

export const createCloud = (given: readonly FakeFlexibleServer[]): Cloud => {
  const weather = fairWeather();
  let servers = [...given];
  const operations = new Map<string, FakeOperation>();
  const busy = new Set<FakeFlexibleServer>();
  const running = new Map<FakeFlexibleServer, () => Promise<void>>();
  const works = new Set<Promise<void>>();
  const over = new AbortController();
  const { signal } = over;
  const begun = { snapshots: 0, servers: 0 };
  let addresses = 1;

  /** One thing at a time on a server. What is thrown is what the operation ends with. */
  const operate = (
    server: FakeFlexibleServer,
    work: (operation: FakeOperation) => Promise<Failure | undefined>,
  ): FakeOperation => {
    if (busy.has(server)) throw busyWith(server);
    busy.add(server);
    const operation: FakeOperation = { id: crypto.randomUUID(), status: 'InProgress', percent: 0 };
    operations.set(operation.id, operation);
    const running = work(operation)
      .then((failure) => {
        if (failure) Object.assign(operation, { status: 'Failed', error: failure });
        else Object.assign(operation, { status: 'Succeeded', percent: 100 });
      })
      .catch((error: unknown) => {
        // Tests see it where they wait.
        const message = error instanceof Error ? error.message : String(error);
        if (!signal.aborted) Object.assign(operation, { status: 'Failed', error: { code: 'FakeBroke', message } });
      })
      .finally(() => {
        busy.delete(server);
        works.delete(running);
      });
    works.add(running);
    return operation;
  };

  const takeTime = async (operation: FakeOperation): Promise<void> => {
    await pause(moment, undefined, { signal });
    operation.percent = 50;
    await pause(weather.slow, undefined, { signal });
    while (weather.held) await pause(20, undefined, { signal });
  };

  const removable = (server: FakeFlexibleServer): FakeBackup[] =>
    server.backups.filter(({ type }) => type === 'Customer On-Demand');

  /** As far as the log is stored. */
  const recover = async (source: FakeFlexibleServer, server: FakeFlexibleServer, time: Date): Promise<void> => {
    const { machine, backups } = source;
    const { host } = server.machine;
    const target = new Date(time.getTime() - weather.behind);
    await closeLog(machine, target);
    const from = backups.findLast(({ completed }) => completed <= target);
    if (!from) throw new Error(`no backup before ${target.toISOString()}`);
    const copy = await startAsOf(machine, { backup: from.files, archive: machine.archive, time: target, host });
    running.set(server, () => copy.stop());
    const at = { ...machine, host };
    const isRecovered = async (): Promise<boolean> => {
      try {
        return (await runSql(at, 'postgres', 'SELECT pg_is_in_recovery()'))[0] === 'f';
      } catch (error) {
        if (String(error).includes('the database system is')) return false;
        throw error;
      }
    };
    while (!(await isRecovered())) await pause(50, undefined, { signal });
  };

  return {
    weather,
    get servers() {
      return servers;
    },
    operation: (id) => operations.get(id),
    busy: () => works.size > 0,
    counts: () => ({
      begun: { ...begun },
      there: {
        snapshots: given.reduce((sum, server) => sum + removable(server).length, 0),
        servers: servers.length - given.length,
      },
    }),
    backUp: (server, name) => {
      if (server.state !== 'Ready')
        throw new Refusal(409, 'ServerIsNotReady', `The server ${server.name} is not ready: ${server.state}.`);
      return operate(server, async (operation) => {
        // Found out when it was taken already.
        if (server.tier === 'Burstable') return burstable;
        if (removable(server).length >= weather.quotas.backups) return full;
        begun.snapshots++;
        const files = await takeBaseBackup(server.machine);
        await takeTime(operation);
        const failure = weather.backups.shift();
        if (failure) {
          await files.remove();
          return failure;
        }
        server.backups.push({ name, type: 'Customer On-Demand', files, completed: new Date() });
        return undefined;
      });
    },
    removeBackup: (server, backup) => {
      if (busy.has(server)) throw busyWith(server);
      if (!backup) return undefined;
      return operate(server, async () => {
        await pause(moment, undefined, { signal });
        server.backups.splice(server.backups.indexOf(backup), 1);
        await backup.files.remove();
        return undefined;
      });
    },
    restore: (source, { name, group, time, tags, subnet, privateDnsZone }) => {
      if (servers.length - given.length >= weather.quotas.servers)
        throw new Refusal(409, 'OperationNotAllowed', 'It would exceed the approved Cores quota of the subscription.');
      begun.servers++;
      addresses = (addresses % 250) + 1;
      const host = `127.0.${1 + (process.pid % 250)}.${addresses}`;
      const server: FakeFlexibleServer = {
        name,
        group,
        state: 'Provisioning',
        tier: source.tier,
        replicationRole: 'Primary',
        // Restored servers have the tags of their source.
        tags: { ...source.tags, ...tags },
        machine: { ...source.machine, host },
        subnet,
        privateDnsZone,
        backups: [],
      };
      servers.push(server);
      return operate(server, async (operation) => {
        await takeTime(operation);
        const failure = weather.restores.shift();
        if (failure) {
          server.state = 'Disabled';
          return failure;
        }
        await recover(source, server, time);
        server.state = 'Updating';
        await pause(moment, undefined, { signal });
        server.state = weather.states.shift() ?? 'Ready';
        return undefined;
      });
    },
    remove: (server) => {
      const operation = operate(server, async () => {
        await pause(moment + weather.slow, undefined, { signal });
        await running.get(server)?.();
        running.delete(server);
        servers = servers.filter((each) => each !== server);
        return undefined;
      });
      server.state = 'Dropping';
      return operation;
    },
    clear: async () => {
      await Promise.allSettled(works);
      for (const stop of running.values()) await stop();
      running.clear();
      servers = [...given];
      for (const server of given)
        for (const backup of removable(server)) {
          await backup.files.remove();
          server.backups.splice(server.backups.indexOf(backup), 1);
        }
    },
    end: async () => {
      over.abort();
      await Promise.allSettled(works);
      for (const stop of running.values()) await stop();
      for (const { backups } of given) for (const { files } of backups) await files.remove();
    },
  };

  function busyWith({ name }: FakeFlexibleServer): Refusal {
    const text = `Cannot complete operation while server '${name}' is busy processing another operation. Try again later.`;
    return new Refusal(409, 'ServerIsBusy', text);
  }
};

const burstable: Failure = {
  code: 'CustomerOnDemandBackupCannotBePerformedOnBurstableServer',
  message: 'On-demand backups cannot be performed on servers of the Burstable tier.',
};

const full: Failure = {
  code: 'CustomerOnDemandBackupCannotBePerformedLimitOfBackupsReached',
  message: 'The limit of on-demand backups of the server is reached.',
};

/** Stores the log up to the time, with something after it: recovery stops where that begins. */
const closeLog = async (machine: FakeMachine, time: Date): Promise<void> => {
  await pause(Math.max(0, time.getTime() + 5 - Date.now()));
  await runSql(machine, 'postgres', 'SELECT txid_current()');
  const [segment = ''] = await runSql(machine, 'postgres', 'SELECT pg_walfile_name(pg_switch_wal())');
  for (;;) {
    const [archived] = await runSql(
      machine,
      'postgres',
      `SELECT coalesce(last_archived_wal, '') >= '${segment}' FROM pg_stat_archiver`,
    );
    if (archived === 't') return;
    await pause(20);
  }
};
