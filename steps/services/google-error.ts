import { type ErrorCode, Lc2Error } from '../../core/errors.ts';
import type { Failure } from './google-failure.ts';

/** Who asks Google, and what Google's refusals mean. */

export interface CallAbout {
  /** Who lacks it is told. */
  readonly permission: string;
  /** Code of a request that the service finds wrong. */
  readonly refusal?: ErrorCode;
}

interface Circumstances extends CallAbout {
  readonly where: string;
  readonly reached: boolean;
  readonly cause: unknown;
}

export const asError = (failure: Failure, about: Circumstances): Lc2Error => {
  const { status, reason, message } = failure;
  if (status === undefined) return silence(failure, about);
  const { where, cause } = about;
  if (reason === 'operationInProgress')
    return new Lc2Error('SERVICE_BUSY', 'another operation runs on the instance', { where, cause });
  if (status === 429 || quotas.has(reason))
    return new Lc2Error('SERVICE_BUSY', `the quota of the project is used up: ${message}`, { where, cause });
  const [code, what] = byStatus(status, message, about);
  return new Lc2Error(code, what, { where, cause });
};

const quotas = new Set(['rateLimitExceeded', 'userRateLimitExceeded', 'quotaExceeded']);

const byStatus = (status: number, message: string, { permission, refusal }: CallAbout): [ErrorCode, string] => {
  if (status === 401) return ['SERVICE_DENIED', `Google does not know who asks: ${message}`];
  if (status === 403) return ['SERVICE_DENIED', `permission ${permission} is missing: ${message}`];
  if (status === 404) return ['SERVICE_NOT_FOUND', message];
  if (status === 409) return ['SERVICE_NOT_READY', `the instance cannot do this now: ${message}`];
  if (status >= 500) return ['SERVICE_FAILED', message];
  return [refusal ?? 'SERVICE_FAILED', `Google refuses the request: ${message}`];
};

/** Nobody answered, or nobody was asked because there is no token. */
const silence = ({ message, errno }: Failure, { where, reached, cause }: Circumstances): Lc2Error => {
  if (errno === undefined && /credential|token|auth/i.test(message)) {
    const remedy = 'give the Secret a credentials.json, or the ServiceAccount a workload identity';
    return new Lc2Error('SERVICE_DENIED', message, { where, cause, remedy });
  }
  const isUnknown = errno !== undefined && /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/.test(errno);
  return new Lc2Error(isUnknown && !reached ? 'SERVICE_UNREACHABLE' : 'SERVICE_FAILED', message, { where, cause });
};
