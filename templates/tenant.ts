import type { ChartFile } from './chart.ts';
import { tenantRbac } from './constructs/rbac.ts';

export const tenantChart: ChartFile = { file: 'tenant.yaml', build: tenantRbac };
