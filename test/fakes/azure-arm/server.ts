// Azure Resource Manager and Microsoft Entra over HTTPS, in Azure's words, judged by Microsoft's description in both directions.
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Certificates } from '../../support/certificates.ts';
import { type Answer, routes } from './calls.ts';
import { type Cloud, createCloud, Refusal, type Weather } from './cloud.ts';
import { readDescription } from './description.ts';
import { type FakeFlexibleServer, location, provider, subscription } from './things.ts';

export interface AzureFake {
  readonly endpoint: string;
  readonly cloud: Cloud;
  /** Calls, in order. */
  readonly calls: readonly string[];
  /** What roles had to allow for them. */
  readonly actions: readonly string[];
  /** What was asked or answered and is not in Microsoft's description. A test that leaves some has failed. */
  readonly violations: string[];
  /** How many tokens were given out. */
  tokens(): number;
  stop(): Promise<void>;
}

export interface AzureFakeOptions {
  readonly servers: readonly FakeFlexibleServer[];
  readonly certificates: Pick<Certificates, 'serverCertificate' | 'serverKey'>;
  readonly port?: number;
}

export async function startAzureFake({ servers, certificates, port = 0 }: AzureFakeOptions): Promise<AzureFake> {
  const description = await readDescription();
  const cloud = createCloud(servers);
  const { weather } = cloud;
  const calls: string[] = [];
  const actions: string[] = [];
  const violations: string[] = [];
  let endpoint = '';
  let tokens = 0;

  const giveToken = (form: URLSearchParams): Answer => {
    const client = form.get('client_id') ?? '';
    const isProven = ['client_secret', 'client_assertion'].some((name) => Boolean(form.get(name)));
    if (weather.strangers.has(client) || !isProven)
      return {
        status: 401,
        body: { error: 'invalid_client', error_description: 'AADSTS7000215: Invalid client secret.' },
      };
    // Whatever stands before it on this host is it, too.
    if (!/^https:\/\/127\.0\.0\.1:\d+\/\.default$/.test(form.get('scope') ?? ''))
      return { status: 400, body: { error: 'invalid_resource', error_description: 'AADSTS500011' } };
    return { status: 200, body: { token_type: 'Bearer', expires_in: 3599, access_token: `token-${++tokens}` } };
  };

  const identify = (authorization: string): void => {
    const [, number] = /^Bearer token-(\d+)$/.exec(authorization) ?? [];
    if (number === undefined) throw new Refusal(401, 'AuthenticationFailed', 'Authentication failed.');
    if (Number(number) <= weather.revoked)
      throw new Refusal(
        401,
        'ExpiredAuthenticationToken',
        'The access token expiry UTC time is earlier than current time.',
      );
  };

  const handle = (request: Asked): Answer => {
    const { method, url, text } = request;
    const route = routes.find((each) => each.method === method && each.pattern.test(url.pathname));
    const skip = url.searchParams.get('$skipToken');
    const values: Record<string, string> = {
      ...route?.pattern.exec(url.pathname)?.groups,
      ...(skip === null ? {} : { skip }),
    };
    const problems = description.requestProblems(method, url);
    if (!route || problems.length > 0) {
      violations.push(...(problems.length > 0 ? problems : [`the fake has no ${method} ${url.pathname}`]));
      throw new Refusal(404, 'InvalidResourceType', problems.join('; '));
    }
    calls.push(route.call);
    actions.push(route.action);
    identify(request.authorization);
    upset(weather, route.call);
    assertAllowed(weather, route.action, url.pathname);
    assertSubscription(values['subscription'] ?? '');
    const body = bodyOf(text);
    const wrong = description.bodyProblems(method, url, body, 'request');
    violations.push(...wrong);
    // As Azure does: what is not understood is refused.
    if (wrong.length > 0) throw new Refusal(400, 'InvalidRequestContent', wrong.join('; '));
    const answer = route.answer(cloud, { values, body });
    violations.push(...description.bodyProblems(method, url, answer.body, 'response'));
    return answer;
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', endpoint);
    const text = await readBody(request);
    const method = request.method ?? '';
    if (url.pathname.endsWith('/oauth2/v2.0/token')) {
      calls.push('token');
      send(response, giveToken(new URLSearchParams(text)));
      return;
    }
    const before = calls.length;
    try {
      const answer = handle({ method, url, text, authorization: request.headers.authorization ?? '' });
      const rule = weather.lost.find(({ call, times }) => call === calls[before] && times > 0);
      if (rule) rule.times--;
      if (rule) response.destroy();
      else send(response, answer, headersOf(answer, endpoint));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { status, code, message, retryAfter } = error;
      const headers = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
      send(response, { status, body: { error: { code, message } } }, headers);
    }
  };

  const [cert, key] = await Promise.all([
    readFile(certificates.serverCertificate, 'utf8'),
    readFile(certificates.serverKey, 'utf8'),
  ]);
  const https = createServer({ cert, key }, (request, response) => {
    serve(request, response).catch((error: unknown) => {
      violations.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
      response.destroy();
    });
  });
  await new Promise<void>((resolve) => https.listen(port, '127.0.0.1', resolve));
  endpoint = `https://127.0.0.1:${(https.address() as AddressInfo).port}`;
  return {
    endpoint,
    cloud,
    calls,
    actions,
    violations,
    tokens: () => tokens,
    stop: async () => {
      await cloud.end();
      await new Promise<void>((resolve) => {
        https.close(() => resolve());
        https.closeAllConnections();
      });
    },
  };
}

interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly text: string;
  readonly authorization: string;
}

const upset = ({ answers }: Weather, call: string): void => {
  const rule = answers.find((each) => each.call === call && each.times > 0);
  if (!rule) return;
  rule.times--;
  throw new Refusal(
    rule.status,
    rule.code,
    rule.message ?? `The weather of the test says ${rule.code}.`,
    rule.retryAfter,
  );
};

const assertAllowed = ({ missing, allowed }: Weather, action: string, scope: string): void => {
  if (!missing.has(action) && allowed?.has(action) !== false) return;
  const who = `The client 'lc2-backup' with object id '00000000-1111-2222-3333-444444444444'`;
  const what = `does not have authorization to perform action '${action}' over scope '${scope}'`;
  const why = 'or the scope is invalid. If access was recently granted, please refresh your credentials.';
  throw new Refusal(403, 'AuthorizationFailed', `${who} ${what} ${why}`);
};

const assertSubscription = (given: string): void => {
  if (given.toLowerCase() === subscription) return;
  throw new Refusal(404, 'SubscriptionNotFound', `The subscription '${given}' could not be found.`);
};

/** Work that was begun is looked at elsewhere; the address is long and signed. */
const headersOf = ({ operation }: Answer, endpoint: string): Record<string, string> => {
  if (operation === undefined) return {};
  const at = `${endpoint}/subscriptions/${subscription}/providers/${provider}/locations/${location}`;
  const query = 'api-version=2025-08-01&t=638000000000000000&c=MIIH&s=c2lnbmF0dXJl&h=aGFzaA';
  return {
    'azure-asyncoperation': `${at}/azureAsyncOperation/${operation}?${query}`,
    location: `${at}/operationResults/${operation}?${query}`,
    'retry-after': '0',
  };
};

const bodyOf = (text: string): Record<string, unknown> | undefined =>
  text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>);

const readBody = async (message: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
};

const send = (response: ServerResponse, { status, body }: Answer, headers: Record<string, string> = {}): void => {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(body === undefined ? '' : JSON.stringify(body));
};
