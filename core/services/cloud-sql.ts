import { z } from 'zod';
import { httpUrl } from '../api/common.ts';
import { serverShape } from './server-shape.ts';

/**
 * Cloud SQL for PostgreSQL. Google snapshots, exports and imports by its Admin API; points, row counts and the swap need
 * SQL all the same, so the server is described too.
 */
const schema = z
  .strictObject({
    ...serverShape,
    project: z
      .string()
      .min(6)
      .max(63)
      .regex(/^[a-z][-a-z0-9.:]*[a-z0-9]$/, 'must be the id of a project of Google Cloud')
      .describe('Id of the project of Google Cloud.'),
    instance: z
      .string()
      .min(1)
      .max(98)
      .regex(/^[a-z]([-a-z0-9]*[a-z0-9])?$/, 'must be the name of an instance, without its project')
      .describe('Name of the instance, without its project.'),
    endpoint: httpUrl.optional().describe('Root of the Admin API, for private endpoints; Google’s own without it.'),
    method: z
      .enum(['export', 'dump'])
      .default('export')
      .describe('Whether Google exports the databases into the storage (gs:// only) or a step dumps them.'),
    snapshot: z
      .strictObject({
        enabled: z
          .boolean()
          .default(true)
          .describe('Whether each backup also takes an on-demand backup of the instance.'),
        location: z
          .string()
          .max(63)
          .regex(
            /^[a-z]+(-[a-z]+[0-9]+)?$/,
            'must be a region or a multi-region of Google Cloud, as europe-west4 or eu',
          )
          .optional()
          .describe('Where Google keeps it, as europe-west4 or eu; in the multi-region of the instance without it.'),
        ttlDays: z.int().min(1).max(365).optional().describe('After so many days Google deletes it; never without.'),
      })
      .prefault({}),
    export: z
      .strictObject({
        offload: z
          .boolean()
          .default(false)
          .describe('Export from a temporary instance: no load on this one, five minutes and more for each database.'),
      })
      .prefault({}),
  })
  .describe('An instance of Cloud SQL for PostgreSQL.');

export type CloudSqlSpec = z.output<typeof schema>;

export const cloudSql = {
  name: 'cloudSql',
  title: 'Cloud SQL',
  schema,
  capabilities: {
    snapshot: true,
    export: true,
    dump: true,
    import: true,
    temporaryServer: false,
    newServer: 'snapshot',
  },
  identity: ['project', 'instance'],
  exchange: ['gs'],
  ownDatabases: ['cloudsqladmin'],
  secretKeys: { required: ['username', 'password'], optional: ['ca.crt', 'credentials.json'] },
} as const;
