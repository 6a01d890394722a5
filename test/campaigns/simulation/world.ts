import { createController } from '../../../controller/controller.ts';
import { type Log, silentLog } from '../../../controller/log.ts';
import type { KubeObject } from '../../fakes/kube/objects.ts';
import { backupRequest, environmentObject, namespace, put, restoreRequest } from '../../fakes/kube/fixtures.ts';
import { createVirtualTime } from '../../fakes/kube/virtual-time.ts';
import { type RunTruth, startArgo, type Storage } from './argo.ts';
import { type Fault, isDeed, type Plan } from './plan.ts';
import { createProcess, type Process } from './process.ts';
import { type Asked, type Call, createServer, type Server } from './server.ts';
import { doDeed } from './deeds.ts';
import { createHappenings } from './happenings.ts';
import type { SentEvent } from './watches.ts';

/** A request as it was made, whatever became of it. */
export interface RequestTruth {
  readonly uid: string;
  readonly name: string;
  readonly plural: string;
  readonly createdAt: number;
  cancelledAt: number | undefined;
  deletedAt: number | undefined;
  goneAt: number | undefined;
  /** When its status first said an end. */
  terminalAt: number | undefined;
  terminalPhase: string | undefined;
  /** A status that said an end said another one later. */
  changedAfterEnd: boolean;
}

/** A life as it went, for the oracle. */
export interface Ending {
  readonly plan: Plan;
  readonly requests: readonly RequestTruth[];
  readonly runs: readonly RunTruth[];
  readonly storage: Storage;
  readonly objects: readonly KubeObject[];
  readonly calls: readonly Call[];
  readonly events: readonly SentEvent[];
  readonly asked: readonly Asked[];
  readonly deeds: readonly { readonly at: number; readonly what: string }[];
  /** While the server was away. */
  readonly downs: readonly { readonly from: number; readonly to: number }[];
  readonly lastFaultAt: number;
  readonly largestStatus: number;
  /** What the controller called an error of its own. */
  readonly complaints: readonly string[];
  /** Everything had ended; undefined when that never came. */
  readonly convergedAt: number | undefined;
  readonly endedAt: number;
}

const quietMs = 600_000;
/** An event that is dropped for good is made up for by the next full list. */
const relistMs = 1_200_000;
export const watchMs = ({ faults }: Plan): number =>
  quietMs + faults.filter(({ what }) => what === 'drop').length * relistMs;
/** Longer than a controller needs to list everything anew. */
const patienceMs = 1_500_000;
const terminal = new Set(['Succeeded', 'Failed', 'Cancelled']);
export const requestsAt = 4000;

export interface World {
  readonly server: Server;
  readonly after: (ms: number, run: () => void) => void;
  readonly deeds: { at: number; what: string }[];
  readonly requests: RequestTruth[];
  readonly now: () => number;
  readonly fault: () => void;
  readonly addRequest: (name: string) => void;
}

export const pluralOf = (plan: Plan): string => (plan.life === 'backup' ? 'backuprequests' : 'restorerequests');
export const nameOf = (turn: number): string => (turn === 0 ? 'nightly' : `nightly-${turn}`);

const requestObject = ({ life }: Plan, name: string): KubeObject => {
  if (life === 'backup') return backupRequest(name);
  return restoreRequest(name, life === 'preview' ? { preview: true } : {});
};

