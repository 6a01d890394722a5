import { restoreFlow } from '../core/flow/restore.ts';
import type { ChartFile } from './chart.ts';
import { workflowTemplate } from './constructs/workflow-template.ts';

export const restoreChart: ChartFile = {
  file: `templates/${restoreFlow.name}.yaml`,
  build: (scope, images) => {
    workflowTemplate(scope, restoreFlow, images);
  },
};
