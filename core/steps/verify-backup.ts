import { z } from 'zod';
import { streaming, type StepContract } from './contract.ts';

const output = z.object({
  backupId: z.string(),
  /** False: there is no manifest, so there is no backup. */
  sealed: z.boolean(),
  ok: z.boolean(),
  url: z.string(),
  digest: z.string().optional(),
  bytes: z.int().optional(),
  objects: z.int().optional(),
  verified: z.string().optional(),
  problems: z.array(z.object({ code: z.string(), key: z.string(), message: z.string() })),
});
export type VerifyBackupOutput = z.output<typeof output>;

/** Checks a backup in storage: digests of every file, dumps read to the end, objects at the asked level. */
export const verifyBackup = {
  name: 'verify-backup',
  title: 'Verify backup',
  image: 'tool',
  secrets: ['storage'],
  output,
  share: 100,
  state: 'Verifying',
  concerns: 'all',
  resources: streaming,
  result: 'verification',
} as const satisfies StepContract;
