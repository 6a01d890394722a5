import { z } from 'zod';
import { small, type StepContract } from './contract.ts';

const count = z.int().min(0);
const output = z.object({
  backupId: z.string(),
  url: z.string(),
  digest: z.string(),
  bytes: count,
  objects: count,
  verified: z.string(),
  components: z.array(z.string()),
  /** Places that it is copied to next. */
  copies: z.array(z.string()).default([]),
});
export type ManifestOutput = z.output<typeof output>;

/** Writes manifest.json, once and last. Its result exists only after the seal. */
export const manifest = {
  name: 'manifest',
  title: 'Seal',
  image: 'plain',
  secrets: ['storage'],
  output,
  share: 5,
  state: 'GeneratingMetadata',
  concerns: 'all',
  resources: small,
  result: 'manifest',
} as const satisfies StepContract;
