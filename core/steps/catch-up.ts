import { z } from 'zod';
import { objectStoreEntry } from '../manifest/manifest.ts';
import { streaming, type StepContract } from './contract.ts';

const output = z.object({ stores: z.array(objectStoreEntry) });
export type CatchUpOutput = z.output<typeof output>;

/** Lists again after the latest point and copies what is new or changed: the inventory is then complete. */
export const catchUp = {
  name: 'catch-up',
  title: 'Catch up with the points',
  image: 'tool',
  secrets: ['objects', 'storage'],
  output,
  share: 10,
  state: 'TransferInProgress',
  concerns: 'objects',
  resources: streaming,
} as const satisfies StepContract;
