import { z } from 'zod';
import { httpUrl } from './common.ts';

/** Who copies large libraries within Google Cloud Storage. */
export const storageTransfer = z
  .strictObject({
    project: z
      .string()
      .min(6)
      .max(63)
      .regex(/^[a-z][-a-z0-9.:]*[a-z0-9]$/, 'must be the id of a project of Google Cloud')
      .describe('Id of the project of Google Cloud whose service agent copies.'),
    minimumObjects: z
      .int()
      .min(1)
      .max(2_147_483_647)
      .default(100_000)
      .describe('From so many objects on that one backup copies; fewer are copied one by one, which begins at once.'),
    endpoint: httpUrl.optional().describe('Root of the API, for private endpoints; Google’s own without it.'),
  })
  .describe('Google’s Storage Transfer Service copies into the storage; both must be gs://.');

export type StorageTransferSpec = z.output<typeof storageTransfer>;
