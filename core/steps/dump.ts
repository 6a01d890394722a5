import { z } from 'zod';
import { dumpEntry, filePart } from '../manifest/manifest.ts';
import { streaming, type StepContract } from './contract.ts';

/** What both ways of dumping hand on: by a step, or by the service itself. */
export const dumpOutput = z.object({
  engine: z.string(),
  service: z.string(),
  version: z.string(),
  major: z.int(),
  systemId: z.string().optional(),
  /** By storage's clock, when all points were surely taken; of exports, the end of the step is it. */
  pointsBy: z.string().optional(),
  points: z.array(z.object({ database: z.string(), time: z.string(), position: z.string().optional() })),
  globals: filePart,
  /** Without a digest, which verify then takes; without a version, whatever stands there is read. */
  dumps: z.array(
    dumpEntry
      .omit({ tables: true, digest: true })
      .extend({ digest: dumpEntry.shape.digest.optional(), version: z.string().optional() }),
  ),
});
export type DumpOutput = z.output<typeof dumpOutput>;

/** Streams every database at its point into storage. */
export const dump = {
  name: 'dump',
  title: 'Dump databases',
  image: 'tool',
  secrets: ['database', 'storage'],
  output: dumpOutput,
  share: 35,
  state: 'DumpInProgress',
  concerns: 'database',
  resources: streaming,
} as const satisfies StepContract;
