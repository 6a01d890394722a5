import { apiGroup } from '../../core/api/common.ts';

/** Names that the generated objects share with each other and with the controller. */

export const installNamespace = 'lc2-backup';
export const controllerName = 'lc2-backup-controller';
/** Under which runs work, in each namespace that has environments. */
export const runServiceAccount = 'lc2-backup';

/** Labels of every Workflow of ours, whoever started it. */
export const labels = {
  flow: `${apiGroup}/flow`,
  environment: `${apiGroup}/environment`,
  version: `${apiGroup}/version`,
} as const;

export const commonLabels = {
  'app.kubernetes.io/name': 'lc2-backup',
  'app.kubernetes.io/part-of': 'lc2-backup',
} as const;
