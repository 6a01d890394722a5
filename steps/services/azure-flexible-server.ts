import { createHash } from 'node:crypto';
import { durationSeconds } from '../../core/api/common.ts';
import { type ErrorCode, hasCode, Lc2Error } from '../../core/errors.ts';
import type { Problem } from '../../core/ports/database.ts';
import type { DatabaseService, Leftover, NewServerJob, ServiceJob } from '../../core/ports/database-service.ts';
import type { JobResult } from '../../core/ports/job-service.ts';
import type { AzureFlexibleServerSpec } from '../../core/services/azure-flexible-server.ts';
import { type AzureServer, openAzureCalls } from './azure-calls.ts';
import type { AzureOptions } from './azure-client.ts';
import { outcomeError } from './azure-error.ts';
import { poll } from './poll.ts';

export interface AzureFlexibleServerOptions extends AzureOptions {
  /** `project/name`, for whoever looks at the bill. */
  readonly environment: string;
}

/**
 * Azure Database for PostgreSQL flexible server by Azure Resource Manager. Whatever we ask for has a name that follows from its
 * description: so it is found again. A handle is the path of the operation, which alone tells of failures; or the name of
 * what was found. Of a server the description stands in a tag; a backup has none, but a name that begins with its run's.
 */
export const openAzureFlexibleServer = (options: AzureFlexibleServerOptions): DatabaseService => {
  const { spec, signal, environment } = options;
  const where = `${spec.resourceGroup}/${spec.server}`;
  const calls = openAzureCalls(options);
  const failed = (job: OurJob, what: string, cause?: unknown): Lc2Error =>
    new Lc2Error(failures[job.kind], `the ${titles[job.kind]} ${what}`, { where, cause });

  const assertDeadline = (job: OurJob): void => {
    if (job.kind !== 'snapshot' && Date.now() > new Date(job.until).getTime())
      throw failed(job, `was not ready in time (${job.until})`);
  };

  /** The server of this name, which must be of this job: to create one that exists is to change it. */
  const ownServer = async (job: OurJob): Promise<AzureServer | undefined> => {
    const found = await calls.server(nameOf(job));
    if (found && found.tags?.[tag] !== job.description)
      throw job.kind === 'new-server'
        ? takenError(job)
        : failed(job, `cannot be made: ${found.name} exists and is not of this run`);
    return found;
  };

  const takenError = ({ name }: NewServerJob, cause?: unknown): Lc2Error =>
    new Lc2Error('NAME_TAKEN', `${name} exists, and is not of this restore`, { where, cause });

  const find = async (job: OurJob): Promise<string | undefined> =>
    (job.kind === 'snapshot' ? await calls.backup(nameOf(job)) : await ownServer(job))?.name;

  const ask = async (job: OurJob): Promise<string | undefined> => {
    const source = await calls.source();
    const [problem] = sourceProblems(source, job.kind, where);
    if (problem) throw new Lc2Error(problem.code, problem.message);
    if (job.kind === 'snapshot') return calls.createBackup(nameOf(job));
    assertRestorable(job, source);
    const tags = { [tag]: job.description, [`${tag}-environment`]: environment };
    return calls.createServer(nameOf(job), restoreBody(spec, { source, sourceId: calls.sourceId, job, tags }));
  };

  /** Why Azure cannot restore the server as of then. */
  const tooEarly = ({ point: { time } }: ServerJob, { properties }: AzureServer): string | undefined => {
    const earliest = properties.backup?.earliestRestoreDate;
    if (!earliest || new Date(time) >= new Date(earliest)) return undefined;
    return `cannot be of ${time}: this server can be restored from ${earliest} on`;
  };

  const assertRestorable = (job: ServerJob, source: AzureServer): void => {
    const { time } = job.point;
    const why = tooEarly(job, source);
    if (why !== undefined) throw failed(job, why);
    const stored = new Date(new Date(time).getTime() + durationSeconds(spec.temporary.logDelay) * 1000);
    if (new Date() < stored)
      throw new Lc2Error('SERVICE_BUSY', `the log up to ${time} may not be stored before ${stored.toISOString()}`, {
        where,
        remedy: 'the server is asked for then',
      });
  };

  const waitForOperation = async (job: OurJob, path: string, report: (fraction: number) => void): Promise<void> => {
    const over = await poll(
      async () => {
        assertDeadline(job);
        const found = await calls.operation(path);
        if (typeof found?.percentComplete === 'number') report(found.percentComplete / 100);
        return found;
      },
      (found) => found === undefined || ended.test(found.status),
      signal,
    );
    if (over === undefined || over.status === 'Succeeded') return;
    const { code = '', message = '' } = over.error ?? {};
    throw outcomeError(
      { code: code ?? '', message: message ?? '' },
      { failure: failures[job.kind], what: titles[job.kind], where },
    );
  };

  /** Once it shows: just asked for it may not, and what stays away is gone. */
  const seen = async <T>(
    job: OurJob,
    look: () => Promise<T | undefined>,
    isOver: (found: T) => boolean,
  ): Promise<T> => {
    let missed = 0;
    const found = await poll(
      async () => {
        assertDeadline(job);
        const each = await look();
        if (each === undefined && ++missed > patience) throw failed(job, 'is gone');
        return each;
      },
      (each) => each !== undefined && isOver(each),
      signal,
    );
    return found ?? Promise.reject(failed(job, 'is gone'));
  };

  const waitForServer = async (job: ServerJob): Promise<JobResult> => {
    const { name, properties } = await seen(
      job,
      async () => {
        const found = await ownServer(job);
        const state = found?.properties.state ?? '';
        if (broken.test(state)) throw failed(job, `is ${state}`);
        return found;
      },
      (found) => found.properties.state === 'Ready' && Boolean(found.properties.fullyQualifiedDomainName),
    );
    // Azure's servers all have the same port.
    return { id: name, server: { host: properties.fullyQualifiedDomainName ?? '', port: spec.port } };
  };

  const isRunning = async (handle: string | undefined): Promise<boolean> => {
    const found = handle?.startsWith('/') === true ? await calls.operation(handle) : undefined;
    return found !== undefined && !ended.test(found.status);
  };

  const newServerProblems = async (job: NewServerJob): Promise<Problem[]> => {
    const source = await calls.source();
    const problems: Problem[] = sourceProblems(source, job.kind, where);
    const why = tooEarly(job, source);
    if (why !== undefined)
      problems.push({ code: 'SNAPSHOT_MISSING', message: `a ${titles[job.kind]} ${why}`, severity: 'error' });
    if (await calls.server(job.name))
      problems.push({ code: 'NAME_TAKEN', message: takenError(job).what, severity: 'error' });
    return problems;
  };

  return {
    problems: async (wanted) => {
      if (wanted) return newServerProblems(wanted);
      const kinds: OurJob['kind'][] = [
        ...(spec.snapshot.enabled ? (['snapshot'] as const) : []),
        ...(spec.dumpFrom === 'point' ? (['temporary-server'] as const) : []),
      ];
      // Whoever wants nothing of Azure needs to be nobody there.
      if (kinds.length === 0) return [];
      const source = await calls.source();
      return kinds.flatMap((kind) => sourceProblems(source, kind, where)).slice(0, 1);
    },
    start: async (given) => {
      const job = ourJob(given);
      assertDeadline(job);
      const standing = await find(job);
      if (standing !== undefined) return standing;
      try {
        return (await ask(job)) ?? nameOf(job);
      } catch (error) {
        // Names are unlike any other's in the world, and not only in this group.
        if (job.kind === 'new-server' && hasCode(error, 'SERVICE_BUSY') && error.what.startsWith(nameExists))
          throw takenError(job, error);
        if (hasCode(error, 'SERVICE_REFUSED')) throw failed(job, `was refused: ${error.what}`, error);
        throw error;
      }
    },
    find: (given) => find(ourJob(given)),
    wait: async (given, handle, report = () => undefined) => {
      const job = ourJob(given);
      if (handle.startsWith('/')) await waitForOperation(job, handle, report);
      if (job.kind !== 'snapshot') return waitForServer(job);
      const { id } = await seen(
        job,
        () => calls.backup(nameOf(job)),
        (found) => Boolean(found.properties?.completedTime),
      );
      return { id };
    },
    // Neither a backup nor a restore can be given up.
    cancel: () => Promise.resolve(false),
    leftovers: async (prefix, asked = []) => {
      const found: Leftover[] = [];
      const names = new Set<string>();
      // What costs most goes first.
      for await (const { name, tags, properties } of calls.servers()) {
        const description = tags?.[tag] ?? '';
        // A restored server has the tags of its source: copies of ours that people made have other names.
        if (!description.startsWith(prefix) || name !== nameFor(description)) continue;
        names.add(name);
        if (properties.state !== 'Dropping')
          found.push({ kind: 'temporary-server', id: name, description, state: 'done' });
      }
      for await (const { id, name } of calls.backups()) {
        if (!name.startsWith(runNameOf(prefix))) continue;
        names.add(name);
        found.push({ kind: 'snapshot', id, description: prefix, state: 'done' });
      }
      // A backup shows when it is made: who would leave before has to know of it. To delete what is not there does no harm.
      for (const { job, handle } of asked) {
        const { kind, description } = job;
        const name = nameOf(job);
        if (names.has(name)) continue;
        const state = (await isRunning(handle)) ? 'running' : 'done';
        found.push({ kind, id: kind === 'snapshot' ? calls.backupId(name) : name, description, state });
      }
      return found;
    },
    remove: async ({ kind, id }) => {
      const name = id.slice(id.lastIndexOf('/') + 1);
      if (kind === 'new-server') {
        const description = (await calls.server(name))?.tags?.[tag] ?? '';
        // Copies that people made of it have its tags, and other names.
        if (newServers.exec(description)?.[1] === name) await calls.deleteServer(name);
        return;
      }
      if (!ours.test(name) || (kind === 'snapshot' && !backupIds.test(id)))
        throw new Lc2Error('SERVICE_REFUSED', `${id} was not made by lc2-backup`, { where });
      await (kind === 'snapshot' ? calls.deleteBackup(id) : calls.deleteServer(name));
    },
  };
};

