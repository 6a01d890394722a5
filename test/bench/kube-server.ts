// A stand-in for an API server with Argo behind it, for benchmarks: light, so that the controller is what is measured. It
// knows what the controller asks for and little else; whether the controller does the right thing is proved elsewhere.
// A program of its own; its parent speaks to it at `/-/…` and is told of the first request that comes.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodesOf, outputsOf, sealedOutput } from '../fakes/kube/argo.ts';

interface Item {
  readonly apiVersion?: string;
  readonly kind?: string;
  metadata: Readonly<Record<string, unknown>> & { readonly name: string; readonly resourceVersion: string };
  spec?: unknown;
  status?: Readonly<Record<string, unknown>>;
}

interface Change {
  readonly version: number;
  readonly plural: string;
  readonly line: string;
}

/** What the bench asks for at the end. */
export interface KubeFacts {
  /** Writes by what was written, such as `POST workflows`. */
  readonly writes: Readonly<Record<string, number>>;
  /** Milliseconds from the first write to the last Workflow that was created. */
  readonly submittedMs: number;
  /** Milliseconds from news of a Workflow to the status that tells of it. */
  readonly latencies: readonly number[];
  readonly ended: number;
}

const namespace = 'bench';
const created = '2026-01-01T00:00:00Z';
const items = new Map<string, Map<string, Item>>();
const history: Change[] = [];
const watches = new Set<{ readonly plural: string; readonly response: ServerResponse }>();
const writes: Record<string, number> = {};
const latencies: number[] = [];
/** When news of the run of this request was sent, and which phase its status must show. */
const awaited = new Map<string, { readonly at: number; readonly phase: string; readonly done: () => void }>();
let version = 1000;
/** Old runs, made up anew whenever they are listed: only their number is held. */
let past = 0;
let submitBegan = 0;
let submitEnded = 0;
let ended = 0;

const of = (plural: string): Map<string, Item> => {
  const found = items.get(plural) ?? new Map<string, Item>();
  items.set(plural, found);
  return found;
};

const announce = (type: string, plural: string, object: Item): void => {
  const line = `${JSON.stringify({ type, object })}\n`;
  history.push({ version, plural, line });
  for (const watch of watches) if (watch.plural === plural) watch.response.write(line);
};

const save = (plural: string, item: Item): Item => {
  const isNew = !of(plural).has(item.metadata.name);
  const resourceVersion = String(++version);
  const uid = item.metadata['uid'] ?? `00000000-0000-4000-8000-${String(version).padStart(12, '0')}`;
  const metadata = { generation: 1, creationTimestamp: created, ...item.metadata, namespace, uid, resourceVersion };
  const saved = { ...item, metadata };
  of(plural).set(item.metadata.name, saved);
  announce(isNew ? 'ADDED' : 'MODIFIED', plural, saved);
  return saved;
};

const eightKilobytes = 'lorem ipsum '.repeat(650);

/** A run of long ago with what Argo leaves in it: about 8 KB. */
const pastRun = (index: number): string =>
  JSON.stringify({
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Workflow',
    metadata: {
      name: `run-${index}`,
      namespace,
      uid: `00000000-0000-4000-9000-${String(index).padStart(12, '0')}`,
      resourceVersion: String(index % 900),
      creationTimestamp: created,
      labels: { 'backup.lc2.dev/environment': `past-${index % 500}`, 'backup.lc2.dev/project': 'bench' },
    },
    spec: { workflowTemplateRef: { name: 'lc2-backup', clusterScope: true } },
    status: {
      phase: 'Succeeded',
      startedAt: created,
      finishedAt: created,
      storedTemplates: eightKilobytes,
      outputs: outputsOf({ manifest: sealedOutput(`bench-past-${index % 500}-backup-20260101-000000`) }),
    },
  });

