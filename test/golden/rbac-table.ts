/**
 * Who may do what in the API, verb by verb: everything that is not here is refused. The golden lane compares it with the rules
 * of dist/; on a cluster, ask the API server the same with a SelfSubjectAccessReview per line.
 */

export interface Actor {
  readonly name: string;
  /** The object of dist/ that holds the rules. */
  readonly role: { readonly kind: 'Role' | 'ClusterRole'; readonly name: string };
  /** As a request's user, or undefined for a role that people are given. */
  readonly user?: string;
  /** `<group>/<resource>` with a subresource where there is one; the core group is empty. */
  readonly may: Readonly<Record<string, readonly Verb[]>>;
}

export const verbs = [
  'get',
  'list',
  'watch',
  'create',
  'update',
  'patch',
  'delete',
  'deletecollection',
  'bind',
  'escalate',
  'impersonate',
] as const;
export type Verb = (typeof verbs)[number];

/** What is asked for every actor and every verb, besides what it may do. */
export const resources = [
  '/secrets',
  '/configmaps',
  '/events',
  '/pods',
  '/pods/exec',
  '/pods/attach',
  '/pods/log',
  '/pods/portforward',
  '/pods/ephemeralcontainers',
  '/serviceaccounts',
  '/serviceaccounts/token',
  '/persistentvolumeclaims',
  '/persistentvolumes',
  '/services',
  '/nodes',
  '/nodes/proxy',
  '/namespaces',
  '/users',
  '/groups',
  'apps/deployments',
  'apps/daemonsets',
  'apps/statefulsets',
  'batch/jobs',
  'batch/cronjobs',
  'rbac.authorization.k8s.io/roles',
  'rbac.authorization.k8s.io/rolebindings',
  'rbac.authorization.k8s.io/clusterroles',
  'rbac.authorization.k8s.io/clusterrolebindings',
  'admissionregistration.k8s.io/validatingwebhookconfigurations',
  'admissionregistration.k8s.io/mutatingwebhookconfigurations',
  'apiextensions.k8s.io/customresourcedefinitions',
  'certificates.k8s.io/certificatesigningrequests',
  'coordination.k8s.io/leases',
  'networking.k8s.io/networkpolicies',
  'argoproj.io/workflows',
  'argoproj.io/workflowtemplates',
  'argoproj.io/clusterworkflowtemplates',
  'argoproj.io/cronworkflows',
  'argoproj.io/workflowtaskresults',
  'argoproj.io/workflowtasksets',
  'backup.lc2.dev/backupenvironments',
  'backup.lc2.dev/backupenvironments/status',
  'backup.lc2.dev/backuprequests',
  'backup.lc2.dev/backuprequests/status',
  'backup.lc2.dev/restorerequests',
  'backup.lc2.dev/restorerequests/status',
] as const;

const read: readonly Verb[] = ['get', 'list', 'watch'];
const write: readonly Verb[] = ['create', 'update', 'patch', 'delete'];

export const actors: readonly Actor[] = [
  {
    name: 'a run',
    role: { kind: 'Role', name: 'lc2-backup' },
    user: 'system:serviceaccount:<namespace>:lc2-backup',
    may: { 'argoproj.io/workflowtaskresults': ['create', 'patch'] },
  },
  {
    name: 'the controller',
    role: { kind: 'ClusterRole', name: 'lc2-backup-controller' },
    user: 'system:serviceaccount:lc2-backup:lc2-backup-controller',
    may: {
      '/configmaps': ['create', 'patch'],
      '/events': ['create', 'patch'],
      'argoproj.io/workflows': ['get', 'list', 'watch', 'create', 'patch'],
      'backup.lc2.dev/backupenvironments': read,
      'backup.lc2.dev/backupenvironments/status': ['patch'],
      'backup.lc2.dev/backuprequests': [...read, 'patch'],
      'backup.lc2.dev/backuprequests/status': ['patch'],
      'backup.lc2.dev/restorerequests': [...read, 'patch'],
      'backup.lc2.dev/restorerequests/status': ['patch'],
    },
  },
  {
    name: 'a user',
    role: { kind: 'ClusterRole', name: 'lc2-backup-user' },
    may: {
      'backup.lc2.dev/backupenvironments': read,
      'backup.lc2.dev/backuprequests': [...read, ...write],
      'backup.lc2.dev/restorerequests': [...read, ...write],
    },
  },
  {
    name: 'an admin',
    role: { kind: 'ClusterRole', name: 'lc2-backup-admin' },
    may: {
      'backup.lc2.dev/backupenvironments': [...read, ...write],
      'backup.lc2.dev/backuprequests': [...read, ...write],
      'backup.lc2.dev/restorerequests': [...read, ...write],
    },
  },
];

export const isAllowed = ({ may }: Actor, resource: string, verb: Verb): boolean =>
  (may[resource] ?? []).includes(verb);
