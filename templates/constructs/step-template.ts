import { type Flow, retry } from '../../core/flow/flow.ts';
import { variableOf } from '../../core/plan/environment.ts';
import { nodeFlags, type SecretName, type StepContract } from '../../core/steps/contract.ts';
import type { Container, EnvVar, Parameter, SecurityContext, Template, Volume } from '../argo/index.ts';
import {
  environmentConfigMap,
  inputTag,
  parameterTag,
  retryExpression,
  secretNameOf,
  sourceConfigMap,
} from './expressions.ts';
import type { Images } from './images.ts';

/** One step as a leaf template: a pod that gets everything by environment variables and files, and no user text in its command. */

const folders = {
  environment: '/etc/lc2/environment',
  source: '/etc/lc2/source',
  secrets: '/etc/lc2/secrets',
  scratch: '/tmp',
} as const;
const outputFolder = `${folders.scratch}/lc2/outputs`;
const environmentFile = 'environment.json';
const deadline = 'deadline';

/** What Pod Security `restricted` asks of each container. */
export const restrictedContainer = (): SecurityContext => ({
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
});

export const stepTemplate = (flow: Flow, contract: StepContract, images: Images): Template => ({
  name: contract.name,
  // Argo takes no progress of nothing.
  ...(contract.share === 0
    ? {}
    : { metadata: { annotations: { 'workflows.argoproj.io/progress': `0/${contract.share}` } } }),
  inputs: { parameters: inputsOf(flow, contract) },
  activeDeadlineSeconds: inputTag(deadline),
  retryStrategy: {
    limit: retry.limit,
    retryPolicy: 'Always',
    expression: retryExpression,
    backoff: {
      duration: `${retry.backoff.seconds}s`,
      factor: retry.backoff.factor,
      cap: `${retry.backoff.capSeconds}s`,
    },
  },
  container: containerOf(flow, contract, images),
  volumes: volumesOf(flow, contract),
  outputs: { parameters: [resultOf(contract)] },
});

const fromConfigMap = (name: string, configMap: string): Parameter => ({
  name,
  valueFrom: { configMapKeyRef: { name: configMap, key: name } },
});

const secretInput = (secret: SecretName): string => `${secret}-secret`;

const inputsOf = (flow: Flow, contract: StepContract): Parameter[] => [
  fromConfigMap(deadline, environmentConfigMap(flow)),
  ...contract.secrets.map((secret) =>
    // The storage is that of the source; database and stores are those that are backed up or written to.
    fromConfigMap(secretInput(secret), secret === 'storage' ? sourceConfigMap(flow) : environmentConfigMap(flow)),
  ),
];

const resultOf = (contract: StepContract): Parameter => ({
  name: 'result',
  valueFrom: { path: `${outputFolder}/result`, default: '' },
  ...(contract.result === undefined ? {} : { globalName: contract.result }),
});

const containerOf = (flow: Flow, contract: StepContract, images: Images): Container => ({
  image: images[contract.image],
  imagePullPolicy: 'IfNotPresent',
  command: ['node', ...nodeFlags(contract.resources), '/app/main.mjs'],
  args: [contract.name],
  env: [
    ...flow.parameters.map(({ name }) => ({ name: variableOf(name), value: parameterTag(name) })),
    ...runVariables(flow),
  ],
  resources: {
    requests: { cpu: contract.resources.cpu, memory: contract.resources.memory },
    limits: { memory: contract.resources.memoryLimit },
  },
  securityContext: { ...restrictedContainer(), readOnlyRootFilesystem: true },
  volumeMounts: [
    { name: 'scratch', mountPath: folders.scratch },
    { name: 'environment', mountPath: folders.environment, readOnly: true },
    { name: 'source', mountPath: folders.source, readOnly: true },
    ...contract.secrets.map((secret) => ({
      name: secretInput(secret),
      mountPath: `${folders.secrets}/${secret}`,
      readOnly: true,
    })),
  ],
});

const runVariables = (flow: Flow): EnvVar[] => [
  { name: 'LC2_FLOW', value: flow.name },
  { name: 'LC2_RUN_UID', value: '{{workflow.uid}}' },
  { name: 'LC2_TIMESTAMP', value: '{{workflow.creationTimestamp.RFC3339}}' },
  // The number of a retry identifies no attempt: Argo makes a vanished pod again under the same one.
  { name: 'LC2_ATTEMPT', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } },
  { name: 'LC2_RETRIES', value: '{{retries}}' },
  { name: 'LC2_ENVIRONMENT_FILE', value: `${folders.environment}/${environmentFile}` },
  { name: 'LC2_SOURCE_FILE', value: `${folders.source}/${environmentFile}` },
  { name: 'LC2_SECRETS_DIR', value: folders.secrets },
  { name: 'LC2_OUTPUT_DIR', value: outputFolder },
];

const volumesOf = (flow: Flow, contract: StepContract): Volume[] => {
  const items = [{ key: environmentFile, path: environmentFile }];
  return [
    { name: 'scratch', emptyDir: { sizeLimit: contract.resources.scratch } },
    { name: 'environment', configMap: { name: environmentConfigMap(flow), items } },
    { name: 'source', configMap: { name: sourceConfigMap(flow), items } },
    ...contract.secrets.map((secret) => ({
      name: secretInput(secret),
      secret: { secretName: secretNameOf(secretInput(secret)), optional: true },
    })),
  ];
};
