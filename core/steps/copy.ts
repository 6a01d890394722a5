import { z } from 'zod';
import { copyRecord } from '../manifest/records.ts';
import { streaming, type StepContract } from './contract.ts';

const output = z.object({ backupId: z.string(), copies: z.array(copyRecord) });
export type CopyOutput = z.output<typeof output>;

/** Copies a sealed backup, whole, to the other places of the environment, and seals each copy. */
export const copy = {
  name: 'copy',
  title: 'Copy to other places',
  image: 'tool',
  secrets: ['storage', 'copies'],
  output,
  share: 5,
  state: 'CopyInProgress',
  concerns: 'all',
  resources: streaming,
  result: 'copies',
} as const satisfies StepContract;
