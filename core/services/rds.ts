import { z } from 'zod';
import { duration, httpUrl, withRules } from '../api/common.ts';
import { serverShape } from './server-shape.ts';

const identifier = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[A-Za-z]([-A-Za-z0-9]*[A-Za-z0-9])?$/, 'must be an identifier of RDS: letters, digits and -');

const groupName = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[-A-Za-z0-9._ ]+$/, 'must be letters, digits, -, ., _ and spaces');

/**
 * Amazon RDS for PostgreSQL and Aurora PostgreSQL. AWS snapshots, and restores a snapshot to a new server, from which a step
 * dumps; points, row counts and the swap need SQL, so the server is described too.
 */
const schema = withRules(
  z
    .strictObject({
      ...serverShape,
      region: z
        .string()
        .min(4)
        .max(40)
        .regex(/^[a-z]{2}(-[a-z]+)+-[0-9]+$/, 'must be a region of AWS, as eu-central-1')
        .describe('Region of AWS, as eu-central-1.'),
      instance: identifier.optional().describe('Identifier of the instance; not of one that belongs to a cluster.'),
      cluster: identifier.optional().describe('Identifier of the Aurora cluster, in place of instance.'),
      endpoint: httpUrl
        .optional()
        .describe('The API of RDS, for private endpoints and other partitions; that of the region without it.'),
      dumpFrom: z
        .enum(['snapshot', 'live'])
        .default('snapshot')
        .describe('snapshot: from a temporary server, restored from the snapshot of the run. live: from this server.'),
      snapshot: z
        .strictObject({
          enabled: z.boolean().default(true).describe('Whether each backup also takes a snapshot.'),
        })
        .prefault({}),
      temporary: z
        .strictObject({
          class: z
            .string()
            .max(60)
            .regex(/^db\.[a-z0-9.-]+$/, 'must be a class of RDS, as db.m6g.large')
            .optional()
            .describe('Class of the temporary server; that of this one without it.'),
          subnetGroup: groupName.optional().describe('Subnet group; that of this server without it.'),
          securityGroups: z
            .array(
              z
                .string()
                .max(40)
                .regex(/^sg-[0-9a-f]+$/, 'must be the id of a VPC security group'),
            )
            .max(10)
            .default([])
            .describe('Ids of VPC security groups; those of this server without any.'),
          parameterGroup: groupName
            .optional()
            .describe('Parameter group, of a cluster its own; the default one of the engine without it.'),
          deadline: duration
            .default('6h')
            .describe('Most that it may live, from when it is asked for to the end of the dump.'),
        })
        .prefault({})
        .describe('The server that is restored from the snapshot, dumped, and deleted.'),
    })
    .describe('An instance of Amazon RDS for PostgreSQL, or a cluster of Aurora PostgreSQL.'),
  [
    {
      rule: 'has(self.instance) != has(self.cluster)',
      message: 'exactly one of instance and cluster must be given',
      check: ({ instance, cluster }) => (instance === undefined) !== (cluster === undefined),
    },
    {
      rule: "self.dumpFrom == 'live' || self.snapshot.enabled",
      message: 'without a snapshot nothing can be dumped from it: set dumpFrom to live, or snapshot.enabled to true',
      check: ({ dumpFrom, snapshot }) => dumpFrom === 'live' || snapshot.enabled,
    },
  ],
);

export type RdsSpec = z.output<typeof schema>;

export const rds = {
  name: 'rds',
  title: 'Amazon RDS',
  schema,
  capabilities: { snapshot: true, export: false, dump: true, import: false, temporaryServer: 'snapshot' },
  exchange: [],
  ownDatabases: ['rdsadmin'],
  secretKeys: {
    required: ['username', 'password'],
    optional: ['ca.crt', 'accessKeyId', 'secretAccessKey', 'sessionToken'],
  },
} as const;
