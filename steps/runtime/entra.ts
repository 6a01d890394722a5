import { readFile } from 'node:fs/promises';
import { type ErrorCode, Lc2Error } from '../../core/errors.ts';

/** Who asks Azure, by tokens of Microsoft Entra. docs/adr/0017 says why not by @azure/identity. */

/** As Azure's own packages want it. */
export interface TokenCredential {
  getToken(
    scopes?: string | string[],
    options?: { readonly abortSignal?: unknown },
  ): Promise<{ readonly token: string; readonly expiresOnTimestamp: number }>;
}

export interface EntraOptions {
  readonly where: string;
  /** What the tokens are for, as `https://storage.azure.com`. */
  readonly audience: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** In place of what the environment or Microsoft say. */
  readonly authority?: string | undefined;
  /** An application with a password, in place of the workload identity of the pod. */
  readonly application?: { readonly tenant: string; readonly id: string; readonly secret: string } | undefined;
  readonly errors: { readonly denied: ErrorCode; readonly failed: ErrorCode; readonly remedy: string };
}

const patience = 30_000;

export const entraCredential = (options: EntraOptions): TokenCredential => {
  const { where, audience, env, errors } = options;
  const { tenant, id, prove } = provenBy(options);
  const host = options.authority ?? env['AZURE_AUTHORITY_HOST'] ?? 'https://login.microsoftonline.com';
  const url = `${host.replace(/\/+$/, '')}/${encodeURIComponent(tenant)}/oauth2/v2.0/token`;
  return {
    getToken: async (_scopes, { abortSignal } = {}) => {
      const body = new URLSearchParams({
        client_id: id,
        scope: `${audience}/.default`,
        grant_type: 'client_credentials',
        ...(await prove()),
      });
      const signals = [AbortSignal.timeout(patience), ...(abortSignal instanceof AbortSignal ? [abortSignal] : [])];
      const answer = await fetch(url, { method: 'POST', body, signal: AbortSignal.any(signals) });
      const said: unknown = await answer.json().catch(() => undefined);
      return tokenOf(answer.status, said, { where, errors });
    },
  };
};

interface Proof {
  readonly tenant: string;
  readonly id: string;
  readonly prove: () => Promise<Record<string, string>>;
}

/**
 * A password; or the workload identity of a pod: the token of its ServiceAccount, which Kubernetes keeps fresh in a file. The
 * webhook of Azure Workload Identity sets the variables.
 */
const provenBy = ({ application, env, where, errors }: EntraOptions): Proof => {
  if (application) {
    const { tenant, id, secret } = application;
    return { tenant, id, prove: () => Promise.resolve({ client_secret: secret }) };
  }
  const [id, tenant, file] = ['AZURE_CLIENT_ID', 'AZURE_TENANT_ID', 'AZURE_FEDERATED_TOKEN_FILE'].map(
    (name) => env[name],
  );
  if (id === undefined || tenant === undefined || file === undefined)
    throw new Lc2Error(errors.denied, 'neither a Secret nor a workload identity says who asks', {
      where,
      remedy: errors.remedy,
    });
  return {
    tenant,
    id,
    prove: async () => ({
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: (await readFile(file, 'utf8')).trim(),
    }),
  };
};

const tokenOf = (
  status: number,
  said: unknown,
  { where, errors }: Pick<EntraOptions, 'where' | 'errors'>,
): { readonly token: string; readonly expiresOnTimestamp: number } => {
  const parts = new Map<string, unknown>(Object.entries(typeof said === 'object' && said !== null ? said : {}));
  const [token, seconds] = [parts.get('access_token'), Number(parts.get('expires_in'))];
  if (status === 200 && typeof token === 'string' && seconds > 0)
    return { token, expiresOnTimestamp: Date.now() + seconds * 1000 };
  const code: unknown = parts.get('error');
  throw new Lc2Error(
    status >= 500 || status === 429 ? errors.failed : errors.denied,
    `Microsoft Entra gives no token: ${status} ${typeof code === 'string' ? code : ''}`.trim(),
    { where },
  );
};
