import { setTimeout as pause } from 'node:timers/promises';
import { Lc2Error } from '../../core/errors.ts';
import type { AzureFlexibleServerSpec } from '../../core/services/azure-flexible-server.ts';
import { entraCredential, type TokenCredential } from '../runtime/entra.ts';
import { type AzureFailure, azureError } from './azure-error.ts';
import { errnoOf, partOf, textOf } from './thrown.ts';

export interface AzureOptions {
  readonly spec: AzureFlexibleServerSpec;
  readonly secrets: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface Ask {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  /** With its query. */
  readonly path: string;
  /** The permission for it. */
  readonly action: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

export interface AzureAnswer {
  /** Undefined where there is none. */
  readonly body: unknown;
  /** Where the work that was begun is looked at, as a path with its query. */
  readonly operation: string | undefined;
}

/** Calls of Azure Resource Manager. docs/adr/0021 says why by nothing larger. */
export interface AzureClient {
  /** Reads are tried again when nobody answers, and everything while Azure asks for patience. */
  call(ask: Ask): Promise<AzureAnswer>;
}

/** Tries of one call. */
const patience = 4;
const timeout = 60_000;
/** Tokens are renewed so long before they end. */
const margin = 120_000;

export const openAzureClient = ({ spec, secrets, signal }: AzureOptions): AzureClient => {
  const root = (spec.endpoint ?? 'https://management.azure.com').replace(/\/+$/, '');
  const where = `${spec.resourceGroup}/${spec.server}`;
  const application = applicationOf(secrets, where);
  let credential: TokenCredential | undefined;
  let token: Awaited<ReturnType<TokenCredential['getToken']>> | undefined;
  let reached = false;

  const authorization = async (): Promise<string> => {
    credential ??= entraCredential({
      where,
      audience: new URL(root).origin,
      env: process.env,
      authority: spec.authority,
      application,
      errors: {
        denied: 'SERVICE_DENIED',
        failed: 'SERVICE_FAILED',
        remedy: 'give the Secret tenantId, clientId and clientSecret, or the ServiceAccount a workload identity',
      },
    });
    if (token === undefined || token.expiresOnTimestamp < Date.now() + margin)
      token = await credential.getToken(undefined, { abortSignal: signal });
    return `Bearer ${token.token}`;
  };

  const send = async ({ method, path, body }: Ask): Promise<AzureAnswer | AzureFailure> => {
    const headers = { authorization: await authorization(), 'content-type': 'application/json' };
    const answer = await fetch(`${root}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      // A token goes to nobody else.
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeout)]),
    });
    const text = await answer.text();
    reached = true;
    const said = parse(text);
    if (!answer.ok || (said === undefined && text !== '')) return failureOf(answer, said);
    const operation = answer.headers.get('azure-asyncoperation');
    return { body: said, operation: operation === null ? undefined : pathOf(operation, root) };
  };

  const attempt = async (ask: Ask): Promise<AzureAnswer | (AzureFailure & { readonly cause?: unknown })> => {
    try {
      return await send(ask);
    } catch (error) {
      if (error instanceof Lc2Error) throw error;
      signal.throwIfAborted();
      const reason = error instanceof Error ? (textOf(partOf(error.cause, 'message')) ?? error.message) : String(error);
      return { status: undefined, code: '', message: reason, errno: errnoOf(error) ?? codeOf(error), cause: error };
    }
  };

  return {
    call: async (ask) => {
      for (let [round, renewed] = [1, false]; ; round++) {
        const said = await attempt(ask);
        if (!('message' in said)) return said;
        if (said.status === 401 && !renewed) {
          // It may have been revoked, or clocks differ.
          [token, renewed] = [undefined, true];
          continue;
        }
        const error = azureError(said, {
          action: ask.action,
          where,
          reached,
          cause: 'cause' in said ? said.cause : said,
        });
        const mayPass = said.status === 429 || (ask.method === 'GET' && error.code === 'SERVICE_FAILED');
        if (!mayPass || round >= patience) throw error;
        await pause(said.retryAfter === undefined ? 200 * 2 ** round : said.retryAfter * 1000, undefined, { signal });
      }
    },
  };
};

/** Of certificates. */
const codeOf = (error: unknown): string | undefined => textOf(partOf(partOf(error, 'cause'), 'code'));

const applicationOf = (
  secrets: AzureOptions['secrets'],
  where: string,
): { readonly tenant: string; readonly id: string; readonly secret: string } | undefined => {
  const [tenant = '', id = '', secret = ''] = applicationKeys.map((key) => secrets[key]?.trim() ?? '');
  if (tenant === '' && id === '' && secret === '') return undefined;
  const missing = applicationKeys.find((key) => !secrets[key]?.trim());
  if (missing !== undefined)
    throw new Lc2Error('SECRET_MISSING', `the Secret of the database has no ${missing}`, { where });
  return { tenant, id, secret };
};

const applicationKeys = ['tenantId', 'clientId', 'clientSecret'] as const;

/** Only the path counts: nothing that Azure answers sends a token elsewhere. */
export const pathOf = (url: string, root: string): string => {
  const { pathname, search } = new URL(url, root);
  return `${pathname}${search}`;
};

const parse = (text: string): unknown => {
  try {
    return text === '' ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
};

const failureOf = ({ status, statusText, headers, ok }: Response, said: unknown): AzureFailure => {
  const error = partOf(said, 'error') ?? said;
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  return {
    // What no interface says is not believed.
    status: ok ? 502 : status,
    code: textOf(partOf(error, 'code')) ?? '',
    message: textOf(partOf(error, 'message')) ?? (ok ? 'the answer is not understood' : statusText),
    retryAfter: Number.isFinite(seconds) ? Math.min(60, Math.max(0, seconds)) : undefined,
  };
};
