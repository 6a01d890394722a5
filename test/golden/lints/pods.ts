import type { ClusterWorkflowTemplate, Container, Template } from '../../../templates/argo/index.ts';

/** What every pod of ours must have. */

const leaves = ({ spec }: ClusterWorkflowTemplate): Template[] =>
  (spec.templates ?? []).filter(({ dag, steps }) => !dag && !steps);

const eachLeaf =
  (check: (container: Container, template: Template) => readonly (string | false)[]) =>
  (object: ClusterWorkflowTemplate) =>
    leaves(object).flatMap((template) => {
      const { container, name = '' } = template;
      if (!container) return [`${name}: has no container`];
      return check(container, template)
        .filter((problem) => problem !== false)
        .map((problem) => `${name}: ${problem}`);
    });

export const commands = eachLeaf(({ command = [], args = [] }) => [
  command.length === 0 && 'no command: Argo would ask the registry for one',
  [...command, ...args].some((word) => /^(.*\/)?(sh|bash|ash|dash|zsh|busybox|env)$|^-\w*c$|^eval$/.test(word)) &&
    'a shell',
  [...command, ...args].some((word) => word.includes('{{')) && 'a tag in the command',
]);

export const images = eachLeaf(({ image, imagePullPolicy }) => [
  !hasTag(image) && `image ${image} has no fixed tag`,
  imagePullPolicy !== 'IfNotPresent' && 'imagePullPolicy is not IfNotPresent',
]);

export const hasTag = (image: string): boolean =>
  /[^/]:[^/:]+$/.test(image) && !image.endsWith(':latest') && !image.includes('{{');

export const outputs = eachLeaf((_, template) => [
  ...(template.outputs?.parameters ?? []).map(
    ({ name, valueFrom }) => valueFrom?.default === undefined && `output ${name} has no default`,
  ),
  (template.outputs?.artifacts ?? []).length > 0 && 'an artifact',
]);

const retries = (strategy: Template['retryStrategy']): (string | false)[] => [
  strategy?.limit === undefined && 'no retry limit: the back-off would be skipped',
  strategy?.backoff?.cap === undefined && 'no cap of the back-off',
  strategy?.expression === undefined && 'no retry expression',
];

const sizes = (resources: Container['resources']): (string | false)[] => [
  resources?.requests?.['cpu'] === undefined && 'no cpu request',
  resources?.requests?.['memory'] === undefined && 'no memory request',
  resources?.limits?.['memory'] === undefined && 'no memory limit',
];

export const bounds = eachLeaf((container, template) => [
  template.activeDeadlineSeconds === undefined && 'no deadline',
  ...retries(template.retryStrategy),
  ...sizes(container.resources),
  ...(template.volumes ?? []).map(
    ({ name, emptyDir }) => emptyDir !== undefined && emptyDir.sizeLimit === undefined && `volume ${name} has no limit`,
  ),
]);

export const mounts = eachLeaf((container, template) => {
  const volumes = new Set((template.volumes ?? []).map(({ name }) => name));
  const mounted = new Set((container.volumeMounts ?? []).map(({ name }) => name));
  return [
    ...[...mounted].filter((name) => !volumes.has(name)).map((name) => `mounts ${name}, which is no volume`),
    ...[...volumes].filter((name) => !mounted.has(name)).map((name) => `volume ${name} is not mounted`),
    ...(template.volumes ?? []).map(
      ({ name, secret }) => secret !== undefined && secret.optional !== true && `Secret ${name} is not optional`,
    ),
    ...(container.volumeMounts ?? []).map(
      ({ name, readOnly }) => name !== 'scratch' && readOnly !== true && `mount ${name} is writable`,
    ),
  ];
});

export const secretsByFile = eachLeaf(({ env = [], envFrom }) => [
  envFrom !== undefined && 'envFrom',
  env.some(({ valueFrom }) => valueFrom?.secretKeyRef !== undefined) && 'a Secret in the environment',
]);

const restrictedContainer = (context: Container['securityContext']): boolean =>
  context?.allowPrivilegeEscalation === false &&
  (context.capabilities?.drop ?? []).includes('ALL') &&
  (context.capabilities?.add ?? []).length === 0 &&
  context.privileged !== true;

const containers = eachLeaf(({ securityContext }) => [
  !restrictedContainer(securityContext) && 'the container is not restricted',
  securityContext?.readOnlyRootFilesystem !== true && 'the root file system is writable',
]);

interface Patch {
  readonly containers?: readonly Container[];
  readonly initContainers?: readonly Container[];
}

const isPatched = (list: readonly Container[] | undefined, name: string): boolean =>
  (list ?? []).some((container) => container.name === name && restrictedContainer(container.securityContext));

const pods = (context: ClusterWorkflowTemplate['spec']['securityContext']): (string | false)[] => [
  context?.runAsNonRoot !== true && 'pods may run as root',
  context?.runAsUser === 0 && 'pods run as root',
  context?.seccompProfile?.type !== 'RuntimeDefault' && 'no seccomp profile',
];

export const restricted = (object: ClusterWorkflowTemplate): string[] => {
  const { securityContext, podSpecPatch = '{}', serviceAccountName, hostNetwork } = object.spec;
  const patch: Patch = JSON.parse(podSpecPatch);
  const pod = [
    ...pods(securityContext),
    hostNetwork === true && 'host network',
    serviceAccountName !== 'lc2-backup' && 'not under our ServiceAccount',
    !isPatched(patch.initContainers, 'init') && 'Argo’s init container is not restricted',
    !isPatched(patch.containers, 'wait') && 'Argo’s wait container is not restricted',
  ];
  return [...pod.filter((problem) => problem !== false), ...containers(object)];
};
