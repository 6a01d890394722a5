import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { durationSeconds } from '../../core/api/common.ts';
import { hasCode, Lc2Error } from '../../core/errors.ts';
import type { Json } from '../../core/manifest/canonical.ts';
import type { ServiceJob } from '../../core/ports/database-service.ts';
import type { JobResult, JobService } from '../../core/ports/job-service.ts';
import type { TransferJob } from '../../core/ports/transfer-service.ts';
import type { ObjectStore } from '../../core/ports/object-store.ts';
import type { StepContext } from './context.ts';
import { tryReadRecord, writeOnce } from './storage.ts';

/**
 * Work that a service does by itself. What we ask for is written down before we ask, and the service's handle before
 * we wait: whoever comes after us, killed at whatever moment, goes on with the same job and asks for no second one.
 * Only a job that has failed is followed by another, of the next number. A step that is told to stop leaves its job to the
 * service: a pod that is taken away is followed by another, and only the cleaner knows that the run is over.
 */

type Job = ServiceJob | TransferJob;
type Service = JobService<Job>;

const bucketPath = z.object({ bucket: z.string(), path: z.string() });

const serverJob = z.object({
  description: z.string(),
  point: z.object({ time: z.string(), snapshotId: z.string().optional() }),
  until: z.string(),
});

const anyJob = z.union([
  z.object({ kind: z.literal('snapshot'), description: z.string() }),
  serverJob.extend({ kind: z.literal('temporary-server') }),
  serverJob.extend({ kind: z.literal('new-server'), name: z.string() }),
  z.object({ kind: z.literal('export'), database: z.string(), url: z.string() }),
  z.object({ kind: z.literal('import'), database: z.string(), url: z.string(), ignore: z.array(z.string()) }),
  z.object({
    kind: z.literal('transfer'),
    name: z.string(),
    source: bucketPath,
    sink: bucketPath,
    list: z.string(),
    count: z.int(),
    bytes: z.int(),
  }),
]);

const jobRecord = z.object({
  runUid: z.string(),
  /** Who asked: an attempt does not repeat what it saw fail itself. */
  attempt: z.string(),
  job: anyJob,
  facts: z.unknown(),
});
type JobRecord = z.output<typeof jobRecord>;

const handleRecord = z.object({ handle: z.string() });

export interface JobTask<Facts extends z.ZodType> extends NamedTask<Job> {
  readonly storage: ObjectStore;
  /** Where the records are. */
  readonly folder: string;
  /** What is known only when the job is first asked for. */
  readonly facts: Facts;
  /** The job of this number, and its facts. `earlier` are the handles of those that failed. */
  readonly make: (
    number: number,
    earlier: readonly string[],
  ) => Promise<{ readonly job: Job; readonly facts: z.input<Facts> }>;
  /** From 0 to 1 how far the job is, where the service tells. */
  readonly report?: (fraction: number) => void;
}

export interface JobDone<Facts extends z.ZodType> {
  readonly job: Job;
  readonly facts: z.output<Facts>;
  readonly result: JobResult;
}

export const runJob = async <Facts extends z.ZodType>(task: JobTask<Facts>): Promise<JobDone<Facts>> => {
  const { context, folder } = task;
  const earlier: string[] = [];
  for (let number = 1; ; number++) {
    const key = keyOf(folder, number);
    const record = (await tryReadRecord(task.storage, key, jobRecord)) ?? (await claim(task, number, earlier));
    const handle = await handleOf(task, record, number);
    earlier.push(handle);
    try {
      const result = await waitFor(task, record.job, handle);
      return { job: record.job, facts: task.facts.parse(record.facts), result };
    } catch (error) {
      if (context.signal.aborted || !isFailedJob(error) || record.attempt === context.attempt) throw error;
      context.log.warn({ job: record.job.kind, code: error.code }, 'a job of an earlier attempt has failed');
    }
  }
};

const keyOf = (folder: string, number: number): string => `${folder}${String(number).padStart(4, '0')}.json`;
const handleKeyOf = (folder: string, number: number): string =>
  `${folder}${String(number).padStart(4, '0')}.operation.json`;

const isFailedJob = (error: unknown): error is Lc2Error =>
  hasCode(
    error,
    'SNAPSHOT_FAILED',
    'TEMPORARY_SERVER_FAILED',
    'NEW_SERVER_FAILED',
    'EXPORT_FAILED',
    'LOAD_FAILED',
    'TRANSFER_FAILED',
    'SERVICE_INTERRUPTED',
  );

const claim = async <Facts extends z.ZodType>(
  task: JobTask<Facts>,
  number: number,
  earlier: readonly string[],
): Promise<JobRecord> => {
  const { context, storage, folder } = task;
  await task.mayStart();
  const { job, facts } = await task.make(number, earlier);
  const record = jobRecord.parse({ runUid: context.runUid, attempt: context.attempt, job, facts });
  if (await writeOnce(storage, keyOf(folder, number), record as Json)) return record;
  const standing = await tryReadRecord(storage, keyOf(folder, number), jobRecord);
  if (!standing) throw new Lc2Error('STORE_FAILED', 'a record exists and cannot be read', { where: folder });
  return standing;
};

