import { z } from 'zod';
import { small, type StepContract } from './contract.ts';

const output = z.object({ uploads: z.int().min(0), databases: z.array(z.string()) });
export type CleanUpOutput = z.output<typeof output>;

/** After a run that did not succeed: ends its uploads and removes its temporary databases. A sealed backup is not touched. */
export const cleanUp = {
  name: 'clean-up',
  title: 'Clean up',
  image: 'tool',
  secrets: ['database', 'storage'],
  output,
  share: 0,
  state: 'Failed',
  concerns: 'all',
  resources: small,
} as const satisfies StepContract;
