import { expect } from 'vitest';
import { say } from '../support/log.ts';
import { namespaces } from '../support/manifests.ts';
import type { World } from '../support/world.ts';

interface ApiResource {
  readonly name: string;
  readonly verbs: readonly string[];
}

interface Resource {
  readonly group: string;
  readonly name: string;
  readonly verbs: readonly string[];
}

/** Everything the API server serves, subresources too. */
const servedResources = async ({ kube }: World): Promise<readonly Resource[]> => {
  type Groups = {
    readonly groups: readonly { readonly name: string; readonly preferredVersion: { readonly groupVersion: string } }[];
  };
  const { groups } = (await kube.get('/apis')) as unknown as Groups;
  const places = [
    { group: '', path: '/api/v1' },
    ...groups.map(({ name, preferredVersion }) => ({ group: name, path: `/apis/${preferredVersion.groupVersion}` })),
  ];
  const lists = await Promise.all(
    places.map(async ({ group, path }) => {
      const { resources } = (await kube.get(path)) as unknown as { readonly resources: readonly ApiResource[] };
      return resources.map(({ name, verbs }) => ({ group, name, verbs }));
    }),
  );
  return lists.flat();
};

const everyVerb = [
  'get',
  'list',
  'watch',
  'create',
  'update',
  'patch',
  'delete',
  'deletecollection',
  'impersonate',
  'bind',
  'escalate',
];

/** `kubectl auth can-i VERB RESOURCE --as USER`, as the same question to the same API. */
const canI = async (
  world: World,
  user: string,
  ask: { readonly namespace: string; readonly verb: string; readonly resource: Resource },
) => {
  const [resource = '', subresource = ''] = ask.resource.name.split('/');
  const review = await world.kube.create('/apis/authorization.k8s.io/v1/subjectaccessreviews', {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    metadata: {},
    spec: {
      user,
      groups: ['system:serviceaccounts', `system:serviceaccounts:${user.split(':')[2] ?? ''}`, 'system:authenticated'],
      resourceAttributes: {
        namespace: ask.namespace,
        verb: ask.verb,
        group: ask.resource.group,
        resource,
        subresource,
      },
    },
  });
  return (review as unknown as { readonly status: { readonly allowed: boolean } }).status.allowed;
};

const allowedTo = async (world: World, user: string, namespace: string): Promise<readonly string[]> => {
  const resources = await servedResources(world);
  const questions = resources.flatMap((resource) => everyVerb.map((verb) => ({ namespace, verb, resource })));
  const allowed: string[] = [];
  const queue = questions.values();
  const worker = async (): Promise<void> => {
    for (const ask of queue) {
      if (!(await canI(world, user, ask))) continue;
      allowed.push(`${ask.verb} ${ask.resource.name}${ask.resource.group === '' ? '' : `.${ask.resource.group}`}`);
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  say(
    'm',
    `${questions.length} questions (${resources.length} resources, ${everyVerb.length} verbs) about ${user} in ${namespace}`,
  );
  return allowed.sort();
};

/** What every account may: ask about itself. */
const everybody = [
  'create selfsubjectaccessreviews.authorization.k8s.io',
  'create selfsubjectreviews.authentication.k8s.io',
  'create selfsubjectrulesreviews.authorization.k8s.io',
];

const group = 'backup.lc2.dev';
const ownKinds = ['backupenvironments', 'backuprequests', 'restorerequests'].map((name) => `${name}.${group}`);
const status = ['backupenvironments', 'backuprequests', 'restorerequests'].map((name) => `${name}/status.${group}`);
const rights = (verbs: readonly string[], resources: readonly string[]): string[] =>
  resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}`));

export const runAccountMay = async (world: World): Promise<void> => {
  const user = `system:serviceaccount:${namespaces.prd}:lc2-backup`;
  const expected = [...everybody, ...rights(['create', 'patch'], ['workflowtaskresults.argoproj.io'])].sort();
  expect(await allowedTo(world, user, namespaces.prd)).toEqual(expected);
  say('m', `a run may only create and patch workflowtaskresults`);
  expect(await allowedTo(world, user, namespaces.uat)).toEqual([...everybody].sort());
  say('m', 'and nothing in another namespace');
  const { stdout } = await world.cluster.kubectl(['auth', 'can-i', '--list', '--as', user, '-n', namespaces.prd]);
  expect(stdout).toContain('workflowtaskresults.argoproj.io');
};

export const controllerMay = async (world: World): Promise<void> => {
  const user = `system:serviceaccount:${namespaces.install}:lc2-backup-controller`;
  const expected = [
    ...everybody,
    ...rights(['get', 'list', 'watch'], ownKinds),
    ...rights(['patch'], ownKinds.slice(1)),
    ...rights(['patch'], status),
    ...rights(['create', 'patch'], ['configmaps']),
    ...rights(['create', 'get', 'list', 'patch', 'watch'], ['workflows.argoproj.io']),
    ...rights(['create', 'patch'], ['events']),
  ].sort();
  expect(await allowedTo(world, user, namespaces.prd)).toEqual(expected);
  const { stdout } = await world.cluster.kubectl(['auth', 'can-i', 'get', 'secrets', '--as', user, '-A'], {
    allow: [1],
  });
  expect(stdout.trim()).toBe('no');
  say(
    'm',
    'the controller may read its kinds, write status, ConfigMaps, Workflows and Events; it reads no ConfigMap and no Secret',
  );
};
