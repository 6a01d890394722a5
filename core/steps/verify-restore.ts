import { z } from 'zod';
import { streaming, type StepContract } from './contract.ts';

const count = z.int().min(0);
const output = z.object({
  restoreId: z.string(),
  backupId: z.string(),
  databases: count,
  tables: count,
  rows: count,
  objects: count,
  bytes: count,
  previous: z.array(z.string()),
});
export type VerifyRestoreOutput = z.output<typeof output>;

/** Compares what is live now with the manifest and inventories, and records that the restore has happened. */
export const verifyRestore = {
  name: 'verify-restore',
  title: 'Verify restore',
  image: 'tool',
  secrets: ['database', 'objects', 'storage'],
  output,
  share: 10,
  state: 'Verifying',
  concerns: 'all',
  resources: streaming,
  result: 'restore',
} as const satisfies StepContract;
