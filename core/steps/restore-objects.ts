import { z } from 'zod';
import { filePart } from '../manifest/manifest.ts';
import { streaming, type StepContract } from './contract.ts';

const count = z.int().min(0);
const output = z.object({
  stores: z.array(
    z.object({
      name: z.string(),
      objects: count,
      copied: z.object({ count, bytes: count }),
      /** Keys that mirror will delete at commit. */
      surplus: z.object({ count, parts: z.array(filePart) }),
    }),
  ),
});
export type RestoreObjectsOutput = z.output<typeof output>;

/** Adds what is missing and replaces what differs; deletes nothing. */
export const restoreObjects = {
  name: 'restore-objects',
  title: 'Restore objects',
  image: 'tool',
  secrets: ['objects', 'storage'],
  output,
  share: 40,
  state: 'RestoreInProgress',
  concerns: 'objects',
  resources: streaming,
} as const satisfies StepContract;
