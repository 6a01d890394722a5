import { readFile } from 'node:fs/promises';
import { Lc2Error } from '../../core/errors.ts';

/** What the SDK asks for a token. */
interface TokenCredential {
  getToken(
    scopes: string | string[],
    options?: { readonly abortSignal?: unknown },
  ): Promise<{ readonly token: string; readonly expiresOnTimestamp: number }>;
}

type Env = Readonly<Record<string, string | undefined>>;

const scope = 'https://storage.azure.com/.default';
const patience = 30_000;

/**
 * The workload identity of a pod: the token of its ServiceAccount, which Kubernetes keeps fresh in a file, against one
 * of Microsoft Entra. The webhook of Azure Workload Identity sets the variables.
 */
export const workloadIdentity = (where: string, env: Env): TokenCredential => {
  const [client, tenant, file] = ['AZURE_CLIENT_ID', 'AZURE_TENANT_ID', 'AZURE_FEDERATED_TOKEN_FILE'].map(
    (name) => env[name],
  );
  if (client === undefined || tenant === undefined || file === undefined)
    throw new Lc2Error('STORE_DENIED', 'neither a Secret nor a workload identity says who asks', {
      where,
      remedy: 'give the Secret accountName and accountKey, or the ServiceAccount a workload identity',
    });
  const authority = (env['AZURE_AUTHORITY_HOST'] ?? 'https://login.microsoftonline.com').replace(/\/+$/, '');
  const url = `${authority}/${encodeURIComponent(tenant)}/oauth2/v2.0/token`;
  return {
    getToken: async (_scopes, { abortSignal } = {}) => {
      const assertion = (await readFile(file, 'utf8')).trim();
      const body = new URLSearchParams({
        client_id: client,
        scope,
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
      });
      const signals = [AbortSignal.timeout(patience), ...(abortSignal instanceof AbortSignal ? [abortSignal] : [])];
      const answer = await fetch(url, { method: 'POST', body, signal: AbortSignal.any(signals) });
      const said: unknown = await answer.json().catch(() => undefined);
      return tokenOf(answer.status, said, where);
    },
  };
};

const tokenOf = (
  status: number,
  said: unknown,
  where: string,
): { readonly token: string; readonly expiresOnTimestamp: number } => {
  const parts = new Map<string, unknown>(Object.entries(typeof said === 'object' && said !== null ? said : {}));
  const [token, seconds] = [parts.get('access_token'), Number(parts.get('expires_in'))];
  if (status === 200 && typeof token === 'string' && seconds > 0)
    return { token, expiresOnTimestamp: Date.now() + seconds * 1000 };
  const code: unknown = parts.get('error');
  throw new Lc2Error(
    status >= 500 || status === 429 ? 'STORE_FAILED' : 'STORE_DENIED',
    `Microsoft Entra gives no token: ${status} ${typeof code === 'string' ? code : ''}`.trim(),
    { where },
  );
};
