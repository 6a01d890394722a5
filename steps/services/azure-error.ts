import { type ErrorCode, Lc2Error } from '../../core/errors.ts';

/** What Azure's refusals mean. */

export interface AzureFailure {
  /** Undefined where nobody answered. */
  readonly status: number | undefined;
  /** Azure's own word, as ServerIsBusy; empty where it gave none. */
  readonly code: string;
  readonly message: string;
  readonly errno?: string | undefined;
  /** Seconds for which Azure wants to hear nothing. */
  readonly retryAfter?: number | undefined;
}

export interface AzureAbout {
  /** What Azure's roles call the permission for it. */
  readonly action: string;
  readonly where: string;
  /** An earlier call was answered. */
  readonly reached: boolean;
  readonly cause: unknown;
}

export const azureError = (failure: AzureFailure, { action, where, reached, cause }: AzureAbout): Lc2Error => {
  const { status, errno } = failure;
  if (status === undefined) {
    const isUnknown = errno !== undefined && unknown.test(errno) && !reached;
    return new Lc2Error(isUnknown ? 'SERVICE_UNREACHABLE' : 'SERVICE_FAILED', failure.message, { where, cause });
  }
  const said = [failure.code, failure.message].filter(Boolean).join(': ');
  if (status === 401)
    return new Lc2Error('SERVICE_DENIED', `Azure does not know who asks: ${said}`, { where, cause, remedy: identify });
  if (isQuota(failure)) return quotaError(failure, said, { where, cause });
  if (status === 403 && failure.code !== 'RequestDisallowedByPolicy') {
    // The last is what is lacking: on the network, where there are two.
    const lacking = [...failure.message.matchAll(/action(?:\(s\))? '([\w./]+)'/g)].at(-1)?.[1] ?? action;
    return new Lc2Error('SERVICE_DENIED', `permission ${lacking} is missing: ${failure.message}`, { where, cause });
  }
  const remedy = status === 404 ? { remedy: 'check subscription, resource group and server of the environment' } : {};
  return new Lc2Error(codeOf(status, failure.code), said, { where, cause, ...remedy });
};

/** Of a job that Azure had taken. */
export const outcomeError = (
  { code, message }: Pick<AzureFailure, 'code' | 'message'>,
  { failure, what, where }: { readonly failure: ErrorCode; readonly what: string; readonly where: string },
): Lc2Error => {
  const said = `the ${what} failed: ${[code, message].filter(Boolean).join(': ') || 'no reason was given'}`;
  if (isQuota({ code, message })) return quotaError({ code }, said, { where });
  return new Lc2Error(interruption.test(code) ? 'SERVICE_INTERRUPTED' : failure, said, { where });
};

/** Certificates that nobody vouches for are no better than no host. */
const unknown = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$|CERT|SIGNATURE/;
/** Failures of Azure's own, which come and go. */
const interruption = /^(InternalServerError|InternalError|ServiceUnavailable|OperationTimedOut)$/;
const busy = /Busy|InProgress|NotReady|TooManyRequests|Throttl/i;
const locked = /^(ScopeLocked|ReadOnlyDisabledSubscription)$/;

const identify =
  'give the Secret tenantId, clientId and clientSecret, or the ServiceAccount a workload identity; check authority';
const forget = 'delete on-demand backups that nobody needs (lc2-backup delete), or set snapshot.enabled to false';

const fullOfBackups = /LimitOfBackupsReached$/;

const isQuota = ({ code, message }: Pick<AzureFailure, 'code' | 'message'>): boolean =>
  /quota/i.test(code) || fullOfBackups.test(code) || (code === 'OperationNotAllowed' && /quota/i.test(message));

const quotaError = (
  { code }: Pick<AzureFailure, 'code'>,
  said: string,
  details: { readonly where: string; readonly cause?: unknown },
): Lc2Error =>
  new Lc2Error('SERVICE_QUOTA', said, { ...details, ...(fullOfBackups.test(code) ? { remedy: forget } : {}) });

const codeOf = (status: number, code: string): ErrorCode => {
  if (locked.test(code)) return 'SERVICE_REFUSED';
  if (status === 404) return 'SERVICE_NOT_FOUND';
  if (status === 409 || status === 429 || busy.test(code)) return 'SERVICE_BUSY';
  return status >= 500 ? 'SERVICE_FAILED' : 'SERVICE_REFUSED';
};
