import type { sqladmin_v1 as Api } from '@googleapis/sqladmin';
import type { CloudSqlSpec } from '../../core/services/cloud-sql.ts';
import { type ErrorCode, Lc2Error } from '../../core/errors.ts';
import type { Problem } from '../../core/ports/database.ts';
import type { DatabaseService, Leftover, ServiceJob } from '../../core/ports/database-service.ts';
import type { JobResult } from '../../core/ports/job-service.ts';
import { openClient } from './cloud-sql-client.ts';
import { errorsOf, isInterruption } from './cloud-sql-failure.ts';
import { openNewServers } from './cloud-sql-new-server.ts';
import { orUndefined } from './or-undefined.ts';
import { poll } from './poll.ts';

export interface CloudSqlOptions {
  readonly spec: CloudSqlSpec;
  readonly secrets: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

const failures = {
  snapshot: 'SNAPSHOT_FAILED',
  export: 'EXPORT_FAILED',
  import: 'LOAD_FAILED',
} as const satisfies Partial<Record<ServiceJob['kind'], ErrorCode>>;

/** Cloud SQL by its Admin API. A handle is the name of an operation, or of a backup that was found by its description. */
export const openCloudSql = (options: CloudSqlOptions): DatabaseService => {
  const { spec, secrets, signal } = options;
  const { project, instance } = spec;
  const where = `${project}/${instance}`;
  const client = openClient(options);
  const place = { project, instance };

  const start = (job: OwnJob): Promise<string> => {
    const asked = (
      permission: string,
      call: (api: Api.Sqladmin) => Promise<{ data: Api.Schema$Operation }>,
    ): Promise<string> =>
      client.call({ permission, refusal: failures[job.kind] }, async (api) =>
        nameOf((await call(api)).data.name, where),
      );
    if (job.kind === 'snapshot') {
      const { ttlDays, location } = spec.snapshot;
      return asked('cloudsql.backupRuns.create', (api) =>
        api.Backups.CreateBackup(
          {
            parent: `projects/${project}`,
            requestBody: {
              instance,
              description: job.description,
              ...(location === undefined ? {} : { location }),
              ...(ttlDays === undefined ? {} : { ttlDays: String(ttlDays) }),
            },
          },
          client.once,
        ),
      );
    }
    if (job.kind === 'export') {
      const exportContext = {
        fileType: 'SQL',
        uri: job.url,
        databases: [job.database],
        ...(spec.export.offload ? { offload: true } : {}),
      };
      return asked('cloudsql.instances.export', (api) =>
        api.instances.export({ ...place, requestBody: { exportContext } }, client.once),
      );
    }
    // As the user who makes the database and swaps it: what that one may not do would fail later.
    const importUser = (secrets['username'] ?? '').trim();
    const importContext = { fileType: 'SQL', uri: job.url, database: job.database, importUser };
    return asked('cloudsql.instances.import', (api) =>
      api.instances.import({ ...place, requestBody: { importContext } }, client.once),
    );
  };

  const backups = async function* (): AsyncIterable<Api.Schema$Backup> {
    let pageToken: string | undefined;
    do {
      const page = await client.call({ permission: 'cloudsql.backupRuns.list' }, async (api) => {
        const more = pageToken === undefined ? {} : { pageToken };
        const parent = `projects/${project}`;
        return (await api.Backups.ListBackups({ parent, filter: `instance:${instance}`, ...more }, client.config()))
          .data;
      });
      // The filter is a search: other instances may have a similar name.
      for (const backup of page.backups ?? []) if (backup.instance?.split('/').at(-1) === instance) yield backup;
      pageToken = page.nextPageToken ?? undefined;
    } while (pageToken !== undefined && pageToken !== '');
  };

  const operations = async function* (of: string): AsyncIterable<Api.Schema$Operation> {
    let pageToken: string | undefined;
    do {
      const page = await client.call({ permission: 'cloudsql.instances.get' }, async (api) => {
        const more = pageToken === undefined ? {} : { pageToken };
        return (await api.operations.list({ project, instance: of, ...more }, client.config())).data;
      });
      yield* page.items ?? [];
      pageToken = page.nextPageToken ?? undefined;
    } while (pageToken !== undefined && pageToken !== '');
  };

  const find = async (job: OwnJob): Promise<string | undefined> => {
    const found: Found[] = [];
    if (job.kind === 'snapshot') {
      for await (const { description, name, state } of backups())
        if (description === job.description && name) found.push({ handle: name, rank: rankOfBackup(state) });
    } else {
      for await (const operation of operations(instance))
        if (isOf(job, operation) && operation.name)
          found.push({ handle: operation.name, rank: rankOfOperation(operation) });
    }
    return found.toSorted((a, b) => a.rank - b.rank)[0]?.handle;
  };

  const getOperation = (name: string): Promise<Api.Schema$Operation> =>
    client.call(
      { permission: 'cloudsql.instances.get' },
      async (api) => (await api.operations.get({ project, operation: name }, client.config())).data,
    );

  const getBackup = (name: string): Promise<Api.Schema$Backup> =>
    client.call(
      { permission: 'cloudsql.backupRuns.get' },
      async (api) => (await api.Backups.GetBackup({ name }, client.config())).data,
    );

  const failed = (job: OwnJob, errors: readonly Api.Schema$OperationError[]): Lc2Error => {
    const code = isInterruption(errors) ? 'SERVICE_INTERRUPTED' : failures[job.kind];
    return new Lc2Error(code, `the ${job.kind} failed: ${errorsOf(errors)}`, { where });
  };

  /** The backup that an operation has made; undefined for all other work. */
  const waitForOperation = async (job: OwnJob, handle: string): Promise<string | undefined> => {
    const { error, backupContext } = await poll(
      () => getOperation(handle),
      ({ status }) => status === 'DONE',
      signal,
    );
    // Failure is DONE too.
    if (error) throw failed(job, error.errors ?? []);
    if (job.kind !== 'snapshot') return undefined;
    const backup = backupContext?.name ?? (await find(job));
    if (backup) return backup;
    throw new Lc2Error('SNAPSHOT_FAILED', 'the snapshot was made and is not there', { where });
  };

  const waitForBackup = async (job: OwnJob, id: string): Promise<JobResult> => {
    const { state, error, location } = await poll(
      () => getBackup(id),
      (each) => each.state !== 'ENQUEUED' && each.state !== 'RUNNING',
      signal,
    );
    if (state !== 'SUCCESSFUL')
      throw failed(job, error ? [error] : [{ message: `its state is ${state ?? 'unknown'}` }]);
    const asked = spec.snapshot.location;
    if (asked !== undefined && location && location.toLowerCase() !== asked)
      throw failed(job, [{ message: `it is kept in ${location}, and not in ${asked}` }]);
    return { id, ...(location ? { location } : {}) };
  };

  const wait = async (job: OwnJob, handle: string): Promise<JobResult> => {
    const backup = handle.includes('/') ? handle : await waitForOperation(job, handle);
    return backup === undefined ? { id: handle } : waitForBackup(job, backup);
  };

  const getInstance = (name: string): Promise<Api.Schema$DatabaseInstance> =>
    client.call(
      { permission: 'cloudsql.instances.get' },
      async (api) => (await api.instances.get({ project, instance: name }, client.config())).data,
    );

  const newServers = openNewServers({ options, client, instance: getInstance, backup: getBackup, operations });

  return {
    problems: async (wanted) => {
      const problems = instanceProblems(await getInstance(instance), where);
      if (!wanted) return problems;
      // Its settings can be read though it stands still.
      const needed = problems.filter(({ code }) => code !== 'SERVICE_NOT_READY');
      return [...needed, ...(await newServers.problems(wanted))];
    },
    start: (job) => (job.kind === 'new-server' ? newServers.start(job) : start(ownJob(job))),
    find: (job) => (job.kind === 'new-server' ? newServers.find(job) : find(ownJob(job))),
    wait: (job, handle) => (job.kind === 'new-server' ? newServers.wait(job) : wait(ownJob(job), handle)),
    authorityOf: async (name) => (await getInstance(name)).serverCaCert?.cert ?? undefined,
    cancel: async (handle) => {
      // A backup cannot be given up.
      if (handle.includes('/')) return false;
      const late = AbortSignal.timeout(10_000);
      const name = { project, operation: handle };
      const { status } = await client.call(
        { permission: 'cloudsql.instances.get' },
        async (api) => (await api.operations.get(name, client.config(late))).data,
      );
      if (status === 'DONE') return true;
      await client.call({ permission: 'cloudsql.instances.update' }, (api) =>
        api.operations.cancel(name, client.config(late)),
      );
      return false;
    },
    leftovers: async (prefix) => {
      const found: Leftover[] = [];
      for await (const { name, description, state: now } of backups()) {
        if (!name || description?.startsWith(prefix) !== true || now === 'DELETING') continue;
        const rank = rankOfBackup(now);
        const state = rank === 0 ? 'done' : rank === 1 ? 'running' : 'failed';
        found.push({ kind: 'snapshot', id: name, description, state });
      }
      return found;
    },
    remove: async ({ kind, id }) => {
      if (kind === 'new-server') return newServers.remove(id);
      await orUndefined(
        client.call({ permission: 'cloudsql.backupRuns.delete' }, (api) =>
          api.Backups.DeleteBackup({ name: id }, client.config()),
        ),
      );
    },
  };
};

interface Found {
  readonly handle: string;
  /** 0 done, 1 under way, 2 failed. */
  readonly rank: number;
}

const rankOfBackup = (state: string | null | undefined): number => {
  if (state === 'SUCCESSFUL') return 0;
  return state === 'ENQUEUED' || state === 'RUNNING' ? 1 : 2;
};

const rankOfOperation = ({ status, error }: Api.Schema$Operation): number => {
  if (status !== 'DONE') return 1;
  return error ? 2 : 0;
};

const isOf = (job: Extract<ServiceJob, { kind: 'export' | 'import' }>, operation: Api.Schema$Operation): boolean => {
  if (job.kind === 'export') return operation.exportContext?.uri === job.url;
  const { importContext, name } = operation;
  return importContext?.uri === job.url && importContext.database === job.database && !job.ignore.includes(name ?? '');
};

type OwnJob = Extract<ServiceJob, { kind: keyof typeof failures }>;

const ownJob = (job: ServiceJob): OwnJob => {
  if (job.kind === 'snapshot' || job.kind === 'export' || job.kind === 'import') return job;
  throw new Lc2Error('BUG', `${job.kind} is no capability of Cloud SQL`);
};

const nameOf = (name: string | null | undefined, where: string): string => {
  if (name) return name;
  throw new Lc2Error('SERVICE_FAILED', 'the answer names no operation', { where });
};

/** Whether the instance could do the work now. */
export const instanceProblems = (instance: Api.Schema$DatabaseInstance, where: string): Problem[] => {
  const error = (code: ErrorCode, message: string): Problem => ({
    code,
    message: `${where} ${message}`,
    severity: 'error',
  });
  const { state, instanceType, databaseVersion, settings } = instance;
  if (databaseVersion?.startsWith('POSTGRES_') === false)
    return [error('DATABASE_VERSION_UNSUPPORTED', `runs ${databaseVersion}, not PostgreSQL`)];
  if (settings?.activationPolicy === 'NEVER') return [error('SERVICE_NOT_READY', 'is stopped')];
  if (instanceType === 'READ_REPLICA_INSTANCE') return [error('SERVICE_NOT_READY', 'is a read replica')];
  if (state !== undefined && state !== 'RUNNABLE')
    return [error('SERVICE_NOT_READY', `is in state ${state ?? 'unknown'}`)];
  return [];
};
