import type { sqladmin_v1 as Api } from '@googleapis/sqladmin';

/** What an operation that is done says of its failure. */
type Errors = readonly Api.Schema$OperationError[];

/** What Google says of failures of its own, which come and go. */
const interruptions = /^(INTERNAL|INTERNAL_ERROR|UNAVAILABLE|SERVICE_UNAVAILABLE|DEADLINE_EXCEEDED|ABORTED)$/;

export const isInterruption = (errors: Errors): boolean =>
  errors.length > 0 && errors.every(({ code }) => interruptions.test(code ?? ''));

export const errorsOf = (errors: Errors): string => {
  const text = errors.map(({ code, message }) => [code, message].filter(Boolean).join(': ')).join('; ');
  return text === '' ? 'no reason was given' : text;
};
