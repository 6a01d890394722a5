import { isTerminal } from '../core/api/request-status.ts';
import type { Subject } from './apply.ts';
import type { KubeApi, Resource } from './kube/api.ts';
import { resources } from './kube/resources.ts';
import { type Change, type Identified, keyOf } from './kube/store.ts';
import type { Log } from './log.ts';
import { labels, workflowName } from './names.ts';
import type { Time } from './time.ts';
import { environmentView, type EnvironmentView } from './views/environment-view.ts';
import { environmentOf, type RequestKind, type RequestView, requestView, sourceOf } from './views/request-view.ts';
import { hasEnded, isHeld, type WorkflowView, workflowView } from './views/workflow-view.ts';
import { createWatch, type Watch, type WatchTimings } from './watch.ts';

export interface CachesOptions {
  readonly api: KubeApi;
  readonly time: Time;
  readonly log: Log;
  readonly namespaces: readonly string[];
  readonly timings: WatchTimings;
  readonly enqueue: (key: string) => void;
  readonly enqueueAfter: (key: string, ms: number) => void;
  readonly forget: (uid: string) => void;
}

const nothing = (): void => {};
/** News of a Workflow may come before those of its request. */
const orphanMs = 10_000;

const requestKinds = ['BackupRequest', 'RestoreRequest'] as const satisfies readonly RequestKind[];

/** A Workflow that we hold, and whose request went without us. */
export interface Orphan {
  readonly is: 'orphan';
  readonly view: WorkflowView;
}

/** Keys of the queue: `<Kind>/<namespace>/<name>`. */
const queueKey = (kind: string, item: { readonly namespace: string; readonly name: string }): string =>
  `${kind}/${keyOf(item)}`;

const get = <T extends Identified>(watches: readonly Watch<T>[], key: string): T | undefined => {
  for (const { store } of watches) {
    const found = store.get(key);
    if (found !== undefined) return found;
  }
  return undefined;
};

const all = function* <T extends Identified>(watches: readonly Watch<T>[]): Generator<T> {
  for (const { store } of watches) yield* store.values();
};

const concerns = (request: RequestView, namespace: string, name: string): boolean =>
  request.namespace === namespace && (environmentOf(request) === name || sourceOf(request) === name);

