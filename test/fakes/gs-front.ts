// Stands before fake-gcs-server and does what that leaves out: preconditions, rewrites of several calls, resumable uploads
// that can be asked how far they got, 1,000 objects a page, pages that end between two versions of one object. It refuses in
// Google's words.
import { createHash, randomUUID } from 'node:crypto';
import { createGsRetention } from './gs-retention.ts';
import { type Forward, type Front, type FrontAnswer, type FrontRequest, startFront } from './http-front.ts';

export interface GsFrontOptions {
  /** Bytes that one call of rewrite copies; Google promises none but asks for at least a mebibyte. */
  readonly rewriteBytes?: number;
  /** Buckets that are made so keep their objects from being deleted. */
  readonly retention?: boolean;
  /** Gone between two calls of a rewrite, or whatever else happens there. */
  readonly betweenRewrites?: (forward: Forward) => Promise<void>;
}

const messages: Readonly<Record<string, string>> = {
  conditionNotMet: 'At least one of the pre-conditions you specified did not hold.',
  notFound: 'Not Found',
};

export const gsError = (status: number, reason: string, message = messages[reason] ?? 'injected'): string =>
  JSON.stringify({ error: { code: status, message, errors: [{ message, domain: 'global', reason }] } });

const refuse = (status: number, reason: string, message?: string): FrontAnswer => ({
  status,
  headers: { 'content-type': 'application/json; charset=UTF-8' },
  body: Buffer.from(gsError(status, reason, message)),
});

const chunkUnit = 256 * 1024;
const mostPerPage = 1000;

export function startGsFront(server: string, options: GsFrontOptions = {}): Promise<Front> {
  const sessions = new Map<string, Session>();
  const rewrites = new Map<string, Rewrite>();
  const retention = options.retention === true ? createGsRetention(refuse) : undefined;
  const handle = async (request: FrontRequest, forward: Forward): Promise<FrontAnswer> => {
    const said = await retention?.answer(request, forward);
    if (said !== undefined) return said;
    const answer = await answerTo(request, forward);
    return retention?.complete(request, answer) ?? answer;
  };
  const answerTo = async (request: FrontRequest, forward: Forward): Promise<FrontAnswer> => {
    const url = new URL(request.url, 'http://gs');
    const parts: Parts = { request, url, forward };
    if (url.pathname.startsWith('/upload/')) return upload(parts, sessions);
    const rewrite = /^\/storage\/v1\/b\/([^/]+)\/o\/([^/]+)\/(rewriteTo|copyTo)\/b\/([^/]+)\/o\/([^/]+)$/.exec(
      url.pathname,
    );
    if (rewrite !== null) return copy(parts, { match: rewrite, rewrites, options });
    const refusal = await refusalOf(parts);
    if (refusal !== undefined) return refusal;
    if (isListing(parts) && url.searchParams.get('versions') === 'true') return versionsOf(parts);
    const answer = await forward(isListing(parts) ? paged(parts) : request);
    // Google answers a deletion without a body.
    return request.method === 'DELETE' && answer.status === 200
      ? { ...answer, status: 204, body: Buffer.alloc(0) }
      : answer;
  };
  return startFront(server, {
    contentType: 'application/json; charset=UTF-8',
    handle,
    isInTurn: ({ method }) => method !== 'GET',
  });
}

interface Parts {
  readonly request: FrontRequest;
  readonly url: URL;
  readonly forward: Forward;
}

const isListing = ({ request, url }: Parts): boolean =>
  request.method === 'GET' && /^\/storage\/v1\/b\/[^/]+\/o$/.test(url.pathname);

const paged = ({ request, url }: Parts): FrontRequest => {
  const asked = Number(url.searchParams.get('maxResults') ?? mostPerPage);
  url.searchParams.set('maxResults', String(Math.min(asked, mostPerPage)));
  return { ...request, url: `${url.pathname}?${url.searchParams.toString()}` };
};

/** The server begins a page with a name, and so would never come past one with many versions. */
const versionsOf = async ({ request, url, forward }: Parts): Promise<FrontAnswer> => {
  const [asked, first] = [Number(url.searchParams.get('maxResults') ?? mostPerPage), url.searchParams.get('pageToken')];
  for (const name of ['maxResults', 'pageToken']) url.searchParams.delete(name);
  const answer = await forward({ ...request, url: `${url.pathname}?${url.searchParams.toString()}` });
  const { items = [], ...said } = JSON.parse(answer.body.toString('utf8')) as { items?: unknown[] };
  const from = Number(first ?? 0);
  const next = from + Math.min(asked, mostPerPage);
  const page = { ...said, items: items.slice(from, next), ...(next < items.length && { nextPageToken: String(next) }) };
  return { ...answer, body: Buffer.from(JSON.stringify(page)) };
};

