import { z } from 'zod';
import { dumpEntry, filePart } from '../manifest/manifest.ts';
import { streaming, type StepContract } from './contract.ts';

const output = z.object({
  engine: z.string(),
  service: z.string(),
  version: z.string(),
  major: z.int(),
  systemId: z.string().optional(),
  points: z.array(z.object({ database: z.string(), time: z.string(), position: z.string().optional() })),
  globals: filePart,
  dumps: z.array(dumpEntry.omit({ tables: true })),
});
export type DumpOutput = z.output<typeof output>;

/** Streams every database at its point into storage. */
export const dump = {
  name: 'dump',
  title: 'Dump databases',
  image: 'tool',
  secrets: ['database', 'storage'],
  output,
  share: 35,
  state: 'DumpInProgress',
  concerns: 'database',
  resources: streaming,
} as const satisfies StepContract;
