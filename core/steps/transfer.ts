import { z } from 'zod';
import { inventoryPart } from '../manifest/manifest.ts';
import { streaming, type StepContract } from './contract.ts';

const count = z.int().min(0);
const output = z.object({
  stores: z.array(
    z.object({
      name: z.string(),
      mover: z.string(),
      /** Inventory of what was listed and copied or found unchanged, below steps/. */
      draft: z.array(inventoryPart),
      copied: z.object({ count, bytes: count }),
    }),
  ),
});
export type TransferOutput = z.output<typeof output>;

/** Copies what the previous sealed backup does not hold unchanged. Runs beside the dump. */
export const transfer = {
  name: 'transfer',
  title: 'Transfer objects',
  image: 'tool',
  secrets: ['objects', 'storage'],
  output,
  share: 30,
  state: 'TransferInProgress',
  concerns: 'objects',
  resources: streaming,
} as const satisfies StepContract;