const list = (response: ServerResponse, plural: string, query: URLSearchParams): void => {
  const all = [...of(plural).values()];
  const virtual = plural === 'workflows' ? past : 0;
  const from = Number(query.get('continue') ?? 0);
  const limit = Number(query.get('limit') ?? 0);
  const to = Math.min(virtual + all.length, limit === 0 ? Number.POSITIVE_INFINITY : from + limit);
  const more = to < virtual + all.length ? `,"continue":"${to}"` : '';
  response.writeHead(200, { 'content-type': 'application/json' });
  response.write(`{"kind":"List","metadata":{"resourceVersion":"${version}"${more}},"items":[`);
  for (let i = from; i < to; i++) {
    response.write(i === from ? '' : ',');
    response.write(i < virtual ? pastRun(i) : JSON.stringify(all[i - virtual]));
  }
  response.end(']}');
};

const watch = (response: ServerResponse, plural: string, query: URLSearchParams): void => {
  const since = Number(query.get('resourceVersion') ?? 0);
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  for (const change of history) if (change.plural === plural && change.version > since) response.write(change.line);
  const open = { plural, response };
  watches.add(open);
  const timer = setTimeout(() => response.end(), Number(query.get('timeoutSeconds') ?? 60) * 1000);
  response.once('close', () => {
    clearTimeout(timer);
    watches.delete(open);
  });
};

const answer = (response: ServerResponse, code: number, body: unknown): void => {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
};

const refuse = (response: ServerResponse, code: number, reason: string): void =>
  answer(response, code, { kind: 'Status', status: 'Failure', code, reason, message: reason });

const readBody = async (request: IncomingMessage): Promise<Item> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
};

const create = async (request: IncomingMessage, response: ServerResponse, plural: string): Promise<void> => {
  const body = await readBody(request);
  if (of(plural).has(body.metadata.name)) return refuse(response, 409, 'AlreadyExists');
  if (plural === 'workflows') submitEnded = performance.now();
  const saved = save(plural, body);
  answer(response, 201, saved);
  if (plural === 'workflows' && isPrompt) await runOne(saved);
};

/** The only list of operations that comes: the controller lets go of a Workflow. */
const released = (item: Item): Item => ({ ...item, metadata: { ...item.metadata, finalizers: [] } });

const patch = async (request: IncomingMessage, response: ServerResponse, place: Place): Promise<void> => {
  const { plural, name } = place;
  const body = await readBody(request);
  const before = of(plural).get(name);
  if (before === undefined && plural === 'configmaps') return answer(response, 201, save(plural, body));
  if (before === undefined) return refuse(response, 404, 'NotFound');
  if (Array.isArray(body)) return answer(response, 200, save(plural, released(before)));
  const seen: unknown = body.metadata.resourceVersion;
  if (seen !== undefined && seen !== before.metadata.resourceVersion) return refuse(response, 409, 'Conflict');
  const metadata = { ...before.metadata, ...body.metadata, name };
  const status = place.status ? body.status : undefined;
  const saved = save(plural, { ...before, metadata, ...(status !== undefined && { status }) });
  if (plural === 'backuprequests') heardOf(saved);
  answer(response, 200, saved);
};

/** A status that tells of news. */
const heardOf = ({ metadata: { name }, status }: Item): void => {
  const waits = awaited.get(name);
  if (waits === undefined || status?.['phase'] !== waits.phase) return;
  awaited.delete(name);
  latencies.push(performance.now() - waits.at);
  if (waits.phase === 'Succeeded') ended++;
  waits.done();
};

interface Place {
  readonly plural: string;
  readonly name: string;
  readonly status: boolean;
}

const tell = (workflow: Item, request: string, phase: string, status: Readonly<Record<string, unknown>>) =>
  new Promise<void>((done) => {
    awaited.set(request, { at: performance.now(), phase, done });
    const current = of('workflows').get(workflow.metadata.name) ?? workflow;
    save('workflows', { ...current, status: { phase, startedAt: created, ...status } });
  });

