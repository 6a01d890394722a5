import type { ChartFile } from './chart.ts';
import { peopleRbac } from './constructs/rbac.ts';

export const rbacChart: ChartFile = { file: 'rbac.yaml', build: peopleRbac };
