import type { EnvironmentView } from './views/environment-view.ts';
import type { RequestView } from './views/request-view.ts';
import type { WorkflowView } from './views/workflow-view.ts';

/** Everything that decide may know. */
export interface Observed {
  readonly request: RequestView;
  readonly environment: EnvironmentState | undefined;
  /** Whose storage is used; the same as `environment` unless a restore names another. */
  readonly source: EnvironmentState | undefined;
  readonly workflow: WorkflowView | undefined;
  readonly verify: WorkflowView | undefined;
  /** All caches hold a complete list. Until then absence means nothing. */
  readonly synced: boolean;
  /** Milliseconds until this environment may have its next Workflow. */
  readonly creationWaitMs: number;
  /** Since this process first looked at the request: clocks of two machines are not compared. */
  readonly sinceSeenMs: number;
  /** Since this process last wrote the request's status; Infinity when it never did. */
  readonly sinceStatusMs: number;
  /** Why the API server will never accept the Workflow. */
  readonly refusal: string | undefined;
}

export interface EnvironmentState {
  readonly view: EnvironmentView;
  /** The ConfigMap on the cluster is known to say what the environment says. */
  readonly configMapCurrent: boolean;
}
