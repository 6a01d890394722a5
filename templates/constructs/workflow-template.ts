import type { Construct } from 'constructs';
import type { Flow, FlowParameter } from '../../core/flow/flow.ts';
import { environmentFlags } from '../../core/flow/flow.ts';
import { stepContracts } from '../../core/steps/index.ts';
import type { DAGTask, Parameter, Template, WorkflowSpec } from '../argo/index.ts';
import { argoObject } from './argo-object.ts';
import { dependsOn, environmentConfigMap, parameterTag, unlessSucceeded, whenOf } from './expressions.ts';
import { type Images, version } from './images.ts';
import { commonLabels, labels, runServiceAccount } from './names.ts';
import { restrictedContainer, stepTemplate } from './step-template.ts';

/** A flow as a self-contained ClusterWorkflowTemplate: the DAG, one leaf for each step, and what runs at the end. */

const day = 86_400;
const exitTemplate = 'on-exit';

export const workflowTemplate = (scope: Construct, flow: Flow, images: Images): void => {
  argoObject(scope, 'ClusterWorkflowTemplate', {
    metadata: {
      name: flow.name,
      labels: { ...commonLabels, [labels.flow]: flow.name, [labels.version]: version },
      annotations: titleOf(flow),
    },
    spec: specOf(flow, images),
  });
};

const titleOf = (flow: Flow): Record<string, string> => ({
  'workflows.argoproj.io/title': flow.title,
  'workflows.argoproj.io/description': flow.description,
});

const specOf = (flow: Flow, images: Images): WorkflowSpec => ({
  entrypoint: flow.name,
  arguments: { parameters: flow.parameters.map(argumentOf) },
  templates: [
    dagOf(flow),
    ...flow.steps.map(({ step }) => stepTemplate(flow, stepContracts[step], images)),
    ...exitTemplates(flow, images),
  ],
  ...(flow.onFailure === undefined ? {} : { onExit: exitTemplate }),
  ...(flow.exclusive ? { synchronization: { mutexes: [{ name: `lc2-${parameterTag(flow.environment)}` }] } } : {}),
  workflowMetadata: {
    labels: { [labels.flow]: flow.name, [labels.version]: version },
    labelsFrom: { [labels.environment]: { expression: `workflow.parameters['${flow.environment}']` } },
    annotations: titleOf(flow),
  },
  serviceAccountName: runServiceAccount,
  securityContext: {
    runAsNonRoot: true,
    runAsUser: 65_532,
    runAsGroup: 65_532,
    fsGroup: 65_532,
    seccompProfile: { type: 'RuntimeDefault' },
  },
  podSpecPatch,
  // The last one lets Azure give the pod the identity of its ServiceAccount; elsewhere it says nothing.
  podMetadata: { labels: { ...commonLabels, [labels.flow]: flow.name, 'azure.workload.identity/use': 'true' } },
  // Pods of failed steps stay for their logs until the Workflow goes.
  podGC: { strategy: 'OnPodSuccess', deleteDelayDuration: '600s' },
  ttlStrategy: { secondsAfterSuccess: day, secondsAfterFailure: 7 * day },
});

/** Argo's own containers are not restricted by themselves; without this a restricted namespace refuses every pod. */
const podSpecPatch = JSON.stringify({
  containers: [{ name: 'wait', securityContext: restrictedContainer() }],
  initContainers: [{ name: 'init', securityContext: restrictedContainer() }],
});

const argumentOf = ({ name, description, value, enum: allowed }: FlowParameter): Parameter => ({
  name,
  description,
  ...(value === undefined ? {} : { value }),
  ...(allowed === undefined ? {} : { enum: [...allowed] }),
});

const dagOf = (flow: Flow): Template => {
  const asked = environmentFlags.filter((flag) =>
    flow.steps.some(({ when }) => when.some((condition) => 'flag' in condition && condition.flag === flag)),
  );
  const parameters = asked.map((flag): Parameter => ({
    name: flag,
    valueFrom: { configMapKeyRef: { name: environmentConfigMap(flow), key: flag } },
  }));
  return {
    name: flow.name,
    ...(parameters.length === 0 ? {} : { inputs: { parameters } }),
    dag: { tasks: flow.steps.map(taskOf) },
  };
};

const taskOf = ({ step, needs, when }: Flow['steps'][number]): DAGTask => {
  const depends = dependsOn(needs);
  const condition = whenOf(when);
  return {
    name: step,
    template: step,
    ...(depends === undefined ? {} : { depends }),
    ...(condition === undefined ? {} : { when: condition }),
  };
};

/** A steps template whose only step is skipped after success: then the end costs no pod. */
const exitTemplates = (flow: Flow, images: Images): Template[] => {
  if (flow.onFailure === undefined) return [];
  const contract = stepContracts[flow.onFailure];
  return [
    { name: exitTemplate, steps: [[{ name: contract.name, template: contract.name, when: unlessSucceeded }]] },
    stepTemplate(flow, contract, images),
  ];
};
