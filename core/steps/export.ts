import { dumpOutput } from './dump.ts';
import { type StepContract, streaming } from './contract.ts';

/** Has the service export every database into storage. */
export const exportStep = {
  name: 'export',
  title: 'Export databases',
  image: 'tool',
  secrets: ['database', 'storage'],
  output: dumpOutput,
  share: 30,
  state: 'ExportInProgress',
  concerns: 'database',
  resources: streaming,
} as const satisfies StepContract;
