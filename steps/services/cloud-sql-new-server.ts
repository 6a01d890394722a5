import { createHash } from 'node:crypto';
import type { sqladmin_v1 as Api } from '@googleapis/sqladmin';
import { hasCode, Lc2Error } from '../../core/errors.ts';
import type { Problem } from '../../core/ports/database.ts';
import type { NewServerJob } from '../../core/ports/database-service.ts';
import type { JobResult } from '../../core/ports/job-service.ts';
import type { CloudSqlOptions } from './cloud-sql.ts';
import type { CloudSqlClient } from './cloud-sql-client.ts';
import { errorsOf, isInterruption } from './cloud-sql-failure.ts';
import { hostOf, likeSource } from './cloud-sql-shape.ts';
import { orUndefined } from './or-undefined.ts';
import { poll } from './poll.ts';

type Instance = Api.Schema$DatabaseInstance;
type Operation = Api.Schema$Operation;

/** What the adapter has already. */
export interface CloudSqlCalls {
  readonly options: CloudSqlOptions;
  readonly client: CloudSqlClient;
  instance(name: string): Promise<Instance>;
  backup(name: string): Promise<Api.Schema$Backup>;
  operations(instance: string): AsyncIterable<Operation>;
}

/**
 * New servers of Cloud SQL take two pieces of work: an empty instance, as the live one is, and the restore of the backup into it.
 * One that runs is not restored yet: only the operation tells. The handle is the name of the instance, which a label knows
 * as this job's.
 */
export interface NewServers {
  problems(job: NewServerJob): Promise<Problem[]>;
  start(job: NewServerJob): Promise<string>;
  find(job: NewServerJob): Promise<string | undefined>;
  wait(job: NewServerJob): Promise<JobResult>;
  remove(name: string): Promise<void>;
}

