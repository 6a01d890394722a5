import { z } from 'zod';
import { conditionSchema } from './conditions.ts';
import { newServerAddress } from './new-server.ts';

export const phases = ['Pending', 'Running', 'Succeeded', 'Failed', 'Cancelled'] as const;
export type Phase = (typeof phases)[number];
export const isTerminal = (phase: Phase | undefined): boolean =>
  phase === 'Succeeded' || phase === 'Failed' || phase === 'Cancelled';

export const componentStates = [
  'Pending',
  'SnapshotInProgress',
  'ExportInProgress',
  'DumpInProgress',
  'TransferInProgress',
  'Verifying',
  'GeneratingMetadata',
  'CopyInProgress',
  'RestoreInProgress',
  'Done',
  'Failed',
] as const;
export type ComponentState = (typeof componentStates)[number];

/** Status of a request: what the controller saw of its Workflow, and the sealed result. */
export const requestStatus = z.strictObject({
  observedGeneration: z.int().optional(),
  phase: z.enum(phases).optional(),
  progress: z.string().max(8).optional().describe('Percent, as 40%.'),
  message: z.string().max(2048).optional(),
  workflow: z.string().max(63).optional(),
  backupId: z.string().max(200).optional(),
  restoreId: z.string().max(63).optional(),
  manifest: z
    .strictObject({ url: z.string().max(2048), digest: z.string().max(64) })
    .optional()
    .describe('Exists only after the seal.'),
  size: z.string().max(32).optional().describe('Of the dumps and objects of the backup, for people.'),
  bytes: z.int().optional(),
  objects: z.int().optional(),
  components: z
    .array(z.strictObject({ name: z.string().max(63), state: z.enum(componentStates) }))
    .max(21)
    .optional(),
  copies: z
    .array(z.strictObject({ name: z.string().max(63), url: z.string().max(2048) }))
    .max(10)
    .optional()
    .describe('Other places where this backup stands, whole and verified, and regions that hold its snapshot.'),
  previous: z.array(z.string().max(63)).max(100).optional().describe('Databases that a restore replaced and kept.'),
  newServer: newServerAddress
    .optional()
    .describe('What a restore had the cloud make, and where it is. To switch over to it is yours.'),
  startedAt: z.iso.datetime({ offset: true }).optional(),
  finishedAt: z.iso.datetime({ offset: true }).optional(),
  conditions: z
    .array(conditionSchema)
    .max(10)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] }),
});
export type RequestStatus = z.output<typeof requestStatus>;
