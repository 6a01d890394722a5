// An interface of Google over HTTP, judged by Google's description in both directions, in whatever weather.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Discovery, type Method, readDiscovery } from './discovery.ts';

/** What goes wrong between client and interface; changed by tests at any time. */
export interface ApiWeather {
  /** IAM permissions that the caller lacks. */
  missing: Set<string>;
  /** The only ones that the caller has; undefined: all. */
  allowed: ReadonlySet<string> | undefined;
  /** Answers in place of the interface's own, by method. */
  answers: { readonly method: string; readonly status: number; readonly reason: string; times: number }[];
  /** Requests of these methods are taken, and their answers lost. */
  lost: { readonly method: string; times: number }[];
}

export const fairApiWeather = (): ApiWeather => ({
  missing: new Set(),
  allowed: undefined,
  answers: [],
  lost: [],
});

/** Refused at once. */
export class Refusal extends Error {
  readonly status: number;
  readonly reason: string;
  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

export interface Asked {
  /** Of the path. */
  readonly values: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>> | undefined;
  readonly endpoint: string;
}

export interface GoogleApi {
  readonly endpoint: string;
  /** Methods that were called, in order. */
  readonly calls: readonly string[];
  /** What was asked or answered and is not in Google's description. A test that leaves some has failed. */
  readonly violations: readonly string[];
  stop(): Promise<void>;
}

export interface GoogleApiOptions {
  /** Name of the description. */
  readonly discovery: string;
  readonly weather: ApiWeather;
  /** Who calls a method must have it. */
  readonly permissions: Readonly<Record<string, string>>;
  readonly answers: Readonly<Record<string, (asked: Asked) => unknown>>;
  /** Google has words of two kinds. */
  readonly errorBody: (refusal: Refusal) => unknown;
  readonly port?: number;
}

export async function startGoogleApi(options: GoogleApiOptions): Promise<GoogleApi> {
  const { weather, port = 0, errorBody } = options;
  const discovery = readDiscovery(options.discovery);
  const calls: string[] = [];
  const violations: string[] = [];
  let endpoint = '';

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://fake');
    const body = await readBody(request);
    const found = discovery.match(request.method ?? '', url.pathname);
    if (!found) {
      violations.push(`${request.method ?? ''} ${url.pathname} is no method`);
      send(response, 404, errorBody(new Refusal(404, 'notFound', 'Not Found')));
      return;
    }
    const { method, values } = found;
    calls.push(method.id);
    try {
      const asked: Asked = { values, query: url.searchParams, body: parse(body), endpoint };
      const problems = requestProblems(discovery, method, asked);
      violations.push(...problems);
      // As Google does: what is not understood is refused.
      if (problems.length > 0) throw new Refusal(400, 'invalid', problems.join('; '));
      upset(options, method);
      const answer = await handle(options, method, asked);
      violations.push(...discovery.problems(method.response, answer, 'answered'));
      if (take(weather.lost, method.id)) response.destroy();
      else send(response, 200, answer);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      send(response, error.status, errorBody(error));
    }
  };

  const http = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      violations.push(String(error));
      response.destroy();
    });
  });
  await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  return {
    endpoint,
    calls,
    violations,
    stop: () =>
      new Promise<void>((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}

/** A rule with as many uses left. */
const take = <T extends { readonly method: string; times: number }>(rules: T[], method: string): T | undefined => {
  const rule = rules.find((each) => each.method === method && each.times > 0);
  if (rule) rule.times--;
  return rule;
};

const upset = ({ weather, permissions }: GoogleApiOptions, { id }: Method): void => {
  const rule = take(weather.answers, id);
  if (rule) throw new Refusal(rule.status, rule.reason, `The weather of the test says ${rule.reason}.`);
  const permission = permissions[id];
  const isLacking = (name: string) => weather.missing.has(name) || weather.allowed?.has(name) === false;
  if (permission !== undefined && isLacking(permission))
    throw new Refusal(403, 'forbidden', `Permission '${permission}' denied.`);
};

const handle = ({ answers }: GoogleApiOptions, { id }: Method, asked: Asked): unknown => {
  const answer = answers[id];
  if (!answer) throw new Refusal(501, 'notImplemented', `the fake has no ${id}`);
  return answer(asked);
};

const requestProblems = (discovery: Discovery, method: Method, { query, body }: Asked): string[] => {
  const problems = [...query.keys()]
    .filter((name) => !method.parameters.has(name) && !discovery.common.has(name))
    .map((name) => `${method.id} has no parameter ${name}`);
  if (method.request !== undefined) problems.push(...discovery.problems(method.request, body ?? {}, 'asked'));
  else if (body !== undefined) problems.push(`${method.id} takes no body`);
  return problems;
};

const parse = (text: string): Record<string, unknown> | undefined =>
  text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>);

const readBody = async (message: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
};

const send = (response: ServerResponse, status: number, value: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8' });
  response.end(JSON.stringify(value));
};
