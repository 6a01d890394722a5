import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { kinds } from '../../core/api/index.ts';
import { argoErrors, isArgoKind } from './support/argo-schema.ts';
import { allObjects, dist, filesBelow, type KubernetesObject } from './support/dist.ts';
import { hasTag } from './lints/pods.ts';
import { stringsOf } from './lints/strings.ts';

const objects = allObjects();
const ofKind = (kind: string): KubernetesObject[] =>
  objects.filter(({ object }) => object.kind === kind).map(({ object }) => object);
const bytes = (value: unknown): number => Buffer.byteLength(stringify(value));

/** Longest names: those of CronWorkflows get a time, those of Workflows and templates become labels. */
const longest = (kind: string): number => (kind === 'CronWorkflow' ? 52 : 63);

const badNames = (list: readonly KubernetesObject[]): string[] =>
  list
    .filter(
      ({ kind, metadata }) =>
        !(kind === 'CustomResourceDefinition' || kind.startsWith('ClusterRole')) && tooLong(kind, metadata),
    )
    .map(({ kind, metadata }) => `${kind} ${metadata.name ?? metadata.generateName ?? ''}`);

const tooLong = (kind: string, { name, generateName }: KubernetesObject['metadata']): boolean => {
  const text = name ?? `${generateName ?? ''}12345`;
  return text.length > longest(kind) || !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text);
};

const spec = (object: KubernetesObject | undefined): object => Object(object?.['spec']);

const named = (kind: string, name: string): KubernetesObject => ({ apiVersion: 'v1', kind, metadata: { name } });

const count = (file: string): number => objects.filter((each) => each.file === file).length;