const tag = 'lc2-backup';

/** Looks at what was asked for and does not show, about twenty seconds. */
const patience = 10;

type OurJob = Extract<ServiceJob, { kind: 'snapshot' | 'temporary-server' | 'new-server' }>;
type ServerJob = Extract<ServiceJob, { kind: 'temporary-server' | 'new-server' }>;

const failures = {
  snapshot: 'SNAPSHOT_FAILED',
  'temporary-server': 'TEMPORARY_SERVER_FAILED',
  'new-server': 'NEW_SERVER_FAILED',
} as const satisfies Record<OurJob['kind'], ErrorCode>;

const titles = {
  snapshot: 'on-demand backup',
  'temporary-server': 'temporary server',
  'new-server': 'new server',
} as const;

const ourJob = (job: ServiceJob): OurJob => {
  if (job.kind === 'snapshot' || job.kind === 'temporary-server' || job.kind === 'new-server') return job;
  throw new Lc2Error('BUG', `${job.kind} is no capability of flexible servers`);
};

const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 24);

/** The part that all names of a run have: of the words of its descriptions that name it. */
const runNameOf = (prefix: string): string => `lc2-${hash(prefix)}-`;

/** As Azure wants the names of servers: 63 letters, digits and hyphens at most, unlike any other's in the world. */
const nameOf = (job: OurJob): string => (job.kind === 'new-server' ? job.name : nameFor(job.description));

