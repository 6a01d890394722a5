import { apiVersion } from '../core/api/common.ts';
import { configMapName, type Environment, renderConfigMapData } from '../core/plan/environment.ts';
import type { EventPlan, WorkflowPlan } from './actions.ts';
import type { Identified } from './kube/store.ts';
import { finalizer, labels, labelValue, sha256 } from './names.ts';
import type { RequestView } from './views/request-view.ts';

/** Objects as they are sent. */

interface WorkflowOptions {
  readonly instanceId: string | undefined;
}

const list = <T>(key: string, items: readonly T[]): Readonly<Record<string, readonly T[]>> =>
  items.length === 0 ? {} : { [key]: items };

/**
 * Held by our finalizer, so that nobody deletes it before the request says that it exists: otherwise it would run again.
 * A verification may run twice.
 * No ownerReference: a run is evidence and outlives its request. Nothing in spec but what Argo allows in its strict mode.
 */
export const workflowBody = (plan: WorkflowPlan, request: RequestView, { instanceId }: WorkflowOptions): object => {
  const { nodeSelector, tolerations } = plan.scheduling;
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Workflow',
    metadata: {
      name: plan.name,
      namespace: request.namespace,
      ...(plan.flow === 'lc2-verify' ? {} : { finalizers: [finalizer] }),
      labels: {
        [labels.requestUid]: request.uid,
        [labels.requestKind]: request.kind,
        [labels.request]: labelValue(request.name),
        [labels.environment]: plan.environment,
        [labels.project]: plan.projectId,
        ...(instanceId === undefined ? {} : { [labels.instance]: instanceId }),
      },
      annotations: {
        'workflows.argoproj.io/title': `${request.kind} ${request.name}`,
        'workflows.argoproj.io/description': `${plan.flow} of ${plan.environment}, for ${request.kind} ${request.name}`,
        [labels.request]: `${request.namespace}/${request.name}`,
      },
    },
    spec: {
      workflowTemplateRef: { name: plan.flow, clusterScope: true },
      arguments: { parameters: Object.entries(plan.parameters).map(([name, value]) => ({ name, value })) },
      ...(Object.keys(nodeSelector).length === 0 ? {} : { nodeSelector }),
      ...list('tolerations', tolerations),
    },
  };
};

/** Goes with its environment. */
export const configMapBody = (environment: Environment, owner: Identified): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name: configMapName(environment.name),
    namespace: owner.namespace,
    labels: { [labels.parameterConfigMap]: 'Parameter', 'app.kubernetes.io/managed-by': 'lc2-backup' },
    ownerReferences: [
      {
        apiVersion,
        kind: 'BackupEnvironment',
        name: owner.name,
        uid: owner.uid,
        controller: true,
        blockOwnerDeletion: false,
      },
    ],
  },
  data: renderConfigMapData(environment),
});

/** The name says what it tells of, so that telling it twice is telling it once, though two see it differently. */
export const eventBody = (event: EventPlan, about: Identified & { readonly kind: string }, now: Date): object => {
  const at = now.toISOString().replace(/\.\d+Z$/, 'Z');
  const mark = sha256(`${about.uid} ${event.about}`).slice(0, 16);
  const { kind, namespace, name, uid } = about;
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${name.slice(0, 200)}.${mark}`, namespace },
    involvedObject: { apiVersion, kind, namespace, name, uid },
    type: event.type,
    reason: event.reason,
    message: event.message.slice(0, 1000),
    source: { component: 'lc2-backup' },
    reportingComponent: 'backup.lc2.dev/controller',
    reportingInstance: 'lc2-backup',
    firstTimestamp: at,
    lastTimestamp: at,
    count: 1,
  };
};
