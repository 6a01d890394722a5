import type { sqladmin_v1 as Api } from '@googleapis/sqladmin';
import { type ErrorCode, Lc2Error } from '../../core/errors.ts';
import type { CloudSqlOptions } from './cloud-sql.ts';
import { failureOf, type Failure } from './google-failure.ts';

/** One client of the Admin API, opened when it is first needed, whose every error is one of the catalogue. */
export interface CloudSqlClient {
  call<T>(about: CallAbout, use: (api: Api.Sqladmin) => Promise<T>): Promise<T>;
  /** For reads: tried again by Google's own client. */
  config(signal?: AbortSignal): CallConfig;
  /** For what must not happen twice: asked once. */
  readonly once: CallConfig;
}

interface CallAbout {
  /** Who lacks it is told. */
  readonly permission: string;
  /** Code of a request that the service finds wrong. */
  readonly refusal?: ErrorCode;
}

interface CallConfig {
  readonly signal: AbortSignal;
  readonly timeout: number;
  readonly retry: boolean;
}

const scopes = ['https://www.googleapis.com/auth/sqlservice.admin'];
const timeout = 60_000;

export const openClient = ({ spec, secrets, signal }: CloudSqlOptions): CloudSqlClient => {
  const where = `${spec.project}/${spec.instance}`;
  const key = secrets['credentials.json']?.trim() ?? '';
  if (spec.endpoint?.startsWith('http://') === true && key !== '') {
    throw new Lc2Error('ENVIRONMENT_INVALID', 'credentials.json is not sent over plain http', {
      where: spec.endpoint,
      remedy: 'use an https endpoint, or a Secret without credentials.json',
    });
  }
  let opening: Promise<Api.Sqladmin> | undefined;
  let reached = false;
  return {
    config: (given = signal) => ({ signal: given, timeout, retry: true }),
    once: { signal, timeout, retry: false },
    call: async (about, use) => {
      const api = await (opening ??= openApi(spec.endpoint, key));
      try {
        const result = await use(api);
        reached = true;
        return result;
      } catch (error) {
        if (error instanceof Lc2Error) throw error;
        signal.throwIfAborted();
        throw asError(failureOf(error), { ...about, where, reached, cause: error });
      }
    },
  };
};

const openApi = async (endpoint: string | undefined, key: string): Promise<Api.Sqladmin> => {
  const { auth, sqladmin } = await import('@googleapis/sqladmin');
  const root = endpoint === undefined ? {} : { rootUrl: `${endpoint.replace(/\/+$/, '')}/` };
  // A token never travels over plain http; there nobody is named, which Google refuses.
  if (endpoint?.startsWith('http://') === true) return sqladmin({ version: 'v1', ...root });
  const credentials = key === '' ? {} : { credentials: parseKey(key) };
  return sqladmin({ version: 'v1', auth: new auth.GoogleAuth({ scopes, ...credentials }), ...root });
};

const parseKey = (key: string): Record<string, string> => {
  try {
    return JSON.parse(key) as Record<string, string>;
  } catch {
    // What JSON.parse says shows a piece of the text.
    throw new Lc2Error('SECRET_MISSING', 'credentials.json of the Secret is not JSON', {
      remedy: 'put the JSON key of a service account into credentials.json',
    });
  }
};

interface Circumstances extends CallAbout {
  readonly where: string;
  readonly reached: boolean;
  readonly cause: unknown;
}

const asError = (failure: Failure, about: Circumstances): Lc2Error => {
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
