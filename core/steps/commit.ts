import { z } from 'zod';
import { small, type StepContract } from './contract.ts';

const output = z.object({
  previous: z.array(z.object({ database: z.string(), previous: z.string(), restoreId: z.string() })),
  deleted: z.int().min(0),
});
export type CommitOutput = z.output<typeof output>;

/** Swaps all databases in one transaction; then deletes what mirror must. */
export const commit = {
  name: 'commit',
  title: 'Commit',
  image: 'tool',
  secrets: ['database', 'objects', 'storage'],
  output,
  share: 5,
  state: 'RestoreInProgress',
  concerns: 'all',
  resources: small,
} as const satisfies StepContract;
