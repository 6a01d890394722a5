import type { ComponentState, RequestStatus } from '../core/api/request-status.ts';
import type { FlowStep } from '../core/flow/flow.ts';
import { flows } from '../core/flow/index.ts';
import { type StepName, stepContracts } from '../core/steps/index.ts';
import type { StepStates, WorkflowView } from './views/workflow-view.ts';

/** Percent and component states of a run, from the states of its steps and the shares of their contracts. */

const stepsOf = (workflow: WorkflowView): readonly FlowStep[] =>
  workflow.flow === undefined ? [] : flows[workflow.flow].steps;

const finished = (states: StepStates, step: StepName): boolean =>
  states[step]?.state === 'done' || states[step]?.state === 'skipped';

/** Never goes back and never says 100 before the end; undefined while nothing is known. */
export const progressOf = (workflow: WorkflowView, before: string | undefined): string | undefined => {
  const { steps: states } = workflow;
  if (states === undefined) return before;
  const percent = stepsOf(workflow).reduce(
    (sum, { step }) => sum + stepContracts[step].share * (states[step]?.fraction ?? 0),
    0,
  );
  const known = Number.parseInt(before ?? '0', 10) || 0;
  return `${Math.max(known, Math.min(99, Math.floor(percent)))}%`;
};

const concerns = (step: StepName, component: string): boolean => {
  const about = stepContracts[step].concerns;
  return about === 'all' || about === (component === 'database' ? 'database' : 'objects');
};

const stateOf = (component: string, steps: readonly FlowStep[], states: StepStates): ComponentState => {
  let state: ComponentState = 'Pending';
  for (const { step } of steps) {
    if (!concerns(step, component)) continue;
    const now = states[step]?.state;
    if (now === 'failed') return 'Failed';
    if (now === 'running' || now === 'done') state = stepContracts[step].state;
  }
  const own = steps.filter(({ step }) => concerns(step, component));
  return own.length > 0 && own.every(({ step }) => finished(states, step)) ? 'Done' : state;
};

export type Components = NonNullable<RequestStatus['components']>;

export const componentsOf = (
  workflow: WorkflowView,
  names: readonly string[],
  before: Components | undefined,
): Components => {
  const { steps: states } = workflow;
  const steps = stepsOf(workflow);
  if (states === undefined) return before ?? names.map((name) => ({ name, state: 'Pending' as const }));
  return names.map((name) => ({ name, state: stateOf(name, steps, states) }));
};
