import { z } from 'zod';
import { copyRecord } from '../manifest/records.ts';
import { streaming, type StepContract } from './contract.ts';

const output = z.object({ backupId: z.string(), copies: z.array(copyRecord) });
export type CopyOutput = z.output<typeof output>;

/**
 * Copies a sealed backup, whole, to the other places of the environment, and seals each copy. Has the service copy its snapshot to
 * other regions.
 */
export const copy = {
  name: 'copy',
  title: 'Copy to other places',
  image: 'tool',
  secrets: ['database', 'storage', 'copies'],
  output,
  share: 5,
  state: 'CopyInProgress',
  concerns: 'all',
  resources: streaming,
  result: 'copies',
} as const satisfies StepContract;
