// Storage Transfer over HTTP, in Google's words, judged by Google's description in both directions.
import { type Asked, type GoogleApi, startGoogleApi } from '../google/google-api.ts';
import { readDiscovery } from '../google/discovery.ts';
import { openBuckets } from './buckets.ts';
import { createTransferCloud, type FakeJob, type FakeOperation, type TransferCloud } from './cloud.ts';
import { invalid } from './rules.ts';

export interface TransferFake extends GoogleApi {
  readonly cloud: TransferCloud;
}

export interface TransferFakeOptions {
  readonly project: string;
  /** Root of the JSON API of the buckets. */
  readonly buckets: string;
  readonly port?: number;
}

/** Who calls a method must have it. */
const permissions: Readonly<Record<string, string>> = {
  'storagetransfer.transferJobs.create': 'storagetransfer.jobs.create',
  'storagetransfer.transferJobs.get': 'storagetransfer.jobs.get',
  'storagetransfer.transferJobs.patch': 'storagetransfer.jobs.update',
  'storagetransfer.transferJobs.delete': 'storagetransfer.jobs.delete',
  'storagetransfer.transferJobs.run': 'storagetransfer.jobs.run',
  'storagetransfer.transferOperations.get': 'storagetransfer.operations.get',
  'storagetransfer.transferOperations.list': 'storagetransfer.operations.list',
  'storagetransfer.transferOperations.cancel': 'storagetransfer.operations.cancel',
  'storagetransfer.googleServiceAccounts.get': 'storagetransfer.projects.getServiceAccount',
};

export async function startTransferFake({ project, buckets, port = 0 }: TransferFakeOptions): Promise<TransferFake> {
  const cloud = createTransferCloud(project, openBuckets(buckets));
  const discovery = readDiscovery('storagetransfer.v1.json');
  /** What Google hides in a field that can be anything is described all the same. */
  const answerWith = (operation: FakeOperation): unknown => {
    const metadata = metadataOf(operation);
    const problems = discovery.problems('TransferOperation', metadata, 'answered');
    if (problems.length > 0) throw new Error(problems.join('; '));
    return operationJson(operation, metadata);
  };
  const api = await startGoogleApi({
    discovery: 'storagetransfer.v1.json',
    weather: cloud.weather,
    permissions,
    answers: answersOf(cloud, answerWith),
    errorBody: ({ status, reason, message }) => ({ error: { code: status, message, status: reason } }),
    port,
  });
  return {
    ...api,
    cloud,
    stop: async () => {
      await cloud.end();
      await api.stop();
    },
  };
}

const answersOf = (
  cloud: TransferCloud,
  answerWith: (operation: FakeOperation) => unknown,
): Readonly<Record<string, (asked: Asked) => unknown>> => {
  const jobOf = ({ values, query, body }: Asked): FakeJob =>
    cloud.job(values['jobName'] ?? '', query.get('projectId') ?? textOf(body?.['projectId']));
  return {
    'storagetransfer.transferJobs.create': async ({ body = {} }) => jobJson(await cloud.create(body)),
    'storagetransfer.transferJobs.get': (asked) => jobJson(jobOf(asked)),
    'storagetransfer.transferJobs.patch': (asked) => {
      const job = jobOf(asked);
      cloud.patch(job, asked.body?.['transferJob'] ?? {});
      return jobJson(job);
    },
    'storagetransfer.transferJobs.delete': (asked) => {
      cloud.patch(jobOf(asked), { status: 'DELETED' });
      return {};
    },
    'storagetransfer.transferJobs.run': (asked) => answerWith(cloud.run(jobOf(asked))),
    'storagetransfer.transferOperations.get': ({ values }) => answerWith(cloud.operation(values['name'] ?? '')),
    'storagetransfer.transferOperations.list': ({ query }) => {
      const filter = JSON.parse(query.get('filter') ?? '{}') as { projectId?: string; jobNames?: string[] };
      if (filter.projectId === undefined) throw invalid('filter needs a projectId.');
      const found = cloud.operations.filter(({ job }) => filter.jobNames?.includes(job.body.name ?? '') ?? true);
      return { operations: found.toReversed().map(answerWith) };
    },
    'storagetransfer.transferOperations.cancel': ({ values }) => {
      cloud.cancel(cloud.operation(values['name'] ?? ''));
      return {};
    },
    'storagetransfer.googleServiceAccounts.get': ({ values }) => ({
      accountEmail: `project-1@storage-transfer-service.iam.gserviceaccount.com`,
      subjectId: values['projectId'],
    }),
  };
};

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

const jobJson = ({ body, created, latest }: FakeJob): unknown => ({
  ...body,
  creationTime: created.toISOString(),
  lastModificationTime: created.toISOString(),
  ...(latest && { latestOperationName: latest.name }),
});

const type = 'type.googleapis.com/google.storagetransfer.v1.TransferOperation';

const metadataOf = ({ name, job, spec, start, end, status, counters, failed }: FakeOperation): object => ({
  name,
  projectId: job.body.projectId,
  transferJobName: job.body.name,
  transferSpec: spec,
  status,
  startTime: start.toISOString(),
  ...(end && { endTime: end.toISOString() }),
  // What is 0 is left out.
  counters: Object.fromEntries(
    Object.entries(counters).flatMap(([each, value]: [string, number]) => (value === 0 ? [] : [[each, String(value)]])),
  ),
  ...(failed.length > 0 && {
    errorBreakdowns: [...Map.groupBy(failed, ({ code }) => code)].map(([errorCode, all]) => ({
      errorCode,
      errorCount: String(all.length),
      errorLogEntries: all.slice(0, 5).map(({ url, detail }) => ({ url, errorDetails: [detail] })),
    })),
  }),
});

const operationJson = (operation: FakeOperation, metadata: object): unknown => ({
  name: operation.name,
  metadata: { '@type': type, ...metadata },
  ...(operation.end === undefined
    ? {}
    : operation.status === 'ABORTED'
      ? { done: true, error: { code: 1, message: 'The operation was cancelled.' } }
      : // Also where it has failed.
        { done: true, response: { '@type': 'type.googleapis.com/google.protobuf.Empty' } }),
});