describe('generated objects', () => {
  it('are valid by Argo’s own schema, closed', () => {
    const argo = objects.filter(({ object }) => isArgoKind(object.kind));
    expect(argo.length).toBe(8);
    const errors = argo.flatMap(({ file, object }) =>
      isArgoKind(object.kind) ? argoErrors(object.kind, object).map((error) => `${file}: ${error}`) : [],
    );
    expect(errors).toEqual([]);
  });

  it('would not be valid with a field that Argo does not have, or with a wrong type', () => {
    const [cron] = ofKind('CronWorkflow');
    const [template] = ofKind('ClusterWorkflowTemplate');
    expect(argoErrors('CronWorkflow', { ...cron, spec: { ...spec(cron), schedule: '0 3 * * *' } })).not.toEqual([]);
    expect(
      argoErrors('ClusterWorkflowTemplate', { ...template, spec: { ...spec(template), parallelism: 'two' } }),
    ).not.toEqual([]);
    expect(argoErrors('ClusterWorkflowTemplate', { ...template, specs: {} })).not.toEqual([]);
  });

  it('have names that fit', () => {
    expect(badNames(objects.map(({ object }) => object))).toEqual([]);
    expect(
      badNames([named('CronWorkflow', 'n'.repeat(53)), named('Workflow', 'n'.repeat(64)), named('Workflow', 'A b')]),
    ).toHaveLength(3);
  });

  it('are small: Argo stores a template in every run', () => {
    for (const template of ofKind('ClusterWorkflowTemplate')) expect(bytes(template)).toBeLessThan(60_000);
    expect(ofKind('CustomResourceDefinition').reduce((sum, crd) => sum + bytes(crd), 0) / 2).toBeLessThan(900_000);
  });

  it('come one to a file, except where a file is to be applied whole', () => {
    const alone = [...filesBelow(dist).keys()].filter((file) => /^(crds|templates)\//.test(file));
    expect(alone.map(count)).toEqual(alone.map(() => 1));
    const parts = [...alone, 'rbac.yaml', 'controller.yaml'].map(count).reduce((sum, each) => sum + each, 0);
    expect(count('install.yaml')).toBe(parts + 1);
  });

  it('hold no text of a secret and no address of this machine', () => {
    const secrets = ofKind('Secret').flatMap((object) =>
      stringsOf(object['stringData'], 'stringData').map(({ text }) => text),
    );
    expect(new Set(secrets)).toEqual(new Set(['replace-me']));
    for (const text of filesBelow(dist).values()) expect(text).not.toMatch(/\/(work|home|root|tmp)\/(?!lc2)/);
  });
});

describe('CustomResourceDefinitions', () => {
  it('are there for every kind, with what people use', () => {
    expect(ofKind('CustomResourceDefinition').length).toBe(2 * Object.keys(kinds).length);
    for (const crd of ofKind('CustomResourceDefinition')) {
      expect(crd['spec']).toMatchObject({
        group: 'backup.lc2.dev',
        scope: 'Namespaced',
        names: { categories: ['lc2'] },
        versions: [{ name: 'v1alpha1', served: true, storage: true, subresources: { status: {} } }],
      });
    }
  });

  it('carry the immutability of requests', () => {
    for (const kind of ['backuprequests', 'restorerequests']) {
      const text = filesBelow(dist).get(`crds/${kind}.yaml`) ?? '';
      expect(text).toContain('spec is immutable, except cancel');
      expect(text).toContain('cancel cannot be taken back');
    }
  });
});

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const rulesOf = (kind: string, name: string): string[] => {
  const object = ofKind(kind).find(({ metadata }) => metadata.name === name);
  const rules = (object?.['rules'] ?? []) as readonly Rule[];
  return rules.flatMap(({ resources, verbs }) =>
    resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}`)),
  );
};

describe('permissions', () => {
  it('of a run are to report its results, and nothing else', () => {
    expect(rulesOf('Role', 'lc2-backup')).toEqual(['create workflowtaskresults', 'patch workflowtaskresults']);
  });

  it('of the controller hold no Secret, no pod and no deletion', () => {
    const rules = rulesOf('ClusterRole', 'lc2-backup-controller');
    expect(rules).toContain('create workflows');
    expect(rules.filter((rule) => /secret|pods|^delete|\*|escalate|bind|impersonate/.test(rule))).toEqual([]);
  });

  it('of users do not write environments; nobody is given a role whose rules others fill', () => {
    expect(rulesOf('ClusterRole', 'lc2-backup-user').filter((rule) => rule.endsWith('backupenvironments'))).toEqual([
      'get backupenvironments',
      'list backupenvironments',
      'watch backupenvironments',
    ]);
    expect(rulesOf('ClusterRole', 'lc2-backup-admin')).toContain('create backupenvironments');
    for (const role of ofKind('ClusterRole')) expect(role['aggregationRule']).toBeUndefined();
  });
});

describe('the controller', () => {
  it('is one restricted pod that is replaced, never doubled', () => {
    const [deployment] = ofKind('Deployment');
    expect(deployment?.['spec']).toMatchObject({
      replicas: 1,
      strategy: { type: 'Recreate' },
      template: {
        spec: {
          serviceAccountName: 'lc2-backup-controller',
          securityContext: { runAsNonRoot: true },
          containers: [
            {
              command: ['node', '--max-semi-space-size=8', '/app/controller.mjs'],
              imagePullPolicy: 'IfNotPresent',
              livenessProbe: { httpGet: { path: '/healthz', port: 8080 } },
              readinessProbe: { httpGet: { path: '/readyz', port: 8080 } },
              resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } },
              securityContext: {
                allowPrivilegeEscalation: false,
                capabilities: { drop: ['ALL'] },
                readOnlyRootFilesystem: true,
                runAsNonRoot: true,
                seccompProfile: { type: 'RuntimeDefault' },
              },
            },
          ],
        },
      },
    });
    const images = stringsOf(deployment, '').filter(({ path }) => path.endsWith('.image'));
    expect(images.map(({ text }) => hasTag(text))).toEqual([true]);
    expect(ofKind('Deployment').map((each) => JSON.stringify(each))).toEqual(Array(2).fill(JSON.stringify(deployment)));
  });
});
