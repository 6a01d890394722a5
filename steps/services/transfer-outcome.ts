import { z } from 'zod';
import { Lc2Error } from '../../core/errors.ts';
import type { TransferJob } from '../../core/ports/transfer-service.ts';

/** What Google says of the execution of a job; numbers of 64 bits are strings, and those that are 0 may be missing. */
const count = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number)
  .default(0);

export const transferOperation = z.object({
  status: z.string().optional(),
  counters: z
    .object({
      objectsFoundFromSource: count,
      bytesFoundFromSource: count,
      objectsFromSourceSkippedBySync: count,
      bytesFromSourceSkippedBySync: count,
      objectsCopiedToSink: count,
      bytesCopiedToSink: count,
      objectsFromSourceFailed: count,
      bytesFromSourceFailed: count,
    })
    .optional(),
  errorBreakdowns: z
    .array(
      z.object({
        errorCode: z.string(),
        errorCount: z.string(),
        errorLogEntries: z
          .array(z.object({ url: z.string().optional(), errorDetails: z.array(z.string()).optional() }))
          .optional(),
      }),
    )
    .optional(),
});
export type TransferOperation = z.output<typeof transferOperation>;

/** QUEUED, PAUSED and SUSPENDING go on some time. */
export const isOver = ({ status }: TransferOperation): boolean =>
  status === 'SUCCESS' || status === 'FAILED' || status === 'ABORTED';

/** The object is no longer what the list names: a finding of ours, later, and no failure of Google's. */
const movedOn = new Set(['NOT_FOUND', 'FAILED_PRECONDITION']);
const passing = new Set(['ABORTED', 'DEADLINE_EXCEEDED', 'INTERNAL', 'RESOURCE_EXHAUSTED', 'UNAVAILABLE', 'UNKNOWN']);

/**
 * Undefined: the sink holds what it should, as far as Google knows. Neither the status nor the counters are enough alone: an
 * operation may succeed with failed objects, and may fail because one object is gone.
 */
export const failureOfTransfer = (job: TransferJob, operation: TransferOperation): Lc2Error | undefined => {
  const { status, counters, errorBreakdowns: errors = [] } = operation;
  const fail = (code: 'TRANSFER_FAILED' | 'SERVICE_INTERRUPTED', what: string): Lc2Error =>
    new Lc2Error(code, `${job.name} ${what}`, { where: `gs://${job.sink.bucket}/${job.sink.path}` });
  if (status === 'ABORTED') return fail('SERVICE_INTERRUPTED', 'was given up');
  const serious = errors.filter(({ errorCode }) => !movedOn.has(errorCode));
  if (serious.length > 0) {
    const passes = serious.every(({ errorCode }) => passing.has(errorCode));
    return fail(passes ? 'SERVICE_INTERRUPTED' : 'TRANSFER_FAILED', `failed: ${serious.map(described).join('; ')}`);
  }
  if (status === 'FAILED' && errors.length === 0) return fail('TRANSFER_FAILED', 'failed without a reason');
  const contradiction = counters ? contradictionOf(job, counters, errors.length > 0) : 'counted nothing';
  return contradiction === undefined ? undefined : fail('TRANSFER_FAILED', contradiction);
};

const described = ({
  errorCode,
  errorCount,
  errorLogEntries = [],
}: NonNullable<TransferOperation['errorBreakdowns']>[number]): string => {
  const samples = errorLogEntries.map(({ url, errorDetails = [] }) =>
    [url, ...errorDetails].filter(Boolean).join(': '),
  );
  return `${errorCode} of ${errorCount} object(s)${samples.length === 0 ? '' : ` (${samples.slice(0, 3).join(', ')})`}`;
};

/** What was found was copied, or is among the errors; all of it was asked for; and it has as many bytes. */
const contradictionOf = (
  job: TransferJob,
  counters: NonNullable<TransferOperation['counters']>,
  hasErrors: boolean,
): string | undefined => {
  const { objectsFoundFromSource: found, objectsCopiedToSink: copied, objectsFromSourceFailed: failed } = counters;
  const met = found + counters.objectsFromSourceSkippedBySync;
  const bytes = counters.bytesFoundFromSource + counters.bytesFromSourceSkippedBySync;
  if (failed > 0 && !hasErrors) return `failed for ${failed} object(s) without a reason`;
  if (found > copied + failed) return `found ${found} objects and copied ${copied}`;
  if (met > job.count) return `found ${met} objects, but was given ${job.count}`;
  if (met === job.count && failed === 0 && bytes !== job.bytes) return `found ${bytes} bytes, not ${job.bytes}`;
  return undefined;
};