const nameFor = (description: string): string =>
  `${runNameOf(/^(\S+ ){3}/.exec(description)?.[0] ?? '')}${hash(description)}`;

/** Their descriptions end with their names. */
const newServers = /^lc2-backup new-server .* (\S+)$/;
const nameExists = 'ServerNameAlreadyExists';
const ours = /^lc2-[0-9a-f]{24}-[0-9a-f]{24}$/;
/** Ids come back from manifests: of nothing but a backup. */
const backupIds =
  /^\/subscriptions\/[-0-9a-f]+\/resourceGroups\/[^/?#]+\/providers\/Microsoft\.DBforPostgreSQL\/flexibleServers\/[^/?#]+\/backups\/[^/?#]+$/i;

const ended = /^(Succeeded|Failed|Cancell?ed)$/;

/** States that pass by themselves are none of these. */
const broken = /^(Disabled|Dropping|Inaccessible|Stopped|Stopping)$/;

/** Whether the server could do the work, now or soon. */
const sourceProblems = (
  { properties, sku }: AzureServer,
  kind: OurJob['kind'],
  where: string,
): (Problem & { readonly code: ErrorCode })[] => {
  const error = (code: ErrorCode, message: string) => [
    { code, message: `${where} ${message}`, severity: 'error' } as const,
  ];
  const { state = '', replicationRole = '' } = properties;
  if (broken.test(state ?? '')) return error('SERVICE_NOT_READY', `is ${state ?? ''}`);
  if (replicationRole?.endsWith('Replica') === true) return error('SERVICE_NOT_READY', 'is a read replica');
  if (kind === 'snapshot' && sku?.tier === 'Burstable')
    return error(
      'ENVIRONMENT_INVALID',
      'is Burstable, and Azure takes no on-demand backups of those: set snapshot.enabled to false',
    );
  return [];
};

interface RestoreOrder {
  readonly source: AzureServer;
  readonly sourceId: string;
  readonly job: ServerJob;
  readonly tags: Readonly<Record<string, string>>;
}

/** Network, where it is a private one, as the environment says, else as the live server's; all else comes from that. */
const restoreBody = ({ temporary }: AzureFlexibleServerSpec, { source, sourceId, job, tags }: RestoreOrder) => {
  const { location, properties } = source;
  const subnet = temporary.subnet ?? properties.network?.delegatedSubnetResourceId;
  const zone = temporary.privateDnsZone ?? properties.network?.privateDnsZoneArmResourceId;
  const network = {
    ...(subnet ? { delegatedSubnetResourceId: subnet } : {}),
    ...(zone ? { privateDnsZoneArmResourceId: zone } : {}),
  };
  return {
    location,
    tags,
    properties: {
      createMode: 'PointInTimeRestore',
      sourceServerResourceId: sourceId,
      pointInTimeUTC: job.point.time,
      ...(subnet ? { network } : {}),
    },
  };
};