/** A run begins and ends. */
const runOne = async (workflow: Item): Promise<void> => {
  const annotations = new Map(Object.entries(workflow.metadata['annotations'] ?? {}));
  const request = String(annotations.get('backup.lc2.dev/request')).split('/')[1] ?? '';
  await tell(workflow, request, 'Running', { nodes: nodesOf([{ step: 'dump', phase: 'Running' }]) });
  const result = sealedOutput(`bench-${request}-backup-20260101-000000`);
  await tell(workflow, request, 'Succeeded', { finishedAt: created, outputs: outputsOf({ manifest: result }) });
};

/** Argo's part, late: so many a second. */
const runAll = async (perSecond: number): Promise<void> => {
  const runs = [...of('workflows').values()].map(async (workflow, index) => {
    await sleep((index * 1000) / perSecond);
    await runOne(workflow);
  });
  await Promise.all(runs);
};

const environment = (name: string): Item => ({
  apiVersion: 'backup.lc2.dev/v1alpha1',
  kind: 'BackupEnvironment',
  metadata: { name, resourceVersion: '' },
  spec: {
    projectId: 'bench',
    objectStores: [{ name: 'documents', url: 's3://documents' }],
    storage: { url: 's3://backups' },
  },
});

const backupRequest = (name: string): Item => ({
  apiVersion: 'backup.lc2.dev/v1alpha1',
  kind: 'BackupRequest',
  metadata: { name, resourceVersion: '' },
  spec: { environment: name },
});

/** What the bench wants: `past` runs, `environments`, then a `request` for each, then `run` them, `facts` at last. */
const command = async (response: ServerResponse, url: URL): Promise<void> => {
  const count = Number(url.searchParams.get('count') ?? 0);
  const names = Array.from({ length: count }, (_, i) => `environment-${String(i).padStart(5, '0')}`);
  if (url.pathname === '/-/past') past = count;
  if (url.pathname === '/-/environments') for (const name of names) save('backupenvironments', environment(name));
  if (url.pathname === '/-/requests') {
    for (const plural of Object.keys(writes)) delete writes[plural];
    submitBegan = performance.now();
    isPrompt = url.searchParams.has('prompt');
    for (const name of names) save('backuprequests', backupRequest(name));
  }
  if (url.pathname === '/-/run') await runAll(Number(url.searchParams.get('rate')));
  const facts: KubeFacts = { writes, submittedMs: submitEnded - submitBegan, latencies, ended };
  answer(response, 200, facts);
};

let told = false;
/** Argo takes each Workflow up as soon as it is made. */
let isPrompt = false;

const read = (response: ServerResponse, { plural, name }: Place, query: URLSearchParams): void => {
  const found = of(plural).get(name);
  if (query.get('watch') === 'true') watch(response, plural, query);
  else if (name === '') list(response, plural, query);
  else if (found === undefined) refuse(response, 404, 'NotFound');
  else answer(response, 200, found);
};

const pathForm = /^\/(?:api\/v1|apis\/[^/]+\/[^/]+)(?:\/namespaces\/[^/]+)?\/([a-z]+)(?:\/([^/]+))?(\/status)?$/;

const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const url = new URL(request.url ?? '/', 'http://kube');
  if (url.pathname.startsWith('/-/')) return command(response, url);
  if (!told) process.send?.('asked');
  told = true;
  const [, plural = '', name = '', status = ''] = pathForm.exec(url.pathname) ?? [];
  const place = { plural, name, status: status !== '' };
  const { method = '' } = request;
  if (method === 'GET') return read(response, place, url.searchParams);
  const what = `${method} ${plural}${status}`;
  writes[what] = (writes[what] ?? 0) + 1;
  await (method === 'POST' ? create(request, response, plural) : patch(request, response, place));
};

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  serve(request, response).catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    refuse(response, 500, 'InternalError');
  });
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.once('disconnect', () => process.exit(0));
