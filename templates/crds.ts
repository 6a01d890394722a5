import { environmentName } from '../core/api/backup-environment.ts';
import { type Kind, kinds } from '../core/api/index.ts';
import type { ChartFile } from './chart.ts';
import { type CrdOptions, customResourceDefinition } from './constructs/crd.ts';

const crds: Readonly<Record<Kind, CrdOptions>> = {
  // The name goes into names of ConfigMaps, labels and backup ids.
  BackupEnvironment: { descriptor: kinds.BackupEnvironment, name: environmentName },
  BackupRequest: { descriptor: kinds.BackupRequest },
  RestoreRequest: { descriptor: kinds.RestoreRequest },
};

export const crdCharts: readonly ChartFile[] = Object.values(crds).map((options) => ({
  file: `crds/${options.descriptor.plural}.yaml`,
  build: (scope) => {
    customResourceDefinition(scope, options);
  },
}));
