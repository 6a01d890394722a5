// Retention of objects as Google has it, for the front before fake-gcs-server: the bucket keeps no versions, so what is
// retained can be neither deleted nor written over. What is asked and answered of it must be in Google's description.
import type { Forward, FrontAnswer, FrontRequest } from './http-front.ts';
import { readDiscovery } from './google/discovery.ts';

interface Retention {
  readonly mode: 'Unlocked' | 'Locked';
  readonly retainUntilTime: string;
}

type Refuse = (status: number, reason: string, message?: string) => FrontAnswer;

export interface GsRetention {
  /** What Google answers in place of the server: a refusal, or that a retention is set. */
  answer(request: FrontRequest, forward: Forward): Promise<FrontAnswer | undefined>;
  /** What Google adds to the answer of the server. */
  complete(request: FrontRequest, answer: FrontAnswer): FrontAnswer;
}

const objectPath = /^\/storage\/v1\/b\/([^/]+)\/o\/([^/]+)$/;
const bucketPath = /^\/storage\/v1\/b\/([^/]+)$/;
const urlOf = ({ url }: FrontRequest): URL => new URL(url, 'http://gs');

/** The object that a request would delete or write over, as `bucket/name`. */
const victimOf = (request: FrontRequest): string | undefined => {
  const { method, body } = request;
  const { pathname, searchParams } = urlOf(request);
  const target =
    /\/(?:rewriteTo|copyTo)\/b\/([^/]+)\/o\/([^/]+)$/.exec(pathname) ??
    /\/b\/([^/]+)\/o\/([^/]+)\/compose$/.exec(pathname);
  const removed = method === 'DELETE' ? objectPath.exec(pathname) : target;
  if (removed) return `${removed[1] ?? ''}/${decodeURIComponent(removed[2] ?? '')}`;
  // A creation meets what stands there first.
  if (searchParams.get('ifGenerationMatch') === '0') return undefined;
  const bucket = /^\/(?:resumable\/)?upload\/storage\/v1\/b\/([^/]+)\/o$/.exec(pathname)?.[1];
  if (bucket === undefined || searchParams.has('upload_id')) return undefined;
  const described = /\{.*?\}(?=\r\n--|$)/s.exec(body.toString('utf8'))?.[0];
  const named =
    searchParams.get('name') ?? (described === undefined ? undefined : textIn(JSON.parse(described), 'name'));
  return named === undefined ? undefined : `${bucket}/${named}`;
};

const textIn = (value: unknown, name: string): string | undefined => {
  const part: unknown =
    typeof value === 'object' && value !== null ? new Map(Object.entries(value)).get(name) : undefined;
  return typeof part === 'string' ? part : undefined;
};

const json = (answer: FrontAnswer, value: unknown): FrontAnswer => ({
  status: 200,
  headers: { ...answer.headers, 'content-type': 'application/json; charset=UTF-8' },
  body: Buffer.from(JSON.stringify(value)),
});

const objectOf = (answer: FrontAnswer): Record<string, unknown> =>
  JSON.parse(answer.body.toString('utf8')) as Record<string, unknown>;

const withOverride = 'overrideUnlockedRetention';

export const createGsRetention = (refuse: Refuse): GsRetention => {
  const discovery = readDiscovery('storage.v1.json');
  /** Buckets that were made with it, and what is retained in them. */
  const enabled = new Set<string>();
  const retained = new Map<string, Retention>();

  /** What is not in Google's description. */
  const wrongIn = ({ pathname, searchParams }: URL, wanted: Record<string, unknown>): string | undefined => {
    const method = discovery.match('PATCH', pathname)?.method;
    const isKnown = (name: string): boolean => method?.parameters.has(name) === true || discovery.common.has(name);
    const unknown = [...searchParams.keys()].find((name) => !isKnown(name));
    return unknown === undefined ? discovery.problems('Object', wanted, 'asked')[0] : `parameter ${unknown}`;
  };

  const isRefused = (name: string, next: Retention, override: boolean): boolean => {
    const before = retained.get(name);
    if (before === undefined) return false;
    const isLess = Date.parse(next.retainUntilTime) < Date.parse(before.retainUntilTime);
    return (isLess || before.mode !== next.mode) && (before.mode === 'Locked' || !override);
  };

  const setRetention = async (request: FrontRequest, forward: Forward): Promise<FrontAnswer | undefined> => {
    const url = urlOf(request);
    const [, bucket = '', object = ''] = (request.method === 'PATCH' ? objectPath.exec(url.pathname) : null) ?? [];
    if (bucket === '') return undefined;
    const wanted = JSON.parse(request.body.toString('utf8')) as Record<string, unknown>;
    if (!('retention' in wanted)) return undefined;
    const name = `${bucket}/${decodeURIComponent(object)}`;
    const wrong = wrongIn(url, wanted);
    if (wrong !== undefined) return refuse(400, 'invalid', wrong);
    const standing = await forward({ method: 'GET', url: url.pathname, headers: {}, body: Buffer.alloc(0) });
    if (standing.status !== 200) return refuse(404, 'notFound', `No such object: ${name}`);
    if (!enabled.has(bucket)) return refuse(400, 'invalid', 'Object retention is not enabled on the bucket.');
    const next = wanted['retention'] as Retention;
    if (!['Unlocked', 'Locked'].includes(next.mode) || Date.parse(next.retainUntilTime) <= Date.now())
      return refuse(400, 'invalid', 'Invalid retention.');
    if (isRefused(name, next, url.searchParams.get(withOverride) === 'true'))
      return refuse(403, 'forbidden', `The retention of ${name} cannot be reduced.`);
    retained.set(name, next);
    return json(standing, { ...objectOf(standing), retention: next });
  };

  const completeLook = ({ pathname, searchParams }: URL, answer: FrontAnswer): FrontAnswer => {
    const bucket = bucketPath.exec(pathname)?.[1];
    if (bucket !== undefined && enabled.has(bucket))
      return json(answer, { ...objectOf(answer), objectRetention: { mode: 'Enabled' } });
    const [, of = '', name = ''] = (searchParams.has('alt') ? null : objectPath.exec(pathname)) ?? [];
    const retention = retained.get(`${of}/${decodeURIComponent(name)}`);
    return retention === undefined ? answer : json(answer, { ...objectOf(answer), retention });
  };

  return {
    answer: async (request, forward) => {
      const victim = victimOf(request);
      const retention = victim === undefined ? undefined : retained.get(victim);
      if (victim !== undefined && retention !== undefined) {
        if (Date.parse(retention.retainUntilTime) > Date.now())
          return refuse(
            403,
            'retentionPolicyNotMet',
            `Object '${victim}' is under active retention and cannot be deleted, overwritten or archived until ${retention.retainUntilTime}`,
          );
        retained.delete(victim);
      }
      return setRetention(request, forward);
    },
    complete: (request, answer) => {
      if (answer.status !== 200) return answer;
      const url = urlOf(request);
      if (request.method === 'GET') return completeLook(url, answer);
      const isBucket = request.method === 'POST' && url.pathname === '/storage/v1/b';
      if (isBucket && url.searchParams.get('enableObjectRetention') === 'true')
        enabled.add(textIn(objectOf(answer), 'name') ?? '');
      return answer;
    },
  };
};