/** The watches, and which keys a piece of news concerns. */
export const createCaches = (options: CachesOptions) => {
  const { api, time, log, timings, enqueue, enqueueAfter, forget } = options;
  const scopes = options.namespaces.length === 0 ? [undefined] : options.namespaces;
  /** Workflows know their request by uid, for its name may not fit into a label. */
  const requestKeys = new Map<string, string>();

  const watchAll = <T extends Identified>(
    resource: Resource,
    parts: { readonly project: (object: unknown) => T; readonly onChange: Change<T>; readonly selector?: string },
  ): readonly Watch<T>[] =>
    scopes.map((namespace) =>
      createWatch<T>({
        api,
        collection: { resource, ...(namespace === undefined ? {} : { namespace }) },
        time,
        log,
        timings,
        ...parts,
      }),
    );

  const isOrphan = (view: WorkflowView): boolean =>
    isHeld(view) && (view.requestUid === undefined || !requestKeys.has(view.requestUid));
  const lookLater = (view: WorkflowView | undefined): void => {
    if (view !== undefined && isOrphan(view)) enqueueAfter(queueKey('Workflow', view), orphanMs);
  };

  const onRequest =
    (kind: RequestKind): Change<RequestView> =>
    (_key, now, before) => {
      if (before !== undefined && before.uid !== now?.uid) {
        requestKeys.delete(before.uid);
        forget(before.uid);
        lookLater(get(workflows, keyOf({ namespace: before.namespace, name: workflowName(before) })));
      }
      if (now === undefined) return;
      requestKeys.set(now.uid, queueKey(kind, now));
      enqueue(queueKey(kind, now));
    };

  const requests: Readonly<Record<RequestKind, readonly Watch<RequestView>[]>> = {
    BackupRequest: watchAll(resources.BackupRequest, {
      project: requestView('BackupRequest'),
      onChange: onRequest('BackupRequest'),
    }),
    RestoreRequest: watchAll(resources.RestoreRequest, {
      project: requestView('RestoreRequest'),
      onChange: onRequest('RestoreRequest'),
    }),
  };

  const onEnvironment: Change<EnvironmentView> = (_key, now, before) => {
    const view = now ?? before;
    if (view === undefined) return;
    if (now !== undefined) enqueue(queueKey('BackupEnvironment', now));
    // Only the spec matters to requests, not what we wrote into the status.
    if (now !== undefined && before?.uid === now.uid && before.generation === now.generation) return;
    for (const kind of requestKinds) {
      for (const request of all(requests[kind])) {
        if (!isTerminal(request.status.phase) && concerns(request, view.namespace, view.name))
          enqueue(queueKey(kind, request));
      }
    }
  };
  const environments = watchAll(resources.BackupEnvironment, { project: environmentView, onChange: onEnvironment });

  const onWorkflow: Change<WorkflowView> = (_key, now, before) => {
    const view = now ?? before;
    if (view === undefined) return;
    const request = view.requestUid === undefined ? undefined : requestKeys.get(view.requestUid);
    if (request !== undefined) enqueue(request);
    lookLater(now);
    if (view.environment !== undefined && hasEnded(view)) {
      enqueue(queueKey('BackupEnvironment', { namespace: view.namespace, name: view.environment }));
    }
  };
  const workflows = watchAll(resources.Workflow, {
    project: workflowView,
    onChange: onWorkflow,
    selector: labels.environment,
  });

  const watches: readonly Omit<Watch<Identified>, 'store'>[] = [
    ...environments,
    ...requests.BackupRequest,
    ...requests.RestoreRequest,
    ...workflows,
  ];

  /** The watch whose namespace it is; with no list of namespaces there is only one. */
  const storeFor = <T extends Identified>(list: readonly Watch<T>[], item: T): Watch<T>['store'] | undefined =>
    list[options.namespaces.length === 0 ? 0 : options.namespaces.indexOf(item.namespace)]?.store;

  let complete = false;
  const synced = (): boolean => {
    complete ||= watches.every((watch) => watch.synced());
    return complete;
  };

  /** What was put off until everything was known. */
  const enqueueAll = (): void => {
    for (const view of all(environments)) enqueue(queueKey('BackupEnvironment', view));
    for (const kind of requestKinds) for (const request of all(requests[kind])) enqueue(queueKey(kind, request));
  };

  let cancelCheck = nothing;
  const checkSynced = (): void => {
    if (synced()) enqueueAll();
    else cancelCheck = time.after(50, checkSynced);
  };

  return {
    environment: (key: string) => get(environments, key),
    workflow: (key: string) => get(workflows, key),
    workflows: () => all(workflows),
    subject: (key: string): Subject | Orphan | undefined => {
      const [kind = '', ...rest] = key.split('/');
      const plain = rest.join('/');
      if (kind === 'Workflow') {
        const view = get(workflows, plain);
        return view === undefined || !isOrphan(view) ? undefined : { is: 'orphan', view };
      }
      if (kind === 'BackupEnvironment') {
        const view = get(environments, plain);
        return view === undefined ? undefined : { is: 'environment', view };
      }
      const view = kind === 'BackupRequest' || kind === 'RestoreRequest' ? get(requests[kind], plain) : undefined;
      return view === undefined ? undefined : { is: 'request', view };
    },
    learn: {
      request: (view: RequestView) => storeFor(requests[view.kind], view)?.upsert(view),
      environment: (view: EnvironmentView) => storeFor(environments, view)?.upsert(view),
      workflow: (view: WorkflowView) => storeFor(workflows, view)?.upsert(view),
    },
    start: () => {
      for (const watch of watches) watch.start();
      checkSynced();
    },
    stop: async () => {
      cancelCheck();
      await Promise.all(watches.map((watch) => watch.stop()));
    },
    synced,
    ready: () => {
      const now = time.monotonic();
      return (
        synced() && watches.every((watch) => now - (watch.lastContact() ?? Number.NEGATIVE_INFINITY) < timings.silentMs)
      );
    },
  };
};