/** Taken from the record, else from the service, else asked for. */
const handleOf = async <Facts extends z.ZodType>(
  task: JobTask<Facts>,
  record: JobRecord,
  number: number,
): Promise<string> => {
  const { storage, folder, context } = task;
  const key = handleKeyOf(folder, number);
  const known = await tryReadRecord(storage, key, handleRecord);
  if (known) {
    context.log.info({ job: record.job.kind, handle: known.handle }, 'going on with a job that was asked for before');
    return known.handle;
  }
  const handle = await startOrFind(task, record.job);
  await writeOnce(storage, key, { handle });
  return handle;
};

/** Work that its own name leads back to: nothing has to be written down for whoever repeats it. */
export const runNamedJob = async <J extends { readonly kind: string }>(
  task: NamedTask<J>,
  job: J,
  report?: (fraction: number) => void,
): Promise<JobResult> => task.service.wait(job, await startOrFind(task, job), report);

interface NamedTask<J> {
  readonly context: StepContext;
  readonly service: JobService<J>;
  /** Throws where nobody may ask for anything any more. */
  readonly mayStart: () => Promise<void>;
}

/** How often an answer may be lost before somebody should look. */
const lostAnswers = 5;

const startOrFind = async <J extends { readonly kind: string }>(task: NamedTask<J>, job: J): Promise<string> => {
  const { context, service } = task;
  const { clock, environment, signal } = context;
  const until = clock.now().getTime() + durationSeconds(environment.spec.scheduling.deadline) * 1000;
  for (let [round, lost] = [0, 0]; ; round++) {
    const found = await service.find(job);
    if (found !== undefined) {
      context.log.info({ job: job.kind, handle: found }, 'found the job that was asked for before');
      return found;
    }
    try {
      await task.mayStart();
      const handle = await service.start(job);
      context.log.info({ job: job.kind, handle }, 'asked the service');
      return handle;
    } catch (error) {
      if (!hasCode(error, 'SERVICE_BUSY', 'SERVICE_FAILED')) throw error;
      if (error.code === 'SERVICE_FAILED' && ++lost >= lostAnswers) throw error;
      if (clock.now().getTime() > until) throw error;
      context.log.warn({ job: job.kind, code: error.code }, error.what);
    }
    await pause(backoff(round), undefined, { signal });
  }
};

/** Grows from a third of a second to half a minute, with jitter: many environments may wait for one instance. */
const backoff = (round: number): number => Math.min(30_000, 300 * 1.6 ** round) * (0.5 + Math.random());

/** Two attempts at once may have asked for the same: where one was refused its own work by the other's, that one counts. */
const waitFor = async (
  { service, report }: Pick<JobTask<z.ZodType>, 'service' | 'report'>,
  job: Job,
  handle: string,
): Promise<JobResult> => {
  try {
    return await service.wait(job, handle, report);
  } catch (error) {
    const other = isFailedJob(error) ? await service.find(job) : undefined;
    if (other === undefined || other === handle) throw error;
    try {
      return await service.wait(job, other, report);
    } catch (second) {
      // Of two that failed the first says why.
      throw isFailedJob(second) ? error : second;
    }
  }
};

export interface GivingUp {
  readonly service: Service;
  readonly storage: ObjectStore;
  readonly prefix: string;
  /** How often each job is looked at. */
  readonly patience?: number;
}

/**
 * Asks the service to give up what was asked for below `prefix`, and waits until it has ended: an export that ends in that instant
 * would write into a folder that was just removed. False where one goes on for longer than anybody waits: its files stay.
 */
export const cancelJobs = async (context: StepContext, task: GivingUp): Promise<boolean> => {
  let ended = true;
  for await (const asked of askedJobs(task.storage, task.prefix)) ended = (await giveUp(context, task, asked)) && ended;
  return ended;
};

/** About two minutes. */
const mostLooks = 12;

const giveUp = async (
  context: StepContext,
  { service, patience = mostLooks }: GivingUp,
  { job, handle: known }: AskedJob,
): Promise<boolean> => {
  for (let round = 1; ; round++) {
    try {
      // Whoever asked may have died before it wrote the handle down.
      const handle = known ?? (await service.find(job));
      if (handle === undefined || (await service.cancel(handle))) return true;
    } catch (error) {
      if (hasCode(error, 'SERVICE_NOT_FOUND')) return true;
      if (!(error instanceof Lc2Error)) throw error;
      context.log.warn({ job: job.kind, code: error.code }, 'a job could not be given up');
      // Who may not look will not see it end either.
      if (error.kind !== 'retry') return false;
    }
    if (round === patience) break;
    await pause(backoff(round), undefined, { signal: context.signal });
  }
  context.log.warn({ job: job.kind }, 'a job goes on that nobody needs');
  return false;
};

interface AskedJob {
  readonly job: Job;
  readonly handle: string | undefined;
}

/** What was asked for below `prefix`, with the handle where it was written down. */
export const askedJobs = async function* (storage: ObjectStore, prefix: string): AsyncIterable<AskedJob> {
  const names: string[] = [];
  for await (const { key } of storage.list({ prefix })) {
    const [, name] = /^(.*\/\d{4})\.json$/.exec(key) ?? [];
    if (name !== undefined) names.push(name);
  }
  for (const name of names) {
    const record = await tryReadRecord(storage, `${name}.json`, jobRecord);
    if (!record) continue;
    const handle = (await tryReadRecord(storage, `${name}.operation.json`, handleRecord))?.handle;
    yield { job: record.job, handle };
  }
};