/** Lives one life from its beginning until nothing happens any more. The same plan gives the same life. */
export const live = async (plan: Plan): Promise<Ending> => {
  const time = createVirtualTime(plan.seed + 1);
  const byIndex = (on: 'call' | 'event') =>
    new Map(plan.faults.flatMap((fault) => (fault.on === on ? [[fault.index, fault] as const] : [])));
  const callFaults = byIndex('call') as ReadonlyMap<number, Extract<Fault, { on: 'call' }>>;
  const eventFaults = byIndex('event') as ReadonlyMap<number, Extract<Fault, { on: 'event' }>>;
  const requests: RequestTruth[] = [];
  const deeds: { at: number; what: string }[] = [];
  const downs: { from: number; to: number }[] = [];
  const processes: Process[] = [];
  let lastFaultAt = 0;
  let largestStatus = 0;
  const clock = { skewMs: 0 };
  const complaints: string[] = [];
  const log: Log = {
    ...silentLog,
    error: (message, fields) => complaints.push(`${message} ${JSON.stringify(fields)}`),
  };
  const fault = (): void => {
    lastFaultAt = time.monotonic();
  };

  const server = createServer({
    time,
    onFault: fault,
    eventFault: (index) => eventFaults.get(index)?.what,
    callFault: (call) => {
      const found = callFaults.get(call.index);
      if (found === undefined) return undefined;
      fault();
      if (found.what === 'crash before' || found.what === 'crash after') restartAfter(found.ms);
      else time.after(found.what === 'hangs' ? 30_000 : found.ms, fault);
      return found;
    },
  });
  const { objects, watches } = server;
  const { storage, truths, state: argo } = startArgo({ time, objects, outcome: plan.outcome });

  const startController = (): void => {
    const process = createProcess(`controller-${processes.length}`, time, () => clock.skewMs);
    processes.push(process);
    createController({ api: server.connect(process), time: process.time, log, namespaces: [], workers: 4 }).start();
  };
  /** One replica takes the place of another. */
  const restartAfter = (ms: number): void => {
    time.after(ms, () => {
      fault();
      for (const process of processes) process.kill();
      startController();
    });
  };

  objects.listen(({ plural, type, object }) => {
    if (plural !== 'backuprequests' && plural !== 'restorerequests') return;
    largestStatus = Math.max(largestStatus, JSON.stringify(object.status ?? {}).length);
    const { uid } = object.metadata;
    const truth = requests.find((each) => each.uid === uid);
    if (truth === undefined) return;
    if (type === 'DELETED') truth.goneAt = time.monotonic();
    const phase = String(object.status?.['phase']);
    if (truth.terminalAt !== undefined && phase !== truth.terminalPhase) truth.changedAfterEnd = true;
    if (truth.terminalAt === undefined && terminal.has(phase)) {
      truth.terminalAt = time.monotonic();
      truth.terminalPhase = phase;
    }
  });

  const addRequest = (name: string): void => {
    const { metadata } = put(objects, requestObject(plan, name));
    requests.push({
      uid: metadata.uid,
      name,
      plural: pluralOf(plan),
      createdAt: time.monotonic(),
      cancelledAt: undefined,
      deletedAt: undefined,
      goneAt: undefined,
      terminalAt: undefined,
      terminalPhase: undefined,
      changedAfterEnd: false,
    });
  };

  const world: World = {
    server,
    deeds,
    requests,
    fault,
    addRequest,
    now: () => time.monotonic(),
    after: (ms, run) => void time.after(ms, run),
  };

  const happen = createHappenings({ time, server, argo, clock, processes, startController, fault });

  for (const each of plan.faults) {
    if (each.on !== 'time') continue;
    const { at, what, ms } = each;
    const start = (): void => {
      fault();
      if (what === 'server down') downs.push({ from: at, to: at + ms });
      if (isDeed(what)) doDeed(world, what, ms);
      else happen(what, ms);
    };
    if (at === 0) start();
    else time.after(at, start);
  }
  startController();
  const late = plan.faults.find(({ what }) => what === 'late environment');
  time.after(late?.on === 'time' ? late.ms : 1000, () => {
    put(objects, environmentObject());
    fault();
  });
  time.after(requestsAt, () => {
    for (let turn = 0; turn < plan.requests; turn++) addRequest(nameOf(turn));
  });
  const stopCounting = Math.max(
    0,
    ...plan.faults.map((each) => (each.on === 'time' ? each.at + each.ms * 2 : 0)),
    requestsAt + 1,
  );

  const isDone = (): boolean =>
    time.monotonic() > stopCounting &&
    processes.some((process) => process.isAlive()) &&
    requests.every((request) => request.goneAt !== undefined || isOver(request)) &&
    truths.every(({ endedAt, goneAt }) => endedAt !== undefined || goneAt !== undefined) &&
    objects.list('workflows').every(({ metadata }) => metadata.finalizers === undefined);
  const isOver = ({ plural, name, terminalAt }: RequestTruth): boolean =>
    terminalAt !== undefined && objects.tryGet(plural, namespace, name)?.metadata.finalizers === undefined;

  const patience = patienceMs + watchMs(plan) + plan.requests * 30_000 + stopCounting;
  while (!isDone() && time.monotonic() < patience) await time.advance(2000);
  const convergedAt = isDone() ? time.monotonic() : undefined;
  await time.advance(watchMs(plan));
  for (const process of processes) process.kill();
  return {
    plan,
    requests,
    runs: truths,
    storage,
    objects: ['backuprequests', 'restorerequests', 'backupenvironments', 'workflows', 'configmaps', 'events'].flatMap(
      (plural) => objects.list(plural),
    ),
    calls: server.calls,
    events: watches.sent,
    asked: server.asked,
    deeds,
    downs,
    lastFaultAt,
    largestStatus,
    complaints,
    convergedAt,
    endedAt: time.monotonic(),
  };
};
