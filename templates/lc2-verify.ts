import { verifyFlow } from '../core/flow/verify.ts';
import type { ChartFile } from './chart.ts';
import { workflowTemplate } from './constructs/workflow-template.ts';

export const verifyChart: ChartFile = {
  file: `templates/${verifyFlow.name}.yaml`,
  build: (scope, images) => {
    workflowTemplate(scope, verifyFlow, images);
  },
};
