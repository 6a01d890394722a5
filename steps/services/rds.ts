import { createHash } from 'node:crypto';
import { type ErrorCode, hasCode, Lc2Error } from '../../core/errors.ts';
import type { Problem } from '../../core/ports/database.ts';
import type {
  DatabaseService,
  Leftover,
  NewServerJob,
  ServiceJob,
  SnapshotCopyJob,
} from '../../core/ports/database-service.ts';
import type { JobResult, JobService } from '../../core/ports/job-service.ts';
import { poll } from './poll.ts';
import { isRefusal, openRdsClient, type RdsClientOptions } from './rds-client.ts';
import { clusterUnit } from './rds-cluster.ts';
import { identifierOf, isCopy, openElsewhere, unitOf } from './rds-elsewhere.ts';
import { instanceUnit } from './rds-instance.ts';
import type { RdsShape, RdsSource, RdsTag, RdsThing } from './rds-unit.ts';

export interface RdsOptions extends RdsClientOptions {
  /** `project/name`, for whoever looks at the bill. */
  readonly environment: string;
}

/**
 * Amazon RDS by its API. Whatever we ask for has a name that follows from its description, which stands in a tag: so it is
 * found again, and asked for twice it is refused. That name is the handle; the id of a snapshot is its ARN.
 */
