import { z } from 'zod';
import { small, type StepContract } from './contract.ts';

const output = z.object({
  snapshotId: z.string(),
  /** Where the service keeps it, if it says. */
  location: z.string().optional(),
  /** By the database's clock, before the snapshot was asked for. */
  time: z.string(),
  /** Place in the engine's log, a moment before. */
  position: z.string().optional(),
});
export type SnapshotOutput = z.output<typeof output>;

/** Has the service take a snapshot of the whole server. */
export const snapshot = {
  name: 'snapshot',
  title: 'Snapshot the server',
  image: 'plain',
  secrets: ['database', 'storage'],
  output,
  share: 5,
  state: 'SnapshotInProgress',
  concerns: 'database',
  resources: small,
} as const satisfies StepContract;
