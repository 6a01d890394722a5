import { apiVersion } from '../core/api/common.ts';
import type { Action, WorkflowPlan } from './actions.ts';
import { configMapBody, eventBody, workflowBody } from './bodies.ts';
import type { KubeApi, Patch, Target } from './kube/api.ts';
import { isAlreadyExists, isInvalid, isNotFound, KubeError } from './kube/errors.ts';
import { resources } from './kube/resources.ts';
import { keyOf } from './kube/store.ts';
import { type Log, textOf } from './log.ts';
import type { Memory } from './memory.ts';
import { finalizer } from './names.ts';
import type { Result } from './queue.ts';
import { createRelease } from './release.ts';
import type { Time } from './time.ts';
import { type EnvironmentView, environmentView } from './views/environment-view.ts';
import { type RequestView, requestView } from './views/request-view.ts';
import { type WorkflowView, workflowView } from './views/workflow-view.ts';

export interface ApplyOptions {
  readonly api: KubeApi;
  readonly time: Time;
  readonly log: Log;
  readonly memory: Memory;
  readonly instanceId: string | undefined;
  /** What the API server answered is news, like an event of a watch. */
  readonly learn: {
    readonly request: (view: RequestView) => void;
    readonly environment: (view: EnvironmentView) => void;
    readonly workflow: (view: WorkflowView) => void;
  };
}

export type Subject =
  | { readonly is: 'request'; readonly view: RequestView }
  | { readonly is: 'environment'; readonly view: EnvironmentView };

type Perform = (subject: Subject, action: Action, signal: AbortSignal) => Promise<Subject | Result>;

/** Carries out what decide wants, in order. Whatever fails is thrown: the key is looked at again and decide says anew. */
export const createApply = (options: ApplyOptions) => {
  const perform = performer(options);
  const confirm = confirmer(options);
  return async (start: Subject, actions: readonly Action[], signal: AbortSignal): Promise<Result> => {
    let subject = start;
    let isNews = false;
    let requeueAfterMs: number | undefined;
    for (const action of actions) {
      if (starts(action) && !isNews) await confirm(subject, signal);
      const outcome = await perform(subject, action, signal);
      if ('is' in outcome) {
        subject = outcome;
        isNews = true;
        continue;
      }
      if (outcome.requeueAfterMs === undefined) continue;
      requeueAfterMs = Math.min(requeueAfterMs ?? Number.POSITIVE_INFINITY, outcome.requeueAfterMs);
      // Its turn was taken by another: nothing after it is true any more.
      if (action.do === 'createWorkflow') break;
    }
    return requeueAfterMs === undefined ? {} : { requeueAfterMs };
  };
};

const starts = ({ do: what }: Action): boolean => what === 'createWorkflow' || what === 'createVerifyWorkflow';

/** A creation can have no precondition, so the request is read anew unless it was just written: our view may be old. */
const confirmer =
  ({ api, learn }: ApplyOptions) =>
  async ({ is, view }: Subject, signal: AbortSignal): Promise<void> => {
    if (is !== 'request') return;
    const now = requestView(view.kind)(await api.get(targetOf({ is, view }), signal));
    if (now.uid === view.uid && now.resourceVersion === view.resourceVersion) return;
    learn.request(now);
    throw new KubeError('conflict', 'the request was changed meanwhile');
  };

const targetOf = ({ is, view }: Subject): Target => ({
  resource: is === 'request' ? resources[view.kind] : resources.BackupEnvironment,
  namespace: view.namespace,
  name: view.name,
});

const kindOf = (subject: Subject): 'BackupEnvironment' | RequestView['kind'] =>
  subject.is === 'request' ? subject.view.kind : 'BackupEnvironment';

