import { describe, expect, it } from 'vitest';
import type { ClusterWorkflowTemplate, Template } from '../../templates/argo/index.ts';
import { lints } from './lints/index.ts';
import { argoErrors, argoValidators } from './support/argo-schema.ts';
import { allObjects } from './support/dist.ts';

const templates = allObjects()
  .map(({ object }) => object)
  .filter((object) => argoValidators.ClusterWorkflowTemplate(object));

const backup = (): ClusterWorkflowTemplate => {
  const found = templates.find(({ metadata }) => metadata.name === 'lc2-backup');
  if (!found) throw new Error('dist has no lc2-backup');
  return structuredClone(found);
};

const leaf = (
  object: ClusterWorkflowTemplate,
  name = 'dump',
): Template & { container: NonNullable<Template['container']> } => {
  const template = object.spec.templates?.find((each) => each.name === name);
  if (!template?.container) throw new Error(`no leaf ${name}`);
  return { ...template, container: template.container };
};

/** The template with one leaf replaced. */
const withLeaf = (change: (template: ReturnType<typeof leaf>) => Template): ClusterWorkflowTemplate => {
  const object = backup();
  const changed = change(leaf(object));
  const all = (object.spec.templates ?? []).map((template) => (template.name === 'dump' ? changed : template));
  return { ...object, spec: { ...object.spec, templates: all } };
};

const withContainer = (change: Partial<NonNullable<Template['container']>>): ClusterWorkflowTemplate =>
  withLeaf((template) => ({ ...template, container: { ...template.container, ...change } }));

const withSpec = (change: Partial<ClusterWorkflowTemplate['spec']>): ClusterWorkflowTemplate => {
  const object = backup();
  return { ...object, spec: { ...object.spec, ...change } };
};

const withTask = (change: { depends?: string; when?: string; template?: string }): ClusterWorkflowTemplate => {
  const object = backup();
  const all = (object.spec.templates ?? []).map((template) =>
    template.dag
      ? { ...template, dag: { tasks: template.dag.tasks.map((task) => ({ ...task, ...change })) } }
      : template,
  );
  return { ...object, spec: { ...object.spec, templates: all } };
};

const without = <T extends object, K extends keyof T>(object: T, key: K): Omit<T, K> => {
  const copy = { ...object };
  delete copy[key];
  return copy;
};

/** For each lint, templates that it must refuse. */
const broken: Readonly<Record<keyof typeof lints, readonly (() => ClusterWorkflowTemplate)[]>> = {
  bounds: [
    () => withLeaf((template) => without(template, 'activeDeadlineSeconds')),
    () => withLeaf((template) => without(template, 'retryStrategy')),
    () => withContainer({ resources: {} }),
    () => withLeaf((template) => ({ ...template, volumes: [{ name: 'scratch', emptyDir: {} }] })),
  ],
  commands: [
    () => withLeaf((template) => ({ ...template, container: without(template.container, 'command') })),
    () => withContainer({ command: ['sh', 'run'] }),
    () => withContainer({ command: ['/bin/bash'], args: ['-c', 'true'] }),
    () => withContainer({ args: ['{{workflow.parameters.environment}}'] }),
    () =>
      withLeaf((template) => ({
        ...without(template, 'container'),
        script: { image: 'a:1', source: 'true', command: ['node'] },
      })),
  ],
  displayNames: [
    () =>
      withLeaf((template) => ({
        ...template,
        annotations: { 'workflows.argoproj.io/display-name': 'Dump databases' },
      })),
  ],
  expressions: [
    () => withTask({ when: '{{inputs.parameters.has-database}} == true' }),
    () => withTask({ when: '{{="a" == "b"}}' }),
  ],
  images: [
    () => withContainer({ image: 'lc2-backup/tool' }),
    () => withContainer({ image: 'registry:5000/tool' }),
    () => withContainer({ image: 'lc2-backup/tool:latest' }),
    () => withContainer({ imagePullPolicy: 'Always' }),
  ],
  mounts: [
    () => withLeaf((template) => ({ ...template, volumes: [] })),
    () => withContainer({ volumeMounts: [] }),
    () => withLeaf((template) => ({ ...template, volumes: [{ name: 'storage-secret', secret: { secretName: 'x' } }] })),
  ],
  outputs: [
    () =>
      withLeaf((template) => ({
        ...template,
        outputs: { parameters: [{ name: 'result', valueFrom: { path: '/tmp/x' } }] },
      })),
  ],
  parameters: [
    () => withSpec({ arguments: { parameters: [{ name: 'environment' }] } }),
    () =>
      withSpec({
        arguments: { parameters: [{ name: 'full', description: 'Copy all', value: 'maybe', enum: ['false', 'true'] }] },
      }),
  ],
  references: [
    () => withContainer({ env: [{ name: 'A', value: '{{workflow.parameters.nobody}}' }] }),
    () => withContainer({ env: [{ name: 'A', value: "{{=inputs.parameters['nobody']}}" }] }),
    () => withContainer({ env: [{ name: 'A', value: '{{workflow.creator}}' }] }),
    () => withSpec({ synchronization: { mutexes: [{ name: '{{workflow.parameters.into}}' }] } }),
  ],
  restricted: [
    () => withContainer({ securityContext: { readOnlyRootFilesystem: true } }),
    () => withContainer({ securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } }),
    () => withSpec({ podSpecPatch: '{}' }),
    () => withSpec({ securityContext: { runAsNonRoot: true } }),
    () => withSpec({ serviceAccountName: 'default' }),
  ],
  secretsByFile: [
    () => withContainer({ env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }] }),
    () => withContainer({ envFrom: [{ secretRef: { name: 'db' } }] }),
  ],
  targets: [
    () => withTask({ template: 'nosuch' }),
    () => withTask({ depends: 'nosuch' }),
    () => withSpec({ onExit: 'nosuch' }),
  ],
  userText: [
    () => withSpec({ podSpecPatch: '{"x": "{{workflow.parameters.environment}}"}' }),
    () => withContainer({ image: 'lc2-backup/tool:{{workflow.parameters.environment}}' }),
    () => withContainer({ workingDir: '{{workflow.parameters.environment}}' }),
  ],
};

describe('lints', () => {
  it('see all three templates, each alone and in install.yaml', () => {
    expect(templates.map(({ metadata }) => metadata.name).sort()).toEqual([
      'lc2-backup',
      'lc2-backup',
      'lc2-restore',
      'lc2-restore',
      'lc2-verify',
      'lc2-verify',
    ]);
  });

  for (const [name, lint] of Object.entries(lints)) {
    it(`${name}: dist is clean`, () => {
      expect(templates.flatMap((object) => lint(object))).toEqual([]);
    });
  }

  for (const [name, lint] of Object.entries(lints)) {
    const cases = broken[name as keyof typeof lints];
    it(`${name}: refuses ${cases.length} broken templates`, () => {
      expect(cases.map((make) => lint(make()).length > 0)).toEqual(cases.map(() => true));
    });
  }

  it('are fed with templates that only they refuse', () => {
    for (const make of Object.values(broken).flat()) expect(argoErrors('ClusterWorkflowTemplate', make())).toEqual([]);
  });
});
