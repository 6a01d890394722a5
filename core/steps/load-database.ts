import { z } from 'zod';
import { streaming, type StepContract } from './contract.ts';

const output = z.object({
  databases: z.array(z.object({ database: z.string(), as: z.string(), rows: z.int().min(0) })),
});
export type LoadDatabaseOutput = z.output<typeof output>;

/** Loads every dump beside the live database and compares the rows with the manifest. */
export const loadDatabase = {
  name: 'load-database',
  title: 'Load databases',
  image: 'tool',
  secrets: ['database', 'storage'],
  output,
  share: 40,
  state: 'RestoreInProgress',
  concerns: 'database',
  resources: streaming,
} as const satisfies StepContract;