interface Standing {
  readonly generation: string;
  readonly metageneration: string;
  readonly size: number;
}

const none: Standing = { generation: '0', metageneration: '0', size: 0 };

const standingAt = async (path: string, forward: Forward): Promise<Standing> => {
  const { status, body } = await forward({ method: 'GET', url: path, headers: {}, body: Buffer.alloc(0) });
  if (status !== 200) return none;
  const said = JSON.parse(body.toString('utf8')) as Record<string, string>;
  return {
    generation: said['generation'] ?? '',
    metageneration: said['metageneration'] ?? '',
    size: Number(said['size'] ?? 0),
  };
};

/** Whether the conditions of a query hold; `prefix` is `ifSource` for those about the source. */
const holds = (query: URLSearchParams, standing: Standing, prefix: 'if' | 'ifSource' = 'if'): boolean => {
  const fails = (name: string, is: string, wanted: boolean): boolean => {
    const value = query.get(`${prefix}${name}`);
    return value !== null && (value === is) !== wanted;
  };
  return !(
    fails('GenerationMatch', standing.generation, true) ||
    fails('GenerationNotMatch', standing.generation, false) ||
    fails('MetagenerationMatch', standing.metageneration, true) ||
    fails('MetagenerationNotMatch', standing.metageneration, false)
  );
};

/** Conditions on reading, changing and deleting one object. */
const refusalOf = async ({ request, url, forward }: Parts): Promise<FrontAnswer | undefined> => {
  const path = /^(?:\/download)?(\/storage\/v1\/b\/[^/]+\/o\/[^/]+)$/.exec(url.pathname)?.[1];
  if (path === undefined || ![...url.searchParams.keys()].some((name) => name.startsWith('if'))) return undefined;
  const standing = await standingAt(path, forward);
  if (standing === none) return refuse(404, 'notFound', `No such object: ${decodeURIComponent(path)}`);
  if (holds(url.searchParams, standing)) return undefined;
  const isUnmodified = request.method === 'GET' && url.searchParams.has('ifGenerationNotMatch');
  return isUnmodified ? { status: 304, headers: {}, body: Buffer.alloc(0) } : refuse(412, 'conditionNotMet');
};

interface Rewrite {
  readonly path: string;
  readonly generation: string;
  readonly done: number;
}

interface Copying {
  readonly match: RegExpExecArray;
  readonly rewrites: Map<string, Rewrite>;
  readonly options: GsFrontOptions;
}

/** A copy, in as many calls as it takes; the conditions of each call are judged in that call, and no others. */
const copy = async (parts: Parts, { match, rewrites, options }: Copying): Promise<FrontAnswer> => {
  const { request, url, forward } = parts;
  const [, fromBucket, from, , toBucket, to] = match;
  const [sourcePath, targetPath] = [`/storage/v1/b/${fromBucket}/o/${from}`, `/storage/v1/b/${toBucket}/o/${to}`];
  const source = await standingAt(sourcePath, forward);
  if (source === none) return refuse(404, 'notFound', `No such object: ${decodeURIComponent(sourcePath)}`);
  const target = await standingAt(targetPath, forward);
  if (!holds(url.searchParams, source, 'ifSource') || !holds(url.searchParams, target))
    return refuse(412, 'conditionNotMet');
  const token = url.searchParams.get('rewriteToken');
  const before = rewrites.get(token ?? '');
  const isOurs = before?.path === url.pathname && before.generation === source.generation;
  if (token !== null && !isOurs) return refuse(400, 'invalid', 'The rewrite token is not of this source and target.');
  rewrites.delete(token ?? '');
  const done = (before?.done ?? 0) + bytesPerCall(url.searchParams, options);
  if (done >= source.size) return forward({ ...request, url: url.pathname });
  const next = randomUUID();
  rewrites.set(next, { path: url.pathname, generation: source.generation, done });
  await options.betweenRewrites?.(forward);
  const said = {
    kind: 'storage#rewriteResponse',
    totalBytesRewritten: String(done),
    objectSize: String(source.size),
    done: false,
    rewriteToken: next,
  };
  return { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(said)) };
};

const bytesPerCall = (query: URLSearchParams, { rewriteBytes = Number.POSITIVE_INFINITY }: GsFrontOptions): number =>
  Math.min(Number(query.get('maxBytesRewrittenPerCall') ?? Number.POSITIVE_INFINITY), rewriteBytes);

