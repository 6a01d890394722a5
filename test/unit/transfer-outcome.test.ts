import { describe, expect, it } from 'vitest';
import type { TransferJob } from '../../core/ports/transfer-service.ts';
import { failureOfTransfer, isOver, transferOperation } from '../../steps/services/transfer-outcome.ts';

const job: TransferJob = {
  kind: 'transfer',
  name: 'transferJobs/x-1',
  source: { bucket: 'from', path: '' },
  sink: { bucket: 'to', path: 'x/' },
  list: 'gs://to/list.csv',
  count: 10,
  bytes: 100,
};

const whole = {
  objectsFoundFromSource: '10',
  bytesFoundFromSource: '100',
  objectsCopiedToSink: '10',
  bytesCopiedToSink: '100',
};

const errorOf = (errorCode: string, errorCount = '1') => ({
  errorCode,
  errorCount,
  errorLogEntries: [{ url: 'gs://from/a', errorDetails: ['why'] }],
});

const judged = (operation: object): string => {
  const failure = failureOfTransfer(job, transferOperation.parse(operation));
  return failure === undefined ? 'good' : `${failure.code}: ${failure.what}`;
};

describe('an operation of Storage Transfer', () => {
  it.each(['SUCCESS', 'FAILED', 'ABORTED'])('is over when it says %s', (status) => {
    expect(isOver({ status })).toBe(true);
  });

  it.each(['QUEUED', 'IN_PROGRESS', 'PAUSED', 'SUSPENDING', 'STATUS_UNSPECIFIED', undefined])(
    'goes on when it says %s',
    (status) => {
      expect(isOver({ status })).toBe(false);
    },
  );

  it.each<[string, object]>([
    ['all was copied', { status: 'SUCCESS', counters: whole }],
    [
      'some stood there',
      {
        status: 'SUCCESS',
        counters: {
          ...whole,
          objectsFoundFromSource: '4',
          objectsCopiedToSink: '4',
          bytesFoundFromSource: '40',
          objectsFromSourceSkippedBySync: '6',
          bytesFromSourceSkippedBySync: '60',
        },
      },
    ],
    [
      'one is gone',
      {
        status: 'FAILED',
        counters: { objectsFoundFromSource: '9', objectsCopiedToSink: '9', objectsFromSourceFailed: '1' },
        errorBreakdowns: [errorOf('NOT_FOUND')],
      },
    ],
    [
      'one changed while it was copied',
      {
        status: 'FAILED',
        counters: { ...whole, objectsCopiedToSink: '9', objectsFromSourceFailed: '1' },
        errorBreakdowns: [errorOf('FAILED_PRECONDITION')],
      },
    ],
  ])('is good where %s', (_, operation) => {
    expect(judged(operation)).toBe('good');
  });

  it.each<[string, object, string]>([
    ['it was given up', { status: 'ABORTED', counters: whole }, 'SERVICE_INTERRUPTED'],
    [
      'an object may not be read',
      { status: 'FAILED', counters: whole, errorBreakdowns: [errorOf('NOT_FOUND'), errorOf('PERMISSION_DENIED', '7')] },
      'TRANSFER_FAILED: transferJobs/x-1 failed: PERMISSION_DENIED of 7 object(s) (gs://from/a: why)',
    ],
    [
      'Google failed itself',
      { status: 'FAILED', counters: whole, errorBreakdowns: [errorOf('INTERNAL'), errorOf('UNAVAILABLE')] },
      'SERVICE_INTERRUPTED',
    ],
    [
      'Google failed itself, among others',
      { status: 'FAILED', counters: whole, errorBreakdowns: [errorOf('INTERNAL'), errorOf('DATA_LOSS')] },
      'TRANSFER_FAILED',
    ],
    ['nothing is said', { status: 'FAILED', counters: whole }, 'TRANSFER_FAILED'],
    ['nothing is counted', { status: 'SUCCESS' }, 'TRANSFER_FAILED'],
    [
      'fewer were copied than found',
      { status: 'SUCCESS', counters: { ...whole, objectsCopiedToSink: '9' } },
      'TRANSFER_FAILED: transferJobs/x-1 found 10 objects and copied 9',
    ],
    [
      'some failed without a reason',
      { status: 'SUCCESS', counters: { ...whole, objectsFromSourceFailed: '1' } },
      'TRANSFER_FAILED: transferJobs/x-1 failed for 1 object(s) without a reason',
    ],
    [
      'more was found than was asked for',
      { status: 'SUCCESS', counters: { ...whole, objectsFoundFromSource: '11', objectsCopiedToSink: '11' } },
      'TRANSFER_FAILED: transferJobs/x-1 found 11 objects, but was given 10',
    ],
    [
      'it has other bytes',
      { status: 'SUCCESS', counters: { ...whole, bytesFoundFromSource: '99' } },
      'TRANSFER_FAILED: transferJobs/x-1 found 99 bytes, not 100',
    ],
  ])('is a failure where %s', (_, operation, said) => {
    expect(judged(operation)).toContain(said);
  });
});