const performer = ({ api, time, log, memory, instanceId, learn }: ApplyOptions): Perform => {
  const release = createRelease(api, learn);

  const patchSubject = async (subject: Subject, patch: Patch, signal: AbortSignal): Promise<Subject> => {
    const answer = await api.patch(targetOf(subject), patch, signal);
    if (subject.is === 'environment') {
      const view = environmentView(answer);
      learn.environment(view);
      return { is: 'environment', view };
    }
    const view = requestView(subject.view.kind)(answer);
    learn.request(view);
    return { is: 'request', view };
  };

  /** The resourceVersion makes it a write over what decide has seen and over nothing else. */
  const patchStatus = async (subject: Subject, status: object, signal: AbortSignal): Promise<Subject> => {
    const { name, namespace, resourceVersion, uid } = subject.view;
    const body = { apiVersion, kind: kindOf(subject), metadata: { name, namespace, resourceVersion, uid }, status };
    const written = await patchSubject(subject, { type: 'apply', body, subresource: 'status' }, signal);
    memory.statusWritten(uid);
    return written;
  };

  const patchFinalizers = (subject: Subject, finalizers: readonly string[], signal: AbortSignal): Promise<Subject> => {
    const { resourceVersion } = subject.view;
    return patchSubject(subject, { type: 'merge', body: { metadata: { resourceVersion, finalizers } } }, signal);
  };

  const create = async (plan: WorkflowPlan, request: RequestView, signal: AbortSignal): Promise<void> => {
    const { namespace, uid } = request;
    const collection = { resource: resources.Workflow, namespace };
    try {
      learn.workflow(workflowView(await api.create(collection, workflowBody(plan, request, { instanceId }), signal)));
      log.info('workflow created', { request: keyOf(request), workflow: plan.name, flow: plan.flow });
    } catch (error) {
      if (isInvalid(error)) memory.refused(uid, error.message);
      if (!isAlreadyExists(error)) throw error;
      const existing = workflowView(await api.get({ ...collection, name: plan.name }, signal));
      if (existing.requestUid === uid) learn.workflow(existing);
      else {
        memory.refused(uid, `a Workflow named ${plan.name} exists and belongs to something else`);
        throw new KubeError('alreadyExists', `Workflow ${plan.name} belongs to something else`, error);
      }
    }
  };

  const createInTurn = async (plan: WorkflowPlan, request: RequestView, signal: AbortSignal): Promise<Result> => {
    const environment = `${request.namespace}/${plan.environment}`;
    const wait = memory.takeTurn(environment);
    if (wait > 0) return { requeueAfterMs: Math.ceil(wait) };
    try {
      await create(plan, request, signal);
    } finally {
      memory.created(environment);
    }
    return {};
  };

  const applyConfigMap = async (view: EnvironmentView, signal: AbortSignal): Promise<void> => {
    if (!view.verdict.ok) return;
    const { environment } = view.verdict;
    const body = configMapBody(environment, view);
    const name = `backup-environment-${view.name}`;
    await api.patch(
      { resource: resources.ConfigMap, namespace: view.namespace, name },
      { type: 'apply', body },
      signal,
    );
    memory.configMapApplied(view);
  };

  /** News for people: a run never fails for want of it. */
  const emitEvent = async (subject: Subject, body: object, signal: AbortSignal): Promise<void> => {
    try {
      await api.create({ resource: resources.Event, namespace: subject.view.namespace }, body, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      if (!isAlreadyExists(error)) log.warn('event not written', { about: keyOf(subject.view), error: textOf(error) });
    }
  };

  const stop = async (
    request: RequestView,
    { name, how }: Extract<Action, { readonly do: 'stopWorkflow' }>,
    signal: AbortSignal,
  ): Promise<void> => {
    const target = { resource: resources.Workflow, namespace: request.namespace, name };
    try {
      learn.workflow(
        workflowView(await api.patch(target, { type: 'merge', body: { spec: { shutdown: how } } }, signal)),
      );
      log.info('workflow stopped', { request: keyOf(request), workflow: name, how });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  };

  const performOnRequest = async (
    view: RequestView,
    action: Action,
    signal: AbortSignal,
  ): Promise<Subject | Result> => {
    const subject: Subject = { is: 'request', view };
    switch (action.do) {
      case 'ensureFinalizer':
        return view.finalizers.includes(finalizer)
          ? {}
          : patchFinalizers(subject, [...view.finalizers, finalizer], signal);
      case 'removeFinalizer':
        return patchFinalizers(
          subject,
          view.finalizers.filter((each) => each !== finalizer),
          signal,
        );
      case 'createWorkflow':
        return createInTurn(action.workflow, view, signal);
      case 'createVerifyWorkflow':
        await create(action.workflow, view, signal);
        return {};
      case 'stopWorkflow':
        await stop(view, action, signal);
        return {};
      case 'patchStatus':
        return patchStatus(subject, action.status, signal);
      default:
        return {};
    }
  };

  return async (subject, action, signal) => {
    switch (action.do) {
      case 'requeueAfter':
        return { requeueAfterMs: action.ms };
      case 'releaseWorkflow':
        await release(action.workflow, signal);
        return {};
      case 'applyConfigMap':
        await applyConfigMap(action.environment, signal);
        return {};
      case 'emitEvent':
        await emitEvent(
          subject,
          eventBody(action.event, { ...subject.view, kind: kindOf(subject) }, time.now()),
          signal,
        );
        return {};
      case 'patchEnvironmentStatus':
        return patchStatus(subject, action.status, signal);
      default:
        return subject.is === 'request' ? performOnRequest(subject.view, action, signal) : {};
    }
  };
};
