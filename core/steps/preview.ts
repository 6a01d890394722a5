import { z } from 'zod';
import { restorePlan } from '../plan/restore-plan.ts';
import { small, type StepContract } from './contract.ts';

const output = z.object({
  /** This request has already been restored, by this or an earlier run: nothing is done again. */
  already: z.boolean(),
  plan: restorePlan,
  /** What a person reads before confirming. */
  lines: z.array(z.string()),
});
export type PreviewOutput = z.output<typeof output>;

/** Resolves the backup, checks everything that can be checked without changing anything, and fixes the plan. */
export const preview = {
  name: 'preview',
  title: 'Preview',
  image: 'tool',
  secrets: ['database', 'objects', 'storage'],
  output,
  share: 5,
  state: 'Pending',
  concerns: 'all',
  resources: small,
  result: 'preview',
} as const satisfies StepContract;
