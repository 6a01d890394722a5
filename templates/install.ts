import { Namespace } from 'cdk8s-plus-28';
import type { ChartFile } from './chart.ts';
import { commonLabels, installNamespace } from './constructs/names.ts';
import { controllerChart } from './controller.ts';
import { crdCharts } from './crds.ts';
import { backupChart } from './lc2-backup.ts';
import { restoreChart } from './lc2-restore.ts';
import { verifyChart } from './lc2-verify.ts';
import { rbacChart } from './rbac.ts';

export const installParts: readonly ChartFile[] = [
  ...crdCharts,
  rbacChart,
  controllerChart,
  backupChart,
  restoreChart,
  verifyChart,
];

/** Everything in one file for `kubectl apply --server-side`. Argo Workflows is there already. */
export const installChart: ChartFile = {
  file: 'install.yaml',
  build: (scope, images) => {
    new Namespace(scope, 'namespace', {
      metadata: {
        name: installNamespace,
        labels: { ...commonLabels, 'pod-security.kubernetes.io/enforce': 'restricted' },
      },
    });
    for (const part of installParts) part.build(scope, images);
  },
};
