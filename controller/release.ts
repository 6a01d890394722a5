import type { KubeApi } from './kube/api.ts';
import { isNotFound } from './kube/errors.ts';
import { resources } from './kube/resources.ts';
import { finalizer } from './names.ts';
import { type WorkflowView, workflowView } from './views/workflow-view.ts';

interface Learn {
  readonly workflow: (view: WorkflowView) => void;
}

/** From now on the Workflow may be deleted. Argo writes it all the time: only what is meant is compared, not the version. */
export const createRelease =
  (api: KubeApi, learn: Learn) =>
  async ({ namespace, name, uid, finalizers }: WorkflowView, signal: AbortSignal): Promise<void> => {
    const path = `/metadata/finalizers/${finalizers.indexOf(finalizer)}`;
    const body = [
      { op: 'test', path: '/metadata/uid', value: uid },
      { op: 'test', path, value: finalizer },
      { op: 'remove', path },
    ];
    try {
      const answer = await api.patch({ resource: resources.Workflow, namespace, name }, { type: 'json', body }, signal);
      learn.workflow(workflowView(answer));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  };
