import { apiGroup, apiVersion } from '../../core/api/common.ts';
import { kinds } from '../../core/api/index.ts';
import type { Resource } from './api.ts';

const ours = ({ kind, plural }: { readonly kind: string; readonly plural: string }): Resource => ({
  group: apiGroup,
  version: apiVersion.slice(apiGroup.length + 1),
  kind,
  plural,
});

/** Everything the controller may touch; RBAC grants exactly this. */
export const resources = {
  BackupEnvironment: ours(kinds.BackupEnvironment),
  BackupRequest: ours(kinds.BackupRequest),
  RestoreRequest: ours(kinds.RestoreRequest),
  Workflow: { group: 'argoproj.io', version: 'v1alpha1', kind: 'Workflow', plural: 'workflows' },
  ConfigMap: { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps' },
  Event: { group: '', version: 'v1', kind: 'Event', plural: 'events' },
} as const satisfies Record<string, Resource>;