export const openNewServers = ({ options, client, ...calls }: CloudSqlCalls): NewServers => {
  const { project, instance: live, host: liveHost, port } = options.spec;
  const where = `${project}/${live}`;
  const look = (name: string): Promise<Instance | undefined> => orUndefined(calls.instance(name));
  const failed = (what: string): Lc2Error => new Lc2Error('NEW_SERVER_FAILED', `the new server ${what}`, { where });

  const find = async (job: NewServerJob): Promise<Instance | undefined> => {
    const found = await look(job.name);
    return labelOf(found) === labelFor(job) ? found : undefined;
  };

  const takenError = ({ name }: NewServerJob, cause?: unknown): Lc2Error =>
    new Lc2Error('NAME_TAKEN', `${name} exists, and is not of this restore`, { where, cause });

  /** The name of what was deleted is kept for a week, and nothing shows that it is. */
  const keptError = ({ name }: NewServerJob, cause: Lc2Error): Lc2Error =>
    new Lc2Error('NAME_TAKEN', `${name} is no instance, and its name cannot be had: ${cause.what}`, {
      where,
      cause,
      remedy: 'choose another name: Google keeps that of a deleted instance for a week',
    });

  const assertTime = ({ until }: NewServerJob): void => {
    if (Date.now() > new Date(until).getTime()) throw failed(`was not restored in time (${until})`);
  };

  const start = async (job: NewServerJob): Promise<string> => {
    assertTime(job);
    const [source, backup] = await Promise.all([calls.instance(live), calls.backup(snapshotOf(job))]);
    const requestBody = likeSource({ name: job.name, source, backup, labels: { [label]: labelFor(job) } });
    try {
      await client.call({ permission: 'cloudsql.instances.create', refusal: 'NEW_SERVER_FAILED' }, (api) =>
        api.instances.insert({ project, requestBody }, client.once),
      );
    } catch (error) {
      if (!hasCode(error, 'SERVICE_NOT_READY')) throw error;
      const standing = await look(job.name);
      if (!standing) throw keptError(job, error);
      if (labelOf(standing) !== labelFor(job)) throw takenError(job, error);
    }
    return job.name;
  };

  /** Of this instance and not of an earlier one of its name; the newest first. */
  const operationsOf = async ({ name, createTime }: Instance, type: string): Promise<Operation[]> => {
    const found: Operation[] = [];
    for await (const operation of calls.operations(name ?? ''))
      if (operation.operationType === type && timeOf(operation.insertTime) >= timeOf(createTime)) found.push(operation);
    return found.toSorted((a, b) => timeOf(b.insertTime) - timeOf(a.insertTime));
  };

  const restore = async (job: NewServerJob): Promise<void> => {
    const order = { project, instance: job.name, requestBody: { backup: snapshotOf(job) } };
    try {
      await client.call({ permission: 'cloudsql.instances.restoreBackup', refusal: 'NEW_SERVER_FAILED' }, (api) =>
        api.instances.restoreBackup(order, client.once),
      );
    } catch (error) {
      // Something of Google's own, or the restore of another attempt: whoever looks again will see.
      if (!hasCode(error, 'SERVICE_BUSY')) throw error;
    }
  };

  /** Whether the backup is in it; asks for that once it can be asked for. */
  const isRestored = async (job: NewServerJob, found: Instance): Promise<boolean> => {
    if (found.state !== 'RUNNABLE') return false;
    const restores = await operationsOf(found, 'RESTORE_VOLUME');
    const [last] = restores;
    if (last?.status === 'DONE' && !last.error) return true;
    if (last && last.status !== 'DONE') return false;
    const failure = last?.error?.errors ?? [];
    if (last && (!isInterruption(failure) || restores.length >= mostRestores))
      throw failed(`failed: ${errorsOf(failure)}`);
    assertTime(job);
    await restore(job);
    return false;
  };

  const assertAlive = async (found: Instance): Promise<void> => {
    const { state } = found;
    if (!broken.test(state ?? '')) return;
    const [made] = await operationsOf(found, 'CREATE');
    throw failed(`is ${state ?? ''}: ${errorsOf(made?.error?.errors ?? [])}`);
  };

  const wait = async (job: NewServerJob): Promise<JobResult> => {
    let missed = 0;
    const made = await poll(
      async () => {
        const found = await find(job);
        if (!found && ++missed > patience) throw failed('is gone');
        if (found) await assertAlive(found);
        if (found && (await isRestored(job, found))) return found;
        assertTime(job);
        return undefined;
      },
      Boolean,
      options.signal,
    );
    const host = made && hostOf(made, await calls.instance(live), liveHost);
    if (host === undefined) throw failed('has no address');
    // Google's servers all have the same port.
    return { id: job.name, server: { host, port } };
  };

  const snapshotProblems = async (job: NewServerJob): Promise<Problem[]> => {
    const wrong = (message: string): Problem[] => [{ code: 'SNAPSHOT_MISSING', message, severity: 'error' }];
    const name = snapshotOf(job);
    if (backupNames.exec(name)?.[1] !== project) return wrong(`${name} is no backup of the project ${project}`);
    const backup = await orUndefined(calls.backup(name));
    if (!backup) return wrong(`${name} is not there any more`);
    return backup.state === 'SUCCESSFUL' ? [] : wrong(`${name} is ${backup.state ?? 'in no known state'}`);
  };

  return {
    problems: async (job) => {
      const problems = await snapshotProblems(job);
      if (await look(job.name)) problems.push({ code: 'NAME_TAKEN', message: takenError(job).what, severity: 'error' });
      return problems;
    },
    start,
    find: async (job) => ((await find(job)) ? job.name : undefined),
    wait,
    remove: async (name) => {
      const found = await look(name);
      if (!found || found.state === 'PENDING_DELETE' || !ours.test(labelOf(found))) return;
      await orUndefined(
        client.call({ permission: 'cloudsql.instances.delete', refusal: 'SERVICE_REFUSED' }, (api) =>
          api.instances.delete({ project, instance: name }, client.once),
        ),
      );
    },
  };
};

const label = 'lc2-backup';

const labelOf = (instance: Instance | undefined): string => instance?.settings?.userLabels?.[label] ?? '';

/** Of the description, the run for people and all of it for us: 63 lower case letters, digits, - and _ at most. */
const labelFor = ({ description }: NewServerJob): string => {
  const run = description.split(' ')[3] ?? '';
  const digest = createHash('sha256').update(description).digest('hex').slice(0, 24);
  return `${run
    .toLowerCase()
    .replaceAll(/[^-_a-z0-9]/g, '-')
    .slice(0, 38)}-${digest}`;
};
const ours = /-[0-9a-f]{24}$/;

const snapshotOf = ({ point }: NewServerJob): string => point.snapshotId ?? '';
const backupNames = /^projects\/([^/]+)\/backups\/[^/]+$/;

const timeOf = (time: string | null | undefined): number => (time ? new Date(time).getTime() : 0);

/** Looks at what was asked for and does not show, about twenty seconds. */
const patience = 10;

/** Restores that Google itself has lost: the name would be lost with them for a week. */
const mostRestores = 3;

/** States that pass by themselves are none of these. */
const broken = /^(FAILED|SUSPENDED|PENDING_DELETE)$/;
