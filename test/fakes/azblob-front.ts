// Stands before Azurite and does what that leaves out: immutability policies of blob versions. Deletions and writes hide what
// is locked, as in a container that keeps versions; to delete the version itself is refused.
import { type Forward, type Front, type FrontAnswer, type FrontRequest, startFront } from './http-front.ts';

interface Policy {
  readonly until: string;
  readonly mode: string;
}

export interface AzblobFrontOptions {
  /** Containers that support version-level immutability. */
  readonly immutable?: readonly string[];
  /** What this front does before all else. */
  readonly handle?: (request: FrontRequest, forward: Forward) => Promise<FrontAnswer>;
}

const refuse = (status: number, code: string): FrontAnswer => ({
  status,
  headers: { 'content-type': 'application/xml', 'x-ms-error-code': code },
  body: Buffer.from(
    `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`,
  ),
});

export const startAzblobFront = (server: string, options: AzblobFrontOptions = {}): Promise<Front> => {
  const policies = new Map<string, Policy>();
  const immutable = new Set(options.immutable);
  const isLocked = (policy: Policy | undefined): boolean =>
    policy !== undefined && Date.parse(policy.until) > Date.now();

  const setPolicy = (path: string, { headers }: FrontRequest): FrontAnswer => {
    const until = String(headers['x-ms-immutability-policy-until-date'] ?? '');
    const mode = String(headers['x-ms-immutability-policy-mode'] ?? 'Unlocked');
    const isDate = !Number.isNaN(Date.parse(until)) && until.endsWith(' GMT');
    if (!isDate || !['Unlocked', 'Locked'].includes(mode)) return refuse(400, 'InvalidHeaderValue');
    if (Date.parse(until) <= Date.now()) return refuse(400, 'InvalidHeaderValue');
    const before = policies.get(path);
    const isLess = before !== undefined && Date.parse(until) < Date.parse(before.until);
    if (before?.mode === 'Locked' && isLocked(before) && (isLess || mode !== 'Locked'))
      return refuse(409, 'BlobImmutableDueToPolicy');
    policies.set(path, { until, mode });
    return { status: 200, headers: said({ until, mode }), body: Buffer.alloc(0) };
  };

  const ofContainer = async ({ request, url, container }: Parts, forward: Forward): Promise<FrontAnswer> => {
    const answer = await forward(request);
    const { searchParams } = url;
    const isQuestion = searchParams.get('restype') === 'container' && !searchParams.has('comp');
    if (!isQuestion || request.method === 'PUT') return answer;
    const header = { 'x-ms-immutable-storage-with-versioning-enabled': String(immutable.has(container)) };
    return { ...answer, headers: { ...answer.headers, ...header } };
  };

  const ofBlob = async ({ request, url, container }: Parts, forward: Forward): Promise<FrontAnswer> => {
    const { pathname, searchParams } = url;
    const policy = policies.get(pathname);
    if (searchParams.get('comp') === 'immutabilityPolicies') {
      if (!immutable.has(container)) return refuse(409, 'FeatureNotEnabled');
      // Azurite does not know the question, and a look at the blob would need the keys of who asks.
      return policy || written.has(pathname) ? setPolicy(pathname, request) : refuse(404, 'BlobNotFound');
    }
    if (request.method === 'DELETE' && searchParams.has('versionid'))
      return isLocked(policy) ? refuse(409, 'BlobImmutableDueToPolicy') : refuse(400, 'InvalidQueryParameterValue');
    const answer = await forward(request);
    if (answer.status >= 300) return answer;
    note(pathname, request.method, searchParams.get('comp'));
    const isLook = request.method === 'HEAD' || request.method === 'GET';
    if (!isLook || !policy) return answer;
    return { ...answer, headers: { ...answer.headers, ...said({ ...policy, mode: policy.mode.toLowerCase() }) } };
  };

  const handle = (request: FrontRequest, forward: Forward): Promise<FrontAnswer> => {
    if (options.handle) return options.handle(request, forward);
    const url = new URL(request.url, 'http://azblob');
    const [, container = '', blob] = /^\/[^/]+\/([^/]+)(?:\/(.+))?$/.exec(url.pathname) ?? [];
    return (blob === undefined ? ofContainer : ofBlob)({ request, url, container }, forward);
  };

  /** Blobs that came this way and stand. */
  const written = new Set<string>();
  const note = (path: string, method: string, comp: string | null): void => {
    const isWrite = method === 'PUT' && (comp === null || comp === 'blocklist');
    // A new version, which nobody has locked yet.
    if (isWrite || method === 'DELETE') policies.delete(path);
    if (isWrite) written.add(path);
    if (method === 'DELETE') written.delete(path);
  };
  return startFront(server, { contentType: 'application/xml', handle });
};

interface Parts {
  readonly request: FrontRequest;
  readonly url: URL;
  readonly container: string;
}

const said = ({ until, mode }: Policy) => ({
  'x-ms-immutability-policy-until-date': until,
  'x-ms-immutability-policy-mode': mode,
});
