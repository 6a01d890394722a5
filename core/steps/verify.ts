import { z } from 'zod';
import { streaming, type StepContract } from './contract.ts';

const output = z.object({
  /** Rows by table, by database. */
  tables: z.record(z.string(), z.record(z.string(), z.int().min(0))),
  /** Of dumps that came without one: of the bytes that were read. */
  digests: z.record(z.string(), z.string()),
  database: z.enum(['none', 'read']),
  objects: z.enum(['none', 'listed', 'sampled', 'full']),
  at: z.string(),
  /** Files of dead attempts of this run; the manifest names them, so they are not "extra". */
  leftovers: z.array(z.string()),
});
export type VerifyOutput = z.output<typeof output>;

/** Reads everything back from storage before the seal. */
export const verify = {
  name: 'verify',
  title: 'Verify',
  image: 'tool',
  secrets: ['objects', 'storage'],
  output,
  share: 15,
  state: 'Verifying',
  concerns: 'all',
  resources: streaming,
} as const satisfies StepContract;
