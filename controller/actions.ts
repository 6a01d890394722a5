import type { EnvironmentStatus } from '../core/api/backup-environment.ts';
import type { RequestStatus } from '../core/api/request-status.ts';
import type { EnvironmentSpec } from '../core/api/backup-environment.ts';
import type { Flow } from '../core/flow/flow.ts';
import type { EnvironmentView } from './views/environment-view.ts';
import type { WorkflowView } from './views/workflow-view.ts';

/** What decide wants done. Each may be done twice without harm; they are done in order, and the first that fails ends the list. */
export type Action =
  | { readonly do: 'ensureFinalizer' }
  | { readonly do: 'removeFinalizer' }
  | { readonly do: 'applyConfigMap'; readonly environment: EnvironmentView }
  | { readonly do: 'createWorkflow'; readonly workflow: WorkflowPlan }
  | { readonly do: 'createVerifyWorkflow'; readonly workflow: WorkflowPlan }
  /** Stop: the exit handler still runs. Terminate: for a run that has begun nothing, and would only wait on. */
  | { readonly do: 'stopWorkflow'; readonly name: string; readonly how: 'Stop' | 'Terminate' }
  /** Its request says that it exists: from now on it may be deleted. */
  | { readonly do: 'releaseWorkflow'; readonly workflow: WorkflowView }
  | { readonly do: 'patchStatus'; readonly status: RequestStatus }
  | { readonly do: 'patchEnvironmentStatus'; readonly status: EnvironmentStatus }
  | { readonly do: 'emitEvent'; readonly event: EventPlan }
  | { readonly do: 'requeueAfter'; readonly ms: number };

export interface WorkflowPlan {
  readonly name: string;
  readonly flow: Flow['name'];
  readonly environment: string;
  /** Written down on the Workflow, so that its backup id can be told from it alone. */
  readonly projectId: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly scheduling: Pick<EnvironmentSpec['scheduling'], 'nodeSelector' | 'tolerations'>;
}

export interface EventPlan {
  /** Names it: what is told of twice, in whatever words, is told once. */
  readonly about: string;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}
