import { z } from 'zod';
import type { Identified } from '../kube/store.ts';

export const metadata = z.object({
  name: z.string(),
  namespace: z.string(),
  uid: z.string(),
  resourceVersion: z.string(),
  generation: z.int().default(0),
  creationTimestamp: z.string(),
  deletionTimestamp: z.string().optional(),
  finalizers: z.array(z.string()).default([]),
  labels: z.record(z.string(), z.string()).default({}),
});

export const identified = ({ namespace, name, uid, resourceVersion }: z.output<typeof metadata>): Identified => ({
  namespace,
  name,
  uid,
  resourceVersion,
});
