import { isTerminal } from '../core/api/request-status.ts';
import { createApply } from './apply.ts';
import { createCaches } from './caches.ts';
import { decide } from './decide.ts';
import { backupOf, decideEnvironment, type KnownBackup, newer } from './decide-environment.ts';
import type { KubeApi, Target } from './kube/api.ts';
import { isNotFound } from './kube/errors.ts';
import { paced } from './kube/pace.ts';
import { resources } from './kube/resources.ts';
import type { Log } from './log.ts';
import { createMemory, creationGapMs } from './memory.ts';
import { verifyWorkflowName, workflowName } from './names.ts';
import type { EnvironmentState } from './observed.ts';
import { createQueue, type Result } from './queue.ts';
import { createRelease } from './release.ts';
import type { Backoff, Time } from './time.ts';
import { environmentView } from './views/environment-view.ts';
import { environmentOf, type RequestView, sourceOf } from './views/request-view.ts';
import { hasEnded, type WorkflowView, workflowView } from './views/workflow-view.ts';
import { type WatchTimings, watchTimings } from './watch.ts';

export interface ControllerOptions {
  readonly api: KubeApi;
  readonly time: Time;
  readonly log: Log;
  /** Empty: all. */
  readonly namespaces: readonly string[];
  readonly workers: number;
  readonly instanceId?: string;
  readonly timings?: WatchTimings;
  readonly backoff?: Backoff;
  readonly creationGapMs?: number;
}

export interface Controller {
  readonly start: () => void;
  readonly stop: () => Promise<void>;
  /** Everything was listed, and the API server was heard of recently. */
  readonly ready: () => boolean;
}

const defaultBackoff: Backoff = { baseMs: 500, capMs: 30_000 };
/** A run that only a direct question finds, since somebody took its labels away. */
const lookUpAgainMs = 30_000;

export const createController = (options: ControllerOptions): Controller => {
  const { time, log, namespaces, workers, timings = watchTimings } = options;
  const api = paced(options.api, time);
  const memory = createMemory(time, options.creationGapMs ?? creationGapMs);
  const queue = createQueue({
    handle: (key, signal) => handle(key, signal),
    time,
    log,
    workers,
    backoff: options.backoff ?? defaultBackoff,
  });
  const caches = createCaches({
    api,
    time,
    log,
    namespaces,
    timings,
    enqueue: queue.add,
    enqueueAfter: queue.addAfter,
    forget: memory.forget,
  });
  const release = createRelease(api, caches.learn);
  const apply = createApply({ api, time, log, memory, instanceId: options.instanceId, learn: caches.learn });

  /** Before anything is called missing or gone, the API server itself is asked: an event may have got lost. */
  const lookUp = async <T>(
    target: Target,
    read: (object: unknown) => T,
    signal: AbortSignal,
  ): Promise<T | undefined> => {
    try {
      return read(await api.get(target, signal));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };

  const lookUpEnvironment = async (namespace: string, name: string, signal: AbortSignal) => {
    const found = await lookUp({ resource: resources.BackupEnvironment, namespace, name }, environmentView, signal);
    if (found !== undefined) caches.learn.environment(found);
    return found;
  };

  const environmentState = async (
    request: RequestView,
    name: string | undefined,
    signal: AbortSignal,
  ): Promise<EnvironmentState | undefined> => {
    if (name === undefined) return undefined;
    const { namespace, status } = request;
    const matters = caches.synced() && !isTerminal(status.phase);
    const known = caches.environment(`${namespace}/${name}`);
    const view = known ?? (matters ? await lookUpEnvironment(namespace, name, signal) : undefined);
    return view === undefined ? undefined : { view, configMapCurrent: memory.isConfigMapCurrent(view) };
  };

  const ownWorkflow = (request: RequestView, name: string): WorkflowView | undefined => {
    const found = caches.workflow(`${request.namespace}/${name}`);
    return found?.requestUid === request.uid ? found : undefined;
  };

  const lookUpWorkflow = async (request: RequestView, signal: AbortSignal): Promise<WorkflowView | undefined> => {
    const name = request.status.workflow ?? workflowName(request);
    const found = await lookUp(
      { resource: resources.Workflow, namespace: request.namespace, name },
      workflowView,
      signal,
    );
    return found?.requestUid === undefined || found.requestUid === request.uid ? found : undefined;
  };

  const handleRequest = async (request: RequestView, signal: AbortSignal): Promise<Result> => {
    const synced = caches.synced();
    const cached = ownWorkflow(request, workflowName(request));
    const missing =
      synced && cached === undefined && request.status.workflow !== undefined && !isTerminal(request.status.phase);
    const workflow = missing ? await lookUpWorkflow(request, signal) : cached;
    const environment = environmentOf(request);
    const source = sourceOf(request);
    const target = await environmentState(request, environment, signal);
    const actions = decide(
      {
        request,
        environment: target,
        source: source === environment ? target : await environmentState(request, source, signal),
        workflow,
        verify: ownWorkflow(request, verifyWorkflowName(request)),
        synced,
        creationWaitMs: environment === undefined ? 0 : memory.creationWaitMs(`${request.namespace}/${environment}`),
        sinceSeenMs: isTerminal(request.status.phase) ? 0 : memory.sinceSeenMs(request.uid),
        sinceStatusMs: memory.sinceStatusMs(request.uid),
        refusal: memory.refusal(request.uid),
      },
      time.now(),
    );
    const result = await apply({ is: 'request', view: request }, actions, signal);
    const unseen = missing && workflow !== undefined && !hasEnded(workflow);
    return unseen ? { requeueAfterMs: Math.min(lookUpAgainMs, result.requeueAfterMs ?? lookUpAgainMs) } : result;
  };

  const newestBackup = (namespace: string, name: string): KnownBackup | undefined => {
    let newest: KnownBackup | undefined;
    for (const workflow of caches.workflows()) {
      if (workflow.namespace !== namespace || workflow.environment !== name) continue;
      newest = newer(newest, backupOf(workflow));
    }
    return newest;
  };

  const handle = async (key: string, signal: AbortSignal): Promise<Result> => {
    const subject = caches.subject(key);
    if (subject === undefined) return {};
    if (subject.is === 'orphan') {
      if (!caches.synced()) return { requeueAfterMs: lookUpAgainMs };
      await release(subject.view, signal);
      return {};
    }
    if (subject.is === 'request') return handleRequest(subject.view, signal);
    const { view } = subject;
    const observed = {
      view,
      configMapCurrent: memory.isConfigMapCurrent(view),
      newest: newestBackup(view.namespace, view.name),
      synced: caches.synced(),
    };
    return apply(subject, decideEnvironment(observed, time.now()), signal);
  };

  return {
    start: caches.start,
    stop: async () => {
      await Promise.all([caches.stop(), queue.stop()]);
    },
    ready: caches.ready,
  };
};