export const openRds = (options: RdsOptions): DatabaseService => {
  const { spec, signal, environment } = options;
  const { region, instance, cluster } = spec;
  const where = `${region}/${cluster ?? instance ?? ''}`;
  const client = openRdsClient(options);
  const unitFor = cluster === undefined ? instanceUnit : clusterUnit;
  const unit = unitFor({ client, spec, name: cluster ?? instance ?? '' });
  const elsewhere = openElsewhere(options, unitFor);
  const failed = (job: OurJob, what: string, cause?: unknown): Lc2Error =>
    new Lc2Error(failures[job.kind], `the ${titles[job.kind]} ${what}`, {
      where: job.kind === 'snapshot-copy' ? `${job.region}/${nameOf(job)}` : where,
      cause,
    });

  const tagsFor = ({ description }: OurJob): RdsTag[] => [
    { Key: tag, Value: description },
    { Key: `${tag}-environment`, Value: environment },
  ];

  const look = (job: OurJob): Promise<RdsThing | undefined> => {
    if (job.kind === 'temporary-server' || job.kind === 'new-server') return unit.server(nameOf(job));
    const holder = job.kind === 'snapshot' ? unit : elsewhere.unit(job.region, job.snapshotId);
    return holder.snapshot(nameOf(job));
  };

  const find = async (job: OurJob): Promise<RdsThing | undefined> => {
    const found = await look(job);
    const isOurs =
      job.kind === 'snapshot-copy' ? isCopy(found, job.snapshotId) : found?.tags.get(tag) === job.description;
    return isOurs ? found : undefined;
  };

  const ask = async (job: OurJob): Promise<void> => {
    const id = nameOf(job);
    if (job.kind === 'snapshot') return unit.createSnapshot(id, tagsFor(job));
    if (job.kind === 'snapshot-copy') return elsewhere.copy(job, tagsFor(job));
    const source = await unit.source();
    const snapshot = identifierOf(job.point.snapshotId ?? '');
    return unit.restore({ id, snapshot, source, shape: shapeFor(job, source), tags: tagsFor(job) });
  };

  /** A job that cannot be taken now may never be: the state of the live server tells. */
  const refusalOf = async (job: OurJob, error: unknown): Promise<unknown> => {
    if (isRefusal(error, ...exists)) {
      if (await find(job)) return undefined;
      if (job.kind === 'new-server') return takenError(job.name, error);
      // Of a copy that failed, which makes room for the next.
      if (job.kind === 'snapshot-copy' && (await look(job))?.status === 'deleting')
        return new Lc2Error('SERVICE_BUSY', 'an earlier copy is being deleted', { where: job.region, cause: error });
      return failed(job, `cannot be made: ${nameOf(job)} exists and is not of this run`, error);
    }
    if (hasCode(error, 'SERVICE_REFUSED')) return failed(job, `was refused: ${error.what}`, error);
    if (!isRefusal(error, 'InvalidDBInstanceState', 'InvalidDBClusterState')) return error;
    const [problem] = sourceProblems(await unit.source(), where);
    return problem ? new Lc2Error(problem.code, problem.message, { cause: error }) : error;
  };

  /** Its state, once it shows: just asked for it may not, and one that stays away is gone. */
  const seen = async (
    job: OurJob,
    use: (found: RdsThing) => Promise<void> | void,
    isOver: (found: RdsThing) => boolean,
  ) => {
    let missed = 0;
    const found = await poll(
      async () => {
        // A name that people give may be another's by now.
        const each = await (job.kind === 'new-server' ? find(job) : look(job));
        if (each) await use(each);
        else if (++missed > patience) throw failed(job, 'is gone');
        return each;
      },
      (each) => each !== undefined && isOver(each),
      signal,
    );
    return found ?? Promise.reject(failed(job, 'is gone'));
  };

  const waitForSnapshot = async (job: OurJob, report: (fraction: number) => void): Promise<JobResult> => {
    const { arn, status } = await seen(
      job,
      (found) => {
        report((found.percent ?? 0) / 100);
        if (making.test(found.status)) assertTime(job);
      },
      (found) => !making.test(found.status),
    );
    if (status !== 'available') throw failed(job, `is ${status}`);
    return { id: arn };
  };

  const assertTime = (job: OurJob): void => {
    if ('until' in job && Date.now() > new Date(job.until).getTime())
      throw failed(job, `was not available in time (${job.until})`);
  };

  const waitForServer = async (job: OurJob): Promise<JobResult> => {
    const source = await unit.source();
    const {
      id,
      host = '',
      port = 5432,
    } = await seen(
      job,
      async (found) => {
        const bad = [found, ...(found.members ?? [])].find(({ status }) => broken.test(status));
        if (bad) throw failed(job, `is ${bad.status}`);
        assertTime(job);
        await unit.complete(found, { source, shape: shapeFor(job, source), tags: tagsFor(job) });
      },
      isServing,
    );
    return { id, server: { host, port } };
  };

  /** AWS looks snapshots up by name, in one account and region: it must be the one that was meant. */
  const snapshotProblems = async ({ point: { snapshotId = '' } }: NewServerJob): Promise<Problem[]> => {
    const wrong = (message: string): Problem[] => [{ code: 'SNAPSHOT_MISSING', message, severity: 'error' }];
    if (unitOf(snapshotId, unitFor) !== unitFor || !snapshotId.includes(`:rds:${region}:`))
      return wrong(
        `${snapshotId} is no snapshot of an ${cluster === undefined ? 'instance' : 'Aurora cluster'} in ${region}`,
      );
    const found = await unit.snapshot(identifierOf(snapshotId));
    if (found?.arn !== snapshotId) return wrong(`${snapshotId} is not there any more, or of another account`);
    return found.status === 'available' ? [] : wrong(`${snapshotId} is ${found.status}`);
  };

  const nameProblems = async ({ name }: NewServerJob): Promise<Problem[]> => {
    const taken = await unit.takenName(name);
    if (taken === undefined) return [];
    return [{ code: 'NAME_TAKEN', message: takenError(taken).what, severity: 'error' }];
  };

  const takenError = (name: string, cause?: unknown): Lc2Error =>
    new Lc2Error('NAME_TAKEN', `${name} exists, and is not of this restore`, { where, cause });

  /** A temporary server is for dumping; a new one is as the live one is. */
  const shapeFor = (job: OurJob, source: RdsSource): RdsShape =>
    job.kind === 'new-server'
      ? { class: source.class, parameterGroup: source.parameterGroup, backups: true }
      : {
          class: spec.temporary.class ?? source.class,
          parameterGroup: spec.temporary.parameterGroup,
          backups: false,
        };

  const jobs: JobService<OurJob> = {
    start: async (job) => {
      assertTime(job);
      try {
        await ask(job);
      } catch (error) {
        const refusal = await refusalOf(job, error);
        if (refusal !== undefined) throw refusal;
      }
      return nameOf(job);
    },
    find: async (job) => (await find(job))?.id,
    wait: (job, _, report = () => undefined) =>
      job.kind === 'temporary-server' || job.kind === 'new-server' ? waitForServer(job) : waitForSnapshot(job, report),
    // Neither a snapshot nor a restore can be given up.
    cancel: () => Promise.resolve(false),
  };

  return {
    problems: async (wanted) => {
      const source = await unit.source();
      const problems = sourceProblems(source, where);
      if (!wanted) return [...problems, ...(await elsewhere.problems(source))];
      // A snapshot needs no live server that works.
      const needed = problems.filter(({ code }) => code !== 'SERVICE_NOT_READY');
      return [...needed, ...(await snapshotProblems(wanted)), ...(await nameProblems(wanted))];
    },
    start: (job) => jobs.start(ourJob(job)),
    find: (job) => jobs.find(ourJob(job)),
    wait: (job, handle, report) => jobs.wait(ourJob(job), handle, report),
    cancel: (handle) => jobs.cancel(handle),
    snapshotCopies: { ...jobs, remove: elsewhere.remove },
    leftovers: async (prefix) => {
      const found: Leftover[] = [];
      const collect = async (kind: Leftover['kind'], things: AsyncIterable<RdsThing>): Promise<void> => {
        for await (const { id, arn, status, tags } of things) {
          const description = tags.get(tag);
          if (description?.startsWith(prefix) !== true || status === 'deleting') continue;
          // A server that is being made may be deleted, or not: AWS says.
          const state = kind === 'snapshot' && making.test(status) ? 'running' : 'done';
          found.push({ kind, id: kind === 'snapshot' ? arn : id, description, state });
        }
      };
      // What costs most goes first.
      await collect('temporary-server', unit.servers());
      await collect('snapshot', unit.snapshots());
      return found;
    },
    remove: async ({ kind, id }) => {
      const name = identifierOf(id);
      try {
        if (kind === 'snapshot') return await unitOf(id, unitFor)({ client, spec, name: '' }).deleteSnapshot(name);
        const server = await unit.server(name);
        if (server && server.status !== 'deleting') await unit.deleteServer(server);
      } catch (error) {
        const again = hasCode(error, 'SERVICE_BUSY') && kind !== 'snapshot' ? await unit.server(name) : undefined;
        // Somebody else has asked for the same.
        if (!hasCode(error, 'SERVICE_NOT_FOUND') && again?.status !== 'deleting') throw error;
      }
    },
  };
};

