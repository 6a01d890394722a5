import { type ErrorCode, Lc2Error } from '../core/errors.ts';
import { chooseComponents } from '../core/plan/environment.ts';
import { backupParameters, restoreParameters, restoreRecordName } from '../core/plan/requests.ts';
import type { WorkflowPlan } from './actions.ts';
import { sha256, workflowName } from './names.ts';
import type { EnvironmentState, Observed } from './observed.ts';
import { environmentOf, type RequestView, sourceOf } from './views/request-view.ts';
import type { EnvironmentView, Verdict } from './views/environment-view.ts';

/** Whether a request may start, and with what. */
export type Acceptance =
  | {
      readonly is: 'accepted';
      readonly workflow: WorkflowPlan;
      readonly components: readonly string[];
      readonly environments: readonly EnvironmentState[];
    }
  /** With GitOps the environment may come a moment later. */
  | { readonly is: 'waiting'; readonly code: ErrorCode; readonly message: string }
  | { readonly is: 'refused'; readonly code: ErrorCode; readonly message: string };

type Valid = EnvironmentState & {
  readonly view: EnvironmentView & { readonly verdict: Extract<Verdict, { ok: true }> };
};
type Found = { readonly is: 'found'; readonly state: Valid } | Exclude<Acceptance, { is: 'accepted' }>;

const problem = (is: 'waiting' | 'refused', error: Lc2Error): Exclude<Acceptance, { is: 'accepted' }> => ({
  is,
  code: error.code,
  message: error.message,
});

interface Named {
  readonly name: string;
  readonly field: string;
}

const isValid = (state: EnvironmentState): state is Valid => state.view.verdict.ok;

const find = (state: EnvironmentState | undefined, { name, field }: Named): Found => {
  if (state === undefined || state.view.deletedAt !== undefined) {
    const what = `there is no BackupEnvironment ${name} in this namespace`;
    return problem('waiting', new Lc2Error('ENVIRONMENT_NOT_FOUND', what, { where: field }));
  }
  if (isValid(state)) return { is: 'found', state };
  const { verdict } = state.view;
  const code = verdict.ok ? 'ENVIRONMENT_INVALID' : verdict.code;
  const message = verdict.ok ? '' : verdict.message;
  return { is: 'refused', code, message: `${field}: BackupEnvironment ${name}: ${message}` };
};

const plan = (request: RequestView, target: Valid): Pick<WorkflowPlan, 'flow' | 'parameters'> | undefined => {
  const { wish } = request;
  if (wish.kind === 'invalid') return undefined;
  if (wish.kind === 'backup') return { flow: 'lc2-backup', parameters: backupParameters(wish.spec) };
  const { restore } = target.view.verdict.environment.spec;
  // A preview changes nothing, so it needs nobody's leave.
  if (!restore.allowed && !wish.spec.preview) {
    const what = `BackupEnvironment ${wish.spec.into} does not allow restores into it`;
    throw new Lc2Error('RESTORE_NOT_ALLOWED', what, { where: 'spec.into' });
  }
  return {
    flow: 'lc2-restore',
    parameters: restoreParameters(wish.spec, restoreRecordName(request, wish.spec, sha256)),
  };
};

export const accept = ({ request, environment, source }: Observed): Acceptance => {
  const { wish } = request;
  if (wish.kind === 'invalid') return { is: 'refused', code: wish.code, message: wish.message };
  const name = environmentOf(request) ?? '';
  const from = sourceOf(request) ?? name;
  const target = find(environment, { name, field: wish.kind === 'backup' ? 'spec.environment' : 'spec.into' });
  if (target.is !== 'found') return target;
  const origin = find(source, { name: from, field: 'spec.source' });
  if (origin.is !== 'found') return origin;
  try {
    const { spec } = target.state.view.verdict.environment;
    const components = chooseComponents(spec, wish.spec.components, 'spec.components');
    const planned = plan(request, target.state);
    if (planned === undefined) return { is: 'refused', code: 'INPUT_INVALID', message: 'spec is invalid' };
    const { nodeSelector, tolerations } = spec.scheduling;
    return {
      is: 'accepted',
      components,
      environments: from === name ? [target.state] : [target.state, origin.state],
      workflow: {
        name: workflowName(request),
        environment: name,
        projectId: spec.projectId,
        scheduling: { nodeSelector, tolerations },
        ...planned,
      },
    };
  } catch (error) {
    if (error instanceof Lc2Error) return problem('refused', error);
    throw error;
  }
};
