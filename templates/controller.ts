import type { ChartFile } from './chart.ts';
import { controllerDeployment } from './constructs/controller.ts';
import { controllerRbac, controllerServiceAccount } from './constructs/rbac.ts';

export const controllerChart: ChartFile = {
  file: 'controller.yaml',
  build: (scope, images) => {
    const account = controllerServiceAccount(scope);
    controllerRbac(scope, account);
    controllerDeployment(scope, account, images);
  },
};
