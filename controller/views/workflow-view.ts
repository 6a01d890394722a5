import { z } from 'zod';
import { type Flow } from '../../core/flow/flow.ts';
import { flows } from '../../core/flow/index.ts';
import { isStepName, type StepName, stepContracts } from '../../core/steps/index.ts';
import type { Identified } from '../kube/store.ts';
import { finalizer, labels } from '../names.ts';
import { type Failure, readFailure } from './failure.ts';
import { identified, metadata } from './common.ts';
import { type Node, nodeSchema } from './node.ts';

/** A Workflow as the controller keeps it: a few hundred bytes, whatever Argo writes into it. */
export interface WorkflowView extends Identified {
  readonly createdAt: string;
  readonly finalizers: readonly string[];
  readonly flow?: Flow['name'];
  readonly requestUid?: string;
  readonly requestKind?: string;
  readonly environment?: string;
  readonly project?: string;
  readonly phase: string;
  readonly message: string;
  readonly shutdown?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  /** Results of steps, by the names of their contracts. */
  readonly outputs: Readonly<Record<string, string>>;
  /** Undefined before the first node, and where Argo has compressed or offloaded them: then they are `hidden`. */
  readonly steps?: StepStates;
  readonly hidden: boolean;
  readonly failure?: Failure;
}

export interface StepState {
  readonly state: 'running' | 'done' | 'skipped' | 'failed';
  /** Of the step's own work, 0 to 1. */
  readonly fraction: number;
}
export type StepStates = Readonly<Partial<Record<StepName, StepState>>>;

const optionalText = z
  .string()
  .nullish()
  .transform((text) => text ?? undefined);

const object = z.object({
  metadata,
  spec: z
    .object({
      workflowTemplateRef: z.object({ name: z.string().optional() }).nullish(),
      shutdown: optionalText,
    })
    .prefault({}),
  status: z
    .object({
      phase: z.string().default(''),
      message: z.string().default(''),
      startedAt: optionalText,
      finishedAt: optionalText,
      outputs: z
        .object({ parameters: z.array(z.object({ name: z.string(), value: z.unknown().optional() })).nullish() })
        .nullish(),
      nodes: z.record(z.string(), nodeSchema).nullish(),
      compressedNodes: optionalText,
      offloadNodeStatusVersion: optionalText,
    })
    .prefault({}),
});

/** Argo says a run has ended by one of these. */
export const hasEnded = ({ phase }: Pick<WorkflowView, 'phase'>): boolean =>
  phase === 'Succeeded' || phase === 'Failed' || phase === 'Error';

/** By us, until its request says that it exists. */
export const isHeld = ({ finalizers }: Pick<WorkflowView, 'finalizers'>): boolean => finalizers.includes(finalizer);

const resultNames: ReadonlySet<string> = new Set(
  Object.values(stepContracts).flatMap((contract) => ('result' in contract ? [contract.result] : [])),
);

const flowNames = Object.keys(flows);
const isFlowName = (name: string | undefined): name is Flow['name'] => name !== undefined && flowNames.includes(name);

const stepOf = ({ displayName, templateName }: Node): StepName | undefined => {
  const plain = displayName.replace(/\(\d+\)$/, '');
  if (isStepName(plain)) return plain;
  return templateName !== undefined && isStepName(templateName) ? templateName : undefined;
};

const fractionOf = (progress: string | undefined): number => {
  const [done = 0, all = 0] = (progress ?? '').split('/').map(Number);
  return all > 0 && done >= 0 ? Math.min(1, done / all) : 0;
};

const stateOf = (nodes: readonly Node[]): StepState => {
  const phases = new Set(nodes.map((node) => node.phase));
  if (phases.has('Succeeded')) return { state: 'done', fraction: 1 };
  if (phases.has('Skipped') || phases.has('Omitted')) return { state: 'skipped', fraction: 1 };
  const fraction = Math.max(
    0,
    ...nodes.filter((node) => node.phase === 'Running').map((node) => fractionOf(node.progress)),
  );
  // A step that will be tried again has a Retry node that still runs.
  const open = phases.has('Running') || phases.has('Pending') || phases.has('');
  return { state: open ? 'running' : 'failed', fraction };
};

const groupByStep = (nodes: readonly Node[]): ReadonlyMap<StepName, readonly Node[]> => {
  const groups = new Map<StepName, Node[]>();
  for (const node of nodes) {
    const step = stepOf(node);
    if (step === undefined) continue;
    const group = groups.get(step);
    if (group === undefined) groups.set(step, [node]);
    else group.push(node);
  }
  return groups;
};

const statesOf = (groups: ReadonlyMap<StepName, readonly Node[]>): StepStates => {
  const states: Partial<Record<StepName, StepState>> = {};
  for (const [step, nodes] of groups) states[step] = stateOf(nodes);
  return states;
};

const outputsOf = (
  parameters: readonly { readonly name: string; readonly value?: unknown }[],
): Record<string, string> => {
  const outputs: Record<string, string> = {};
  for (const { name, value } of parameters)
    if (resultNames.has(name) && typeof value === 'string' && value !== '') outputs[name] = value;
  return outputs;
};

const present = <K extends string>(key: K, value: string | undefined): Partial<Record<K, string>> => {
  const record: Partial<Record<K, string>> = {};
  if (value !== undefined && value !== '') record[key] = value;
  return record;
};

const readNodes = (all: Readonly<Record<string, Node>> | null | undefined): Pick<WorkflowView, 'steps' | 'failure'> => {
  const nodes = Object.values(all ?? {});
  if (nodes.length === 0) return {};
  const groups = groupByStep(nodes);
  const steps = statesOf(groups);
  const failure = readFailure(groups, steps);
  return { steps, ...(failure === undefined ? {} : { failure }) };
};

export const workflowView = (value: unknown): WorkflowView => {
  const { metadata: meta, spec, status } = object.parse(value);
  const flow = spec.workflowTemplateRef?.name;
  return {
    ...identified(meta),
    createdAt: meta.creationTimestamp,
    finalizers: meta.finalizers,
    ...(isFlowName(flow) ? { flow } : {}),
    ...present('requestUid', meta.labels[labels.requestUid]),
    ...present('requestKind', meta.labels[labels.requestKind]),
    ...present('environment', meta.labels[labels.environment]),
    ...present('project', meta.labels[labels.project]),
    phase: status.phase,
    message: status.message.slice(0, 1024),
    ...present('shutdown', spec.shutdown),
    ...present('startedAt', status.startedAt),
    ...present('finishedAt', status.finishedAt),
    outputs: outputsOf(status.outputs?.parameters ?? []),
    ...readNodes(status.nodes),
    hidden: (status.compressedNodes ?? status.offloadNodeStatusVersion ?? '') !== '',
  };
};
