import { z } from 'zod';

/** How long a sealed backup is out of everybody's reach. */
export const immutability = z
  .strictObject({
    days: z.int().min(1).max(36_500).describe('From the verification of a backup on.'),
    mode: z
      .enum(['governance', 'compliance'])
      .describe('governance: whoever has the permission can lift a lock; compliance: nobody can, not even the owner.'),
  })
  .describe('Nobody deletes a sealed backup or writes over it before its days are over.');
export type Immutability = z.output<typeof immutability>;
