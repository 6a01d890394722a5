import type { sqladmin_v1 as Api } from '@googleapis/sqladmin';
import { Lc2Error } from '../../core/errors.ts';
import type { CloudSqlOptions } from './cloud-sql.ts';
import { keyFor, parseKey } from '../runtime/google-key.ts';
import { asError, type CallAbout } from './google-error.ts';
import { failureOf } from './google-failure.ts';

/** One client of the Admin API, opened when it is first needed, whose every error is one of the catalogue. */
export interface CloudSqlClient {
  call<T>(about: CallAbout, use: (api: Api.Sqladmin) => Promise<T>): Promise<T>;
  /** For reads: tried again by Google's own client. */
  config(signal?: AbortSignal): CallConfig;
  /** For what must not happen twice: asked once. */
  readonly once: CallConfig;
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
  const key = keyFor(spec.endpoint, secrets);
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
  const { auth, sqladmin } = await import('./cloud-sql-sdk.ts');
  const root = endpoint === undefined ? {} : { rootUrl: `${endpoint.replace(/\/+$/, '')}/` };
  // A token never travels over plain http; there nobody is named, which Google refuses.
  if (endpoint?.startsWith('http://') === true) return sqladmin({ version: 'v1', ...root });
  const credentials = key === '' ? {} : { credentials: parseKey(key) as Record<string, string> };
  return sqladmin({ version: 'v1', auth: new auth.GoogleAuth({ scopes, ...credentials }), ...root });
};
