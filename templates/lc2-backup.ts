import { backupFlow } from '../core/flow/backup.ts';
import type { ChartFile } from './chart.ts';
import { workflowTemplate } from './constructs/workflow-template.ts';

export const backupChart: ChartFile = {
  file: `templates/${backupFlow.name}.yaml`,
  build: (scope, images) => {
    workflowTemplate(scope, backupFlow, images);
  },
};
