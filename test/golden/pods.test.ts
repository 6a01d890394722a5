import { describe, expect, it } from 'vitest';
import type { ClusterWorkflowTemplate } from '../../templates/argo/index.ts';
import { argoValidators } from './support/argo-schema.ts';
import { allObjects } from './support/dist.ts';
import { restrictedProblems } from './support/restricted.ts';

/** Every pod that comes of dist/, as Kubernetes is asked for it: ours, Argo's own containers, the controller. */

type Json = Readonly<Record<string, unknown>>;

const recordOf = (value: unknown): Json => Object(value) as Json;
const listOf = (value: unknown): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : []);

const objects = allObjects();
const templates = objects
  .map(({ object }) => object)
  .filter((object) => argoValidators.ClusterWorkflowTemplate(object));

/** Fields of the patch win; containers are merged by name, as a strategic merge does. */
const merged = (containers: readonly Json[], patch: unknown): Json[] => {
  const patches = listOf(patch);
  const known = containers.map((container) => ({
    ...container,
    ...patches.find((each) => each['name'] === container['name']),
  }));
  return [...known, ...patches.filter((each) => !containers.some((container) => container['name'] === each['name']))];
};

/** The pod of a leaf: Argo adds `init` and `wait`, and calls ours `main`. */
const podOf = ({ spec }: ClusterWorkflowTemplate, leaf: Json): Json => {
  const patch = recordOf(JSON.parse(spec.podSpecPatch ?? '{}'));
  const { containers, initContainers, ...others } = patch;
  const own = recordOf(leaf['container']);
  return {
    securityContext: leaf['securityContext'] ?? spec.securityContext,
    volumes: [...listOf(spec.volumes), ...listOf(leaf['volumes'])],
    ...others,
    initContainers: merged([{ name: 'init' }, ...listOf(leaf['initContainers'])], initContainers),
    containers: merged([{ ...own, name: 'main' }, { name: 'wait' }, ...listOf(leaf['sidecars'])], containers),
  };
};

const leavesOf = (object: ClusterWorkflowTemplate): readonly Json[] =>
  listOf(object.spec.templates).filter((template) => template['dag'] === undefined && template['steps'] === undefined);

const pods = templates.flatMap((object) =>
  leavesOf(object).map((leaf) => ({
    name: `${object.metadata.name ?? ''}/${String(leaf['name'])}`,
    pod: podOf(object, leaf),
  })),
);
const deployments = objects
  .filter(({ object }) => object.kind === 'Deployment')
  .map(({ file, object }) => ({ name: file, pod: recordOf(recordOf(recordOf(object['spec'])['template'])['spec']) }));

describe('every pod', () => {
  it('is restricted: steps, what Argo adds, and the controller', () => {
    expect(pods.length).toBeGreaterThan(20);
    expect(deployments.map(({ name }) => name)).toEqual(['controller.yaml', 'install.yaml']);
    const problems = [...pods, ...deployments].flatMap(({ name, pod }) =>
      restrictedProblems(pod).map((problem) => `${name}: ${problem}`),
    );
    expect(problems).toEqual([]);
  });

  it('writes to no root file system of ours', () => {
    const ours = [...pods, ...deployments].flatMap(({ pod }) =>
      listOf(pod['containers'])
        .filter(({ name }) => name !== 'wait')
        .map((container) => recordOf(container['securityContext'])),
    );
    expect(ours.filter((context) => context['readOnlyRootFilesystem'] !== true)).toEqual([]);
  });

  it('would be told if it were not', () => {
    const pod: Json = pods[0]?.pod ?? {};
    const [main] = listOf(pod['containers']);
    const context = recordOf(main?.['securityContext']);
    const withMain = (change: Json): Json => ({ ...pod, containers: [{ ...main, ...change }] });
    const worse: readonly Json[] = [
      { ...pod, hostNetwork: true },
      { ...pod, hostPID: true },
      { ...pod, hostIPC: true },
      { ...pod, securityContext: {} },
      { ...pod, securityContext: { ...recordOf(pod['securityContext']), runAsNonRoot: false } },
      { ...pod, securityContext: { ...recordOf(pod['securityContext']), runAsUser: 0 } },
      { ...pod, securityContext: { ...recordOf(pod['securityContext']), seccompProfile: { type: 'Unconfined' } } },
      {
        ...pod,
        securityContext: { ...recordOf(pod['securityContext']), sysctls: [{ name: 'kernel.msgmax', value: '1' }] },
      },
      { ...pod, volumes: [{ name: 'x', hostPath: { path: '/' } }] },
      { ...pod, volumes: [{ name: 'x', nfs: { server: 'x', path: '/' } }] },
      { ...pod, initContainers: [{ name: 'extra' }] },
      { ...pod, ephemeralContainers: [{ name: 'extra' }] },
      withMain({ securityContext: {} }),
      withMain({ securityContext: { ...context, privileged: true } }),
      withMain({ securityContext: { ...context, allowPrivilegeEscalation: true } }),
      withMain({ securityContext: { ...context, capabilities: { drop: ['ALL'], add: ['SYS_ADMIN'] } } }),
      withMain({ securityContext: { ...context, capabilities: { drop: ['KILL'] } } }),
      withMain({ securityContext: { ...context, procMount: 'Unmasked' } }),
      withMain({ securityContext: { ...context, runAsNonRoot: false } }),
      withMain({ securityContext: { ...context, runAsUser: 0 } }),
      withMain({ securityContext: { ...context, seccompProfile: { type: 'Unconfined' } } }),
      withMain({ ports: [{ containerPort: 1, hostPort: 1 }] }),
    ];
    expect(worse.map((each) => restrictedProblems(each).length > 0)).toEqual(worse.map(() => true));
  });
});

describe('tags', () => {
  it('stand in templates only: no example and no other object holds one', () => {
    const others = objects.filter(({ object }) => !argoValidators.ClusterWorkflowTemplate(object));
    expect(others.length).toBeGreaterThan(10);
    expect(others.filter(({ object }) => JSON.stringify(object).includes('{{')).map(({ file }) => file)).toEqual([]);
  });

  it('stand in no command, argument, image, script or patch of a template', () => {
    const text = (object: ClusterWorkflowTemplate): string[] =>
      listOf(object.spec.templates).flatMap((template) => {
        const { command, args, image, workingDir, lifecycle } = recordOf(template['container']);
        return [
          command,
          args,
          image,
          workingDir,
          lifecycle,
          template['script'],
          template['http'],
          template['resource'],
          template['plugin'],
          template['data'],
          template['inline'],
        ].map((part) => JSON.stringify(part) ?? '');
      });
    const all = templates.flatMap((object) => [...text(object), object.spec.podSpecPatch ?? '']);
    expect(all.filter((part) => part.includes('{{'))).toEqual([]);
    expect(
      templates.flatMap((object) =>
        listOf(object.spec.templates).filter((template) =>
          ['script', 'resource', 'http', 'plugin', 'data', 'containerSet', 'inline'].some((kind) => kind in template),
        ),
      ),
    ).toEqual([]);
  });
});
