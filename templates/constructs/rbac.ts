import { ApiObject, JsonPatch } from 'cdk8s';
import type { Construct } from 'constructs';
import {
  ApiResource,
  ClusterRole,
  ClusterRoleBinding,
  Role,
  RoleBinding,
  ServiceAccount,
  type IServiceAccount,
} from 'cdk8s-plus-28';
import { apiGroup } from '../../core/api/common.ts';
import { kinds } from '../../core/api/index.ts';
import { commonLabels, controllerName, installNamespace, runServiceAccount } from './names.ts';

/** Who may do what. Nobody here reads a Secret, and no run may touch the API but for reporting its results. */

const resource = (group: string, resourceType: string): ApiResource =>
  ApiResource.custom({ apiGroup: group, resourceType });
const own = (resourceType: string): ApiResource => resource(apiGroup, resourceType);

const environments = own(kinds.BackupEnvironment.plural);
const requests = [kinds.BackupRequest.plural, kinds.RestoreRequest.plural];
const all = [kinds.BackupEnvironment.plural, ...requests];

const labels = { ...commonLabels };

/** Of each rule: an empty list is not what the API server would give back. */
const withoutResourceNames = (role: ClusterRole): void => {
  ApiObject.of(role).addJsonPatch(
    ...role.rules
      .flatMap(({ endpoints }) => endpoints)
      .map((_, index) => JsonPatch.remove(`/rules/${index}/resourceNames`)),
  );
};

export const controllerServiceAccount = (scope: Construct): IServiceAccount => {
  const metadata = { name: controllerName, namespace: installNamespace, labels };
  new ServiceAccount(scope, 'controller-account', { metadata, automountToken: false });
  return ServiceAccount.fromServiceAccountName(scope, 'controller-account-reference', controllerName, {
    namespaceName: installNamespace,
  });
};

export const controllerRbac = (scope: Construct, account: IServiceAccount): void => {
  const role = new ClusterRole(scope, 'controller-role', { metadata: { name: controllerName, labels } });
  role.allow(['get', 'list', 'watch'], ...all.map(own));
  // The finalizer that turns a deletion into a stop.
  role.allow(['patch'], ...requests.map(own));
  role.allow(['patch'], ...all.map((plural) => own(`${plural}/status`)));
  // Of backup-environment-<name> only; but a rule cannot restrict a creation, nor a name's beginning, so the code does.
  role.allow(['create', 'patch'], ApiResource.CONFIG_MAPS);
  role.allow(['create', 'get', 'list', 'patch', 'watch'], resource('argoproj.io', 'workflows'));
  role.allow(['create', 'patch'], ApiResource.EVENTS);
  withoutResourceNames(role);
  new ClusterRoleBinding(scope, 'controller-binding', {
    metadata: { name: controllerName, labels },
    role: ClusterRole.fromClusterRoleName(scope, 'controller-role-reference', controllerName),
  }).addSubjects(account);
};

const write = ['create', 'delete', 'patch', 'update'];
const read = ['get', 'list', 'watch'];

const aggregated = (scope: Construct, name: 'user' | 'admin', to: 'edit' | 'admin'): ClusterRole =>
  new ClusterRole(scope, `${name}-role`, {
    metadata: {
      name: `lc2-backup-${name}`,
      labels: { ...labels, [`rbac.authorization.k8s.io/aggregate-to-${to}`]: 'true' },
    },
  });

/** For people: aggregated to the roles that every cluster has, or to be bound alone. */
export const peopleRbac = (scope: Construct): void => {
  const user = aggregated(scope, 'user', 'edit');
  user.allow(read, ...all.map(own));
  user.allow(write, ...requests.map(own));
  withoutResourceNames(user);

  // Environments say which places a request may reach at all: those who edit a namespace do not write them.
  const admin = aggregated(scope, 'admin', 'admin');
  admin.allow(read, ...all.map(own));
  admin.allow(write, environments, ...requests.map(own));
  withoutResourceNames(admin);
};

/** What a namespace needs before runs can work there. It names none, so `kubectl apply -n` says which. */
export const tenantRbac = (scope: Construct): void => {
  const metadata = { name: runServiceAccount, labels };
  new ServiceAccount(scope, 'run-account', { metadata, automountToken: true });
  const role = new Role(scope, 'run-role', { metadata });
  role.allow(['create', 'patch'], resource('argoproj.io', 'workflowtaskresults'));
  const binding = new RoleBinding(scope, 'run-binding', {
    metadata,
    role: Role.fromRoleName(scope, 'run-role-reference', runServiceAccount),
  });
  binding.addSubjects(ServiceAccount.fromServiceAccountName(scope, 'run-account-reference', runServiceAccount));
  // Without one, the account of the binding's own namespace is meant.
  ApiObject.of(binding).addJsonPatch(JsonPatch.remove('/subjects/0/namespace'));
};