const tag = 'lc2-backup';

/** Looks at what was asked for and does not show, about twenty seconds. */
const patience = 10;

type OurJob = Extract<ServiceJob, { kind: 'snapshot' | 'temporary-server' | 'new-server' }> | SnapshotCopyJob;

const failures = {
  snapshot: 'SNAPSHOT_FAILED',
  'temporary-server': 'TEMPORARY_SERVER_FAILED',
  'new-server': 'NEW_SERVER_FAILED',
  'snapshot-copy': 'SNAPSHOT_FAILED',
} as const satisfies Record<OurJob['kind'], ErrorCode>;

const titles = {
  snapshot: 'snapshot',
  'temporary-server': 'temporary server',
  'new-server': 'new server',
  'snapshot-copy': 'copy of the snapshot',
} as const;

const exists = [
  'DBSnapshotAlreadyExists',
  'DBClusterSnapshotAlreadyExists',
  'DBInstanceAlreadyExists',
  'DBClusterAlreadyExists',
] as const;

const ourJob = (job: ServiceJob): OurJob => {
  if (job.kind === 'snapshot' || job.kind === 'temporary-server' || job.kind === 'new-server') return job;
  throw new Lc2Error('BUG', `${job.kind} is no capability of RDS`);
};

/** As AWS wants names: a letter first, no hyphens at the end or in pairs, 63 characters at most. */
const nameOf = (job: OurJob): string =>
  job.kind === 'new-server'
    ? job.name
    : job.kind === 'snapshot-copy'
      ? identifierOf(job.snapshotId)
      : `lc2-${createHash('sha256').update(job.description).digest('hex').slice(0, 40)}`;

const making = /^(creating|copying|pending)$/;
/** States that pass by themselves are none of these. */
const broken = /^(stop|delet|failed|inaccessible|incompatible|insufficient|restore-error|storage-full|\w+-failed)/;
const serving = /^(available|backing-up|storage-optimization)$/;

const isServing = ({ status, host, members }: RdsThing): boolean =>
  serving.test(status) && Boolean(host) && (members?.some((member) => serving.test(member.status)) ?? true);

const engines = new Set(['postgres', 'aurora-postgresql']);

/** Whether the server could be snapshot, now or soon. */
const sourceProblems = (
  { status, engine, cluster }: RdsSource,
  where: string,
): (Problem & { readonly code: ErrorCode })[] => {
  const error = (code: ErrorCode, message: string) => [
    { code, message: `${where} ${message}`, severity: 'error' } as const,
  ];
  if (!engines.has(engine)) return error('DATABASE_VERSION_UNSUPPORTED', `runs ${engine}, not PostgreSQL`);
  if (cluster !== undefined)
    return error('ENVIRONMENT_INVALID', `belongs to a cluster: give database.rds.cluster, ${cluster}`);
  return broken.test(status) ? error('SERVICE_NOT_READY', `is ${status}`) : [];
};
