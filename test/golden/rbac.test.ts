import { describe, expect, it } from 'vitest';
import { type Actor, actors, isAllowed, resources, type Verb, verbs } from './rbac-table.ts';
import { allObjects, type KubernetesObject } from './support/dist.ts';

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly verbs: readonly string[];
  readonly nonResourceURLs?: readonly string[];
}

interface Ask {
  readonly resource: string;
  readonly verb: Verb;
}

const objects = allObjects().map(({ object }) => object);
const ofKind = (kind: string): readonly KubernetesObject[] => objects.filter((object) => object.kind === kind);
const rulesOf = (object: KubernetesObject): readonly Rule[] => (object['rules'] ?? []) as readonly Rule[];

const holds = (list: readonly string[] | undefined, name: string): boolean =>
  (list ?? []).some((each) => each === name || each === '*');

/** As the API server answers: any rule of the role is enough. */
const mayDo = (rules: readonly Rule[], { resource, verb }: Ask): boolean => {
  const [group = '', ...rest] = resource.split('/');
  return rules.some(
    (rule) => holds(rule.apiGroups, group) && holds(rule.resources, rest.join('/')) && holds(rule.verbs, verb),
  );
};

const everything: readonly Ask[] = resources.flatMap((resource) => verbs.map((verb) => ({ resource, verb })));

const wrong = (actor: Actor, rules: readonly Rule[]): string[] =>
  everything
    .filter(({ resource, verb }) => mayDo(rules, { resource, verb }) !== isAllowed(actor, resource, verb))
    .map(({ resource, verb }) => `${actor.name}: ${verb} ${resource}`);

describe('permissions, verb by verb', () => {
  it.each(actors.map((actor) => [actor.name, actor] as const))(
    'of %s are those of the table and no other',
    (_, actor) => {
      const roles = ofKind(actor.role.kind).filter(({ metadata }) => metadata.name === actor.role.name);
      expect(roles.length).toBeGreaterThan(0);
      for (const role of roles) {
        expect(wrong(actor, rulesOf(role))).toEqual([]);
        // What the table does not ask about is not there either.
        const named = rulesOf(role).flatMap((rule) =>
          (rule.apiGroups ?? []).flatMap((group) => (rule.resources ?? []).map((name) => `${group}/${name}`)),
        );
        expect(named.filter((name) => !(name in actor.may))).toEqual([]);
      }
    },
  );

  it('are given by no other role, and to no other account', () => {
    const known = new Set(actors.map(({ role }) => `${role.kind} ${role.name}`));
    const roles = [...ofKind('Role'), ...ofKind('ClusterRole')];
    expect(roles.filter(({ kind, metadata }) => !known.has(`${kind} ${metadata.name ?? ''}`))).toEqual([]);
    const bindings = [...ofKind('RoleBinding'), ...ofKind('ClusterRoleBinding')].map((binding) => {
      const { name } = Object(binding['roleRef']) as { name: string };
      const subjects = binding['subjects'] as readonly { kind: string; name: string; namespace?: string }[];
      return `${binding.kind} ${name}: ${subjects.map((each) => `${each.kind} ${each.namespace ?? '.'}/${each.name}`).join()}`;
    });
    expect([...new Set(bindings)].sort()).toEqual([
      'ClusterRoleBinding lc2-backup-controller: ServiceAccount lc2-backup/lc2-backup-controller',
      'RoleBinding lc2-backup: ServiceAccount ./lc2-backup',
    ]);
  });

  it('hold no wildcard, no Secret, no exec, no way to give oneself more', () => {
    const rules = [...ofKind('Role'), ...ofKind('ClusterRole')].flatMap(rulesOf);
    expect(rules.length).toBeGreaterThan(20);
    expect(rules.filter((rule) => rule.nonResourceURLs !== undefined)).toEqual([]);
    expect(rules.filter((rule) => JSON.stringify(rule).includes('*'))).toEqual([]);
    const forbidden = /^(secrets|pods|pods\/.*|serviceaccounts.*|.*roles|.*rolebindings|nodes.*|users|groups)$/;
    expect(rules.filter((rule) => (rule.resources ?? []).some((name) => forbidden.test(name)))).toEqual([]);
    expect(
      rules.filter((rule) => rule.verbs.some((verb) => /^(escalate|bind|impersonate|deletecollection)$/.test(verb))),
    ).toEqual([]);
  });

  it('cannot be read wrongly: a role with more or less is told', () => {
    const [run] = actors;
    if (!run) throw new Error('there is a run');
    const role = { apiGroups: ['argoproj.io'], resources: ['workflowtaskresults'], verbs: ['create', 'patch'] };
    expect(wrong(run, [role])).toEqual([]);
    expect(wrong(run, [])).toHaveLength(2);
    expect(wrong(run, [role, { apiGroups: [''], resources: ['secrets'], verbs: ['get'] }])).toEqual([
      'a run: get /secrets',
    ]);
    expect(wrong(run, [{ ...role, verbs: ['*'] }])).toHaveLength(verbs.length - 2);
    expect(wrong(run, [{ ...role, resources: ['*'] }]).length).toBeGreaterThan(2);
    expect(wrong(run, [{ ...role, apiGroups: ['*'] }])).toEqual([]);
  });
});
