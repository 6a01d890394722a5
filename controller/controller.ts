import { isTerminal } from '../core/api/request-status.ts';
import { createApply } from './apply.ts';
import { createCaches } from './caches.ts';
import { decide } from './decide.ts';
import { backupOf, decideEnvironment, type KnownBackup, newer } from './decide-environment.ts';
import type { KubeApi } from './kube/api.ts';
import { isNotFound } from './kube/errors.ts';
import { paced } from './kube/pace.ts';
import { resources } from './kube/resources.ts';
import type { Log } from './log.ts';
import { createMemory, creationGapMs } from './memory.ts';
import { verifyWorkflowName, workflowName } from './names.ts';
import type { EnvironmentState } from './observed.ts';
import { createQueue, type Result } from './queue.ts';
import type { Backoff, Time } from './time.ts';
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
  const caches = createCaches({ api, time, log, namespaces, timings, enqueue: queue.add, forget: memory.forget });
  const apply = createApply({ api, time, log, memory, instanceId: options.instanceId, learn: caches.learn });

  const environmentState = (namespace: string, name: string | undefined): EnvironmentState | undefined => {
    const view = name === undefined ? undefined : caches.environment(`${namespace}/${name}`);
    return view === undefined ? undefined : { view, configMapCurrent: memory.isConfigMapCurrent(view) };
  };

  const ownWorkflow = (request: RequestView, name: string): WorkflowView | undefined => {
    const found = caches.workflow(`${request.namespace}/${name}`);
    return found?.requestUid === request.uid ? found : undefined;
  };

  /** Before a run is called gone, the API server itself is asked. */
  const lookUp = async (request: RequestView, signal: AbortSignal): Promise<WorkflowView | undefined> => {
    const name = request.status.workflow ?? workflowName(request);
    const target = { resource: resources.Workflow, namespace: request.namespace, name };
    try {
      const found = workflowView(await api.get(target, signal));
      return found.requestUid === undefined || found.requestUid === request.uid ? found : undefined;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };

  const handleRequest = async (request: RequestView, signal: AbortSignal): Promise<Result> => {
    const synced = caches.synced();
    const cached = ownWorkflow(request, workflowName(request));
    const missing =
      synced && cached === undefined && request.status.workflow !== undefined && !isTerminal(request.status.phase);
    const workflow = missing ? await lookUp(request, signal) : cached;
    const environment = environmentOf(request);
    const actions = decide(
      {
        request,
        environment: environmentState(request.namespace, environment),
        source: environmentState(request.namespace, sourceOf(request)),
        workflow,
        verify: ownWorkflow(request, verifyWorkflowName(request)),
        synced,
        creationWaitMs: environment === undefined ? 0 : memory.creationWaitMs(`${request.namespace}/${environment}`),
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
