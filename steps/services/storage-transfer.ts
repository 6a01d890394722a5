import { z } from 'zod';
import type { StorageTransferSpec } from '../../core/api/storage-transfer.ts';
import { hasCode, Lc2Error } from '../../core/errors.ts';
import type { TransferJob, TransferService } from '../../core/ports/transfer-service.ts';
import { poll } from './poll.ts';
import { openTransferClient } from './storage-transfer-client.ts';
import { failureOfTransfer, isOver, transferOperation } from './transfer-outcome.ts';

export interface StorageTransferOptions {
  readonly spec: StorageTransferSpec;
  readonly secrets: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

const jobAnswer = z.object({ latestOperationName: z.string().optional() });
const operationAnswer = z.object({ name: z.string().min(1), metadata: transferOperation.optional() });

/** Google's Storage Transfer Service, without an agent. A handle is the name of the one operation of a job. */
export const openStorageTransfer = (options: StorageTransferOptions): TransferService => {
  const { spec, signal } = options;
  const projectId = spec.project;
  const where = `Storage Transfer of ${projectId}`;
  const client = openTransferClient(options);
  const query = `?projectId=${encodeURIComponent(projectId)}`;

  const latestOf = async ({ name }: Pick<TransferJob, 'name'>): Promise<string | undefined> => {
    const answer = await client.call(
      { method: 'GET', path: `${name}${query}` },
      { permission: 'storagetransfer.jobs.get' },
    );
    return parsed(jobAnswer, answer).latestOperationName;
  };

  /** A job without a schedule does nothing until it is told to run. */
  const create = async (job: TransferJob): Promise<void> => {
    const body = { ...bodyOf(job), projectId };
    try {
      await client.call(
        { method: 'POST', path: 'transferJobs', body },
        { permission: 'storagetransfer.jobs.create', refusal: 'TRANSFER_FAILED' },
      );
    } catch (error) {
      // Its name is taken: by this very job, of which an answer was lost.
      if (!hasCode(error, 'SERVICE_NOT_READY')) throw error;
    }
  };

  const look = async (handle: string, own = signal) => {
    const answer = await client.call(
      { method: 'GET', path: handle, signal: own },
      { permission: 'storagetransfer.operations.get' },
    );
    return parsed(operationAnswer, answer).metadata ?? {};
  };

  const find = async (job: Pick<TransferJob, 'name'>): Promise<string | undefined> => {
    try {
      return await latestOf(job);
    } catch (error) {
      if (hasCode(error, 'SERVICE_NOT_FOUND')) return undefined;
      throw error;
    }
  };

  const parsed = <S extends z.ZodType>(schema: S, answer: unknown): z.output<S> => {
    const result = schema.safeParse(answer);
    if (result.success) return result.data;
    throw new Lc2Error('SERVICE_FAILED', 'the answer is not one of Storage Transfer', { where });
  };

  return {
    start: async (job) => {
      await create(job);
      // Whoever created it may have run it too.
      const running = await latestOf(job);
      if (running !== undefined) return running;
      try {
        const answer = await client.call(
          { method: 'POST', path: `${job.name}:run`, body: { projectId } },
          { permission: 'storagetransfer.jobs.run', refusal: 'TRANSFER_FAILED' },
        );
        return parsed(operationAnswer, answer).name;
      } catch (error) {
        // Refused, among others, while another attempt's operation runs.
        const other = hasCode(error, 'TRANSFER_FAILED') ? await latestOf(job) : undefined;
        if (other === undefined) throw error;
        return other;
      }
    },
    find,
    probe: async () => void (await find({ name: 'transferJobs/lc2-probe' })),
    wait: async (job, handle) => {
      const operation = await poll(() => look(handle), isOver, signal);
      const failure = failureOfTransfer(job, operation);
      if (failure) throw failure;
      return { id: handle };
    },
    cancel: async (handle) => {
      const late = AbortSignal.timeout(10_000);
      if (isOver(await look(handle, late))) return true;
      await client.call(
        { method: 'POST', path: `${handle}:cancel`, body: {}, signal: late },
        { permission: 'storagetransfer.operations.cancel' },
      );
      return false;
    },
  };
};

const bodyOf = ({ name, source, sink, list }: TransferJob): Record<string, unknown> => ({
  name,
  description: 'a backup by lc2-backup',
  // Without it the request is refused.
  status: 'ENABLED',
  transferSpec: {
    gcsDataSource: { bucketName: source.bucket, path: source.path },
    gcsDataSink: { bucketName: sink.bucket, path: sink.path },
    transferManifest: { location: list },
    transferOptions: {
      // What stands in the storage stays: it may be sealed by now.
      overwriteWhen: 'NEVER',
      metadataOptions: {
        // A hold would forbid to delete the backup later; by default Google keeps it.
        temporaryHold: 'TEMPORARY_HOLD_SKIP',
        acl: 'ACL_DESTINATION_BUCKET_DEFAULT',
        storageClass: 'STORAGE_CLASS_DESTINATION_BUCKET_DEFAULT',
        kmsKey: 'KMS_KEY_DESTINATION_BUCKET_DEFAULT',
        timeCreated: 'TIME_CREATED_SKIP',
      },
    },
  },
  // Which object failed and why is in the errors of the operation; more is for Google's own log.
  loggingConfig: { logActions: ['FIND', 'COPY'], logActionStates: ['FAILED'] },
});
