import { z } from 'zod';
import { newServerAddress } from '../api/new-server.ts';
import { backupEnvironmentSpec } from '../api/backup-environment.ts';

/** run.json: the claim. Written once by the first step to arrive; every step works from it. */
export const runRecord = z.object({
  version: z.literal('1'),
  runUid: z.string().min(1),
  backupId: z.string().min(1),
  timestamp: z.iso.datetime({ offset: true }),
  environment: z.string(),
  components: z.array(z.string()),
  full: z.boolean(),
  creationType: z.string(),
  creator: z.object({ name: z.string(), email: z.string() }),
  spec: backupEnvironmentSpec,
  /** Newest sealed backup when the run began: what is unchanged since is not copied again. */
  base: z.string().optional(),
  /** Who executes the run, so that a later one can tell whether it is dead: `argo`, or `local:<host>:<pid>`. */
  runner: z.string(),
  tool: z.string(),
});
export type RunRecord = z.output<typeof runRecord>;

/** steps/<step>.json: the first attempt of a step that finished; later attempts return it. */
export const stepRecord = z.object({ step: z.string(), runUid: z.string(), attempt: z.string(), output: z.unknown() });

/** copies/<name>.json: another place holds this backup too, whole and verified; or, without counts, its snapshot. */
export const copyRecord = z.object({
  version: z.literal('1'),
  name: z.string(),
  /** Of a snapshot its id there. */
  url: z.string(),
  /** Digest of the manifest, which is the same there. */
  manifest: z.string(),
  objects: z.int().optional(),
  bytes: z.int().optional(),
  at: z.string(),
});
export type CopyRecord = z.output<typeof copyRecord>;

/** owner.json: who writes into this environment's folder. */
export const ownerRecord = z.object({
  version: z.literal('1'),
  projectId: z.string(),
  environment: z.string(),
  /** System identifier of the database, or the urls of the stores where there is no database. */
  owner: z.string(),
});

/** restores/<request>-<digest>.json: this restore has happened. */
export const restoreRecord = z.object({
  version: z.literal('1'),
  request: z.string(),
  restoreId: z.string(),
  runUid: z.string(),
  backupId: z.string(),
  into: z.string(),
  components: z.array(z.string()),
  previous: z.array(z.object({ database: z.string(), previous: z.string(), restoreId: z.string() })),
  newServer: newServerAddress.optional(),
  at: z.string(),
});