interface Session {
  readonly bucket: string;
  readonly description: Record<string, unknown>;
  readonly query: URLSearchParams;
  chunks: Buffer[];
  held: number;
  /** What the finished upload was answered with. */
  done?: FrontAnswer;
}

const objectOf = (bucket: string, name: unknown): string =>
  `/storage/v1/b/${bucket}/o/${encodeURIComponent(typeof name === 'string' ? name : '')}`;

const upload = async (parts: Parts, sessions: Map<string, Session>): Promise<FrontAnswer> => {
  const { request, url, forward } = parts;
  const id = url.searchParams.get('upload_id');
  if (id !== null) return proceed(parts, { id, sessions });
  if (url.searchParams.get('uploadType') !== 'resumable') return forward(request);
  const bucket = /\/b\/([^/]+)\/o$/.exec(url.pathname)?.[1] ?? '';
  const listing = await forward({ method: 'GET', url: `/storage/v1/b/${bucket}`, headers: {}, body: Buffer.alloc(0) });
  if (listing.status !== 200) return refuse(404, 'notFound', 'The specified bucket does not exist.');
  const description = JSON.parse(request.body.toString('utf8')) as Record<string, unknown>;
  const standing = await standingAt(objectOf(bucket, description['name']), forward);
  if (!holds(url.searchParams, standing)) return refuse(412, 'conditionNotMet');
  const next = randomUUID();
  sessions.set(next, { bucket, description, query: url.searchParams, chunks: [], held: 0 });
  const location = `http://${request.headers.host ?? ''}${url.pathname}?uploadType=resumable&upload_id=${next}`;
  return { status: 200, headers: { location, 'x-guploader-uploadid': next }, body: Buffer.alloc(0) };
};

const proceed = async (
  { request, forward }: Parts,
  { id, sessions }: { readonly id: string; readonly sessions: Map<string, Session> },
): Promise<FrontAnswer> => {
  const session = sessions.get(id);
  if (session === undefined) return refuse(404, 'notFound');
  if (session.done !== undefined) return session.done;
  const range = /^bytes (?:\*|(\d+)-(\d+))\/(\*|\d+)$/.exec(request.headers['content-range'] ?? '');
  if (range === null) return refuse(400, 'badRequest', 'Failed to parse Content-Range header.');
  const [, first, last, total] = range;
  if (first !== undefined) {
    if (Number(last) - Number(first) + 1 !== request.body.byteLength || Number(first) !== session.held)
      return refuse(400, 'badRequest', 'Invalid request. The number of bytes uploaded does not fit the range.');
    if (total === '*' && request.body.byteLength % chunkUnit !== 0)
      return refuse(400, 'badRequest', 'Chunks must be multiples of 256 KiB.');
    session.chunks.push(request.body);
    session.held += request.body.byteLength;
  }
  if (total === '*' || session.held < Number(total)) {
    const headers = session.held === 0 ? {} : { range: `bytes=0-${session.held - 1}` };
    return { status: 308, headers, body: Buffer.alloc(0) };
  }
  return finish({ session, request, forward, remove: () => sessions.delete(id) });
};

const finish = async (task: {
  readonly session: Session;
  readonly request: FrontRequest;
  readonly forward: Forward;
  readonly remove: () => void;
}): Promise<FrontAnswer> => {
  const { session, request, forward } = task;
  const { bucket, description, query, chunks } = session;
  const body = Buffer.concat(chunks);
  const wanted = /md5=([^,]+)/.exec(String(request.headers['x-goog-hash'] ?? ''))?.[1];
  const md5 = createHash('md5').update(body).digest('base64');
  const standing = await standingAt(objectOf(bucket, description['name']), forward);
  if (!holds(query, standing)) {
    task.remove();
    return refuse(412, 'conditionNotMet');
  }
  if (wanted !== undefined && wanted !== md5) {
    task.remove();
    return refuse(400, 'invalid', `Provided MD5 hash "${wanted}" doesn't match calculated MD5 hash "${md5}".`);
  }
  const head = `--lc2\r\ncontent-type: application/json\r\n\r\n${JSON.stringify(description)}\r\n--lc2\r\ncontent-type: ${String(description['contentType'])}\r\n\r\n`;
  const answer = await forward({
    method: 'POST',
    url: `/upload/storage/v1/b/${bucket}/o?uploadType=multipart`,
    headers: { 'content-type': 'multipart/related; boundary=lc2' },
    body: Buffer.concat([Buffer.from(head), body, Buffer.from('\r\n--lc2--\r\n')]),
  });
  session.chunks = [];
  session.done = answer;
  return answer;
};
