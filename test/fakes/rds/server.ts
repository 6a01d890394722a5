// The API of RDS over HTTP, in AWS's words, judged by AWS's description in both directions.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answers, permissionsOf } from './actions.ts';
import { type Cloud, createCloud, Refusal, type Weather } from './cloud.ts';
import { readModel, type ServiceModel, type Struct } from './model.ts';
import { type FakeCluster, type FakeInstance, region as home } from './things.ts';

export interface RdsFake {
  readonly endpoint: string;
  readonly cloud: Cloud;
  /** Actions that were asked for, in order. */
  readonly calls: readonly string[];
  /** What was asked or answered and is not in AWS's description. A test that leaves some has failed. */
  readonly violations: string[];
  stop(): Promise<void>;
}

export interface RdsFakeOptions {
  readonly instances?: readonly FakeInstance[];
  readonly clusters?: readonly FakeCluster[];
  readonly port?: number;
  readonly region?: string;
  /** Other regions, whose snapshots can be copied here. */
  readonly others?: readonly RdsFake[];
}

export async function startRdsFake(options: RdsFakeOptions): Promise<RdsFake> {
  const { instances = [], clusters = [], port = 0, region = home, others = [] } = options;
  const model = readModel('rds/2014-10-31');
  const cloud = createCloud({ instances, clusters, region, others: others.map((fake) => fake.cloud) });
  const calls: string[] = [];
  const violations: string[] = [];

  const handle = (action: string, form: URLSearchParams): string => {
    const { input, problems } = model.read(action, form);
    violations.push(...problems);
    // As AWS does: what is not understood is refused.
    if (problems.length > 0) throw new Refusal('InvalidParameterValue', problems.join('; '), 400);
    assertAllowed(cloud.weather, action, input);
    const answer = answers[action];
    if (!answer) throw new Refusal('NotImplemented', `the fake has no ${action}`, 501);
    const { xml, problems: wrong } = model.write(action, answer(cloud, input));
    violations.push(...wrong);
    return xml;
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const form = new URLSearchParams(await readBody(request));
    const action = form.get('Action') ?? '';
    if (!model.knows(action) || form.get('Version') !== model.version) {
      violations.push(`${action} ${form.get('Version') ?? ''} is no action`);
      send(response, 400, model.error('InvalidAction', 'The action is not valid for this endpoint.'));
      return;
    }
    calls.push(action);
    try {
      identify(cloud, request.headers.authorization ?? '');
      const rule = take(cloud.weather.answers, action);
      if (rule) throw new Refusal(rule.code, `The weather of the test says ${rule.code}.`, rule.status);
      const xml = handle(action, form);
      if (take(cloud.weather.lost, action)) response.destroy();
      else send(response, 200, xml);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      send(response, statusOf(model, action, error, violations), model.error(error.code, error.message));
    }
  };

  const http = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      violations.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
      response.destroy();
    });
  });
  await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    cloud,
    calls,
    violations,
    stop: async () => {
      await cloud.end();
      await new Promise<void>((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      });
    },
  };
}

/** A rule with as many uses left. */
const take = <T extends { readonly action: string; times: number }>(rules: T[], action: string): T | undefined => {
  const rule = rules.find((each) => each.action === action && each.times > 0);
  if (rule) rule.times--;
  return rule;
};

/** Who asks, and in which region: what the signature covers is not recomputed. */
const identify = ({ weather: { strangers }, region }: Cloud, authorization: string): void => {
  const [, key, where] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d{8}\/([^/]+)\/rds\/aws4_request, /.exec(authorization) ?? [];
  if (key === undefined)
    throw new Refusal('MissingAuthenticationToken', 'Request is missing Authentication Token', 403);
  if (strangers.has(key))
    throw new Refusal('InvalidClientTokenId', 'The security token included in the request is invalid.', 403);
  if (where !== region)
    throw new Refusal(
      'SignatureDoesNotMatch',
      `Credential should be scoped to a valid region, not '${where ?? ''}'.`,
      403,
    );
};

const assertAllowed = ({ missing, allowed }: Weather, action: string, input: Struct): void => {
  const lacking = permissionsOf(action, input).find((each) => missing.has(each) || allowed?.has(each) === false);
  if (lacking === undefined) return;
  const who = 'User: arn:aws:sts::123456789012:assumed-role/lc2-backup/session';
  const why = `because no identity-based policy allows the ${lacking} action`;
  throw new Refusal('AccessDenied', `${who} is not authorized to perform: ${lacking} on resource: * ${why}`, 403);
};

/** Errors that any action may end with are not in the description of each. */
const common: Readonly<Record<string, number>> = { InvalidParameterValue: 400, InvalidParameterCombination: 400 };

const statusOf = (model: ServiceModel, action: string, { code, status }: Refusal, violations: string[]): number => {
  const known = status ?? model.statusOf(action, code) ?? common[code];
  if (known === undefined) violations.push(`${action} does not end with ${code}`);
  return known ?? 400;
};

const readBody = async (message: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
};

const send = (response: ServerResponse, status: number, xml: string): void => {
  response.writeHead(status, { 'content-type': 'text/xml' });
  response.end(xml);
};
