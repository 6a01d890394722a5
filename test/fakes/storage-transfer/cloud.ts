// The service behind the interface: jobs that are never forgotten, and one operation of each at a time.
import { setTimeout as pause } from 'node:timers/promises';
import { type ApiWeather, fairApiWeather, Refusal } from '../google/google-api.ts';
import type { Buckets } from './buckets.ts';
import { checkJob, checkSpec, invalid, type TransferJobBody } from './rules.ts';
import { type Counters, type Failed, noCounters, OperationFailure, transfer } from './work.ts';

/** What goes wrong; changed by tests at any time. */
export interface TransferWeather extends ApiWeather {
  /** Milliseconds that an operation waits before it works. */
  slow: number;
  /** Operations begin nothing and end nothing while it is true. */
  held: boolean;
  /** Operations at a time; more are queued. */
  atOnce: number;
  /** Objects that fail, with the code that Google gives. */
  poisoned: Map<string, string>;
  /** What the service agent may not do, as `bucket permission`. */
  forbidden: Set<string>;
  /** Lists are read as names only. */
  ignoresVersions: boolean;
  /** What happens to the buckets meanwhile. */
  beforeObject: (name: string) => Promise<void>;
  /** What the next operation says in place of its counters. */
  miscount: ((counters: Counters) => void) | undefined;
}

export const fairTransferWeather = (): TransferWeather => ({
  ...fairApiWeather(),
  slow: 0,
  held: false,
  atOnce: 200,
  poisoned: new Map(),
  forbidden: new Set(),
  ignoresVersions: false,
  beforeObject: () => Promise.resolve(),
  miscount: undefined,
});

export interface FakeJob {
  body: TransferJobBody;
  readonly created: Date;
  latest: FakeOperation | undefined;
}

export interface FakeOperation {
  readonly name: string;
  readonly job: FakeJob;
  readonly spec: NonNullable<TransferJobBody['transferSpec']>;
  readonly start: Date;
  end: Date | undefined;
  status: 'QUEUED' | 'IN_PROGRESS' | 'SUCCESS' | 'FAILED' | 'ABORTED';
  readonly counters: Counters;
  readonly failed: Failed[];
  readonly abort: AbortController;
}

export interface TransferCloud {
  readonly weather: TransferWeather;
  readonly jobs: readonly FakeJob[];
  readonly operations: readonly FakeOperation[];
  create(body: TransferJobBody): Promise<FakeJob>;
  job(name: string, projectId: string): FakeJob;
  patch(job: FakeJob, changes: TransferJobBody): void;
  run(job: FakeJob): FakeOperation;
  operation(name: string): FakeOperation;
  cancel(operation: FakeOperation): void;
  /** Nothing goes on after it. */
  end(): Promise<void>;
}

export const createTransferCloud = (project: string, buckets: Buckets): TransferCloud => {
  const weather = fairTransferWeather();
  const jobs: FakeJob[] = [];
  const operations: FakeOperation[] = [];
  const works = new Set<Promise<void>>();
  const over = new AbortController();

  const permit = (bucket: string, permission: string): void => {
    if (!weather.forbidden.has(`${bucket} ${permission}`)) return;
    const detail = `The service agent does not have ${permission} access to the bucket.`;
    throw new OperationFailure({ code: 'PERMISSION_DENIED', url: `gs://${bucket}`, detail });
  };

  const before = async (name: string): Promise<string | undefined> => {
    while (weather.held) await pause(10, undefined, { signal: over.signal });
    await weather.beforeObject(name);
    return weather.poisoned.get(name);
  };

  const begin = async (operation: FakeOperation): Promise<void> => {
    const { spec, counters, failed } = operation;
    const signal = AbortSignal.any([operation.abort.signal, over.signal]);
    try {
      const running = () => operations.filter(({ status }) => status === 'IN_PROGRESS').length;
      do await pause(10, undefined, { signal });
      while (running() >= weather.atOnce);
      operation.status = 'IN_PROGRESS';
      await pause(weather.slow, undefined, { signal });
      while (weather.held) await pause(10, undefined, { signal });
      const onFailed = (each: Failed): void => void failed.push(each);
      const { ignoresVersions } = weather;
      await transfer({ spec, buckets, counters, signal, permit, before, onFailed, ignoresVersions });
      operation.status = failed.length > 0 ? 'FAILED' : 'SUCCESS';
      weather.miscount?.(counters);
    } catch (error) {
      operation.status = signal.aborted ? 'ABORTED' : 'FAILED';
      if (error instanceof OperationFailure) failed.push(error.failed);
      else if (!signal.aborted) failed.push({ code: 'INTERNAL', url: '', detail: String(error) });
    }
    operation.end = new Date();
  };

  const isOver = ({ status }: FakeOperation): boolean => status !== 'QUEUED' && status !== 'IN_PROGRESS';

  return {
    weather,
    jobs,
    operations,
    create: async (body) => {
      checkJob(body);
      if (body.projectId !== project)
        throw new Refusal(403, 'PERMISSION_DENIED', 'The caller does not have permission.');
      // Also one that is deleted keeps its name.
      if (jobs.some((each) => each.body.name === body.name))
        throw new Refusal(409, 'ALREADY_EXISTS', `Transfer job '${body.name ?? ''}' already exists.`);
      for (const at of [body.transferSpec?.gcsDataSource, body.transferSpec?.gcsDataSink])
        if (!(await buckets.exists(at?.bucketName ?? '')))
          throw new Refusal(404, 'NOT_FOUND', `The bucket ${at?.bucketName ?? ''} does not exist.`);
      const job: FakeJob = { body, created: new Date(), latest: undefined };
      jobs.push(job);
      return job;
    },
    job: (name, projectId) => {
      const found = jobs.find(({ body }) => body.name === name && body.projectId === projectId);
      if (found) return found;
      throw new Refusal(404, 'NOT_FOUND', 'Requested entity was not found.');
    },
    patch: (job, changes) => {
      for (const field of Object.keys(changes))
        if (!['description', 'transferSpec', 'loggingConfig', 'status'].includes(field))
          throw invalid(`${field} cannot be updated.`);
      if (changes.transferSpec) checkSpec(changes.transferSpec);
      job.body = { ...job.body, ...changes };
    },
    run: (job) => {
      if (job.body.status !== 'ENABLED')
        throw new Refusal(400, 'FAILED_PRECONDITION', 'The transfer job is not enabled.');
      if (job.latest && !isOver(job.latest))
        throw new Refusal(400, 'FAILED_PRECONDITION', 'Active operations already exist for this transfer job.');
      const operation: FakeOperation = {
        name: `transferOperations/${(job.body.name ?? '').replace('/', '-')}-${operations.length + 1}`,
        job,
        spec: job.body.transferSpec ?? {},
        start: new Date(),
        end: undefined,
        status: 'QUEUED',
        counters: noCounters(),
        failed: [],
        abort: new AbortController(),
      };
      job.latest = operation;
      operations.push(operation);
      const work = begin(operation).finally(() => works.delete(work));
      works.add(work);
      return operation;
    },
    operation: (name) => {
      const found = operations.find((each) => each.name === name);
      if (found) return found;
      throw new Refusal(404, 'NOT_FOUND', 'Requested entity was not found.');
    },
    cancel: (operation) => operation.abort.abort(),
    end: async () => {
      over.abort();
      await Promise.all(works);
    },
  };
};
