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

const region = z
  .string()
  .min(4)
  .max(40)
  .regex(/^[a-z]{2}(-[a-z]+)+-[0-9]+$/, 'must be a region of AWS, as eu-central-1');

/** Another region that holds the snapshot of each sealed backup too. */
const snapshotCopy = withRules(
  z.strictObject({
    region: region.describe('Region of AWS that the snapshot is copied to.'),
    kmsKeyId: z
      .string()
      .min(1)
      .max(2048)
      .regex(/^[-A-Za-z0-9:/_]+$/, 'must be the id, the alias or the ARN of a KMS key')
      .optional()
      .describe('KMS key of that region (id, alias or ARN) for the copy; required where the server is encrypted.'),
    endpoint: httpUrl
      .optional()
      .describe(
        'The API of RDS in that region, for private endpoints and other partitions; that of the region without it.',
      ),
    deadline: duration.default('12h').describe('Most that an attempt waits for it; AWS goes on with it all the same.'),
  }),
  [
    {
      rule: "!has(self.kmsKeyId) || !self.kmsKeyId.startsWith('arn:') || self.kmsKeyId.contains(':kms:' + self.region + ':')",
      message: 'kmsKeyId must be of the region that is copied to',
      check: ({ kmsKeyId, region: to }) =>
        kmsKeyId === undefined || !kmsKeyId.startsWith('arn:') || kmsKeyId.includes(`:kms:${to}:`),
    },
  ],
);

/**
 * Amazon RDS for PostgreSQL and Aurora PostgreSQL. AWS snapshots, and restores a snapshot to a new server, from which a step
 * dumps; points, row counts and the swap need SQL, so the server is described too.
 */
const schema = withRules(
  z
    .strictObject({
      ...serverShape,
      region: region.describe('Region of AWS, as eu-central-1.'),
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
      snapshotCopies: z
        .array(snapshotCopy)
        .max(5)
        .default([])
        .describe('Other regions that AWS copies the snapshot of each sealed backup to.')
        .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['region'] }),
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
    {
      rule: 'self.snapshotCopies.size() == 0 || self.snapshot.enabled',
      message: 'without a snapshot there is nothing to copy: set snapshot.enabled to true, or leave snapshotCopies out',
      check: ({ snapshotCopies, snapshot }) => snapshotCopies.length === 0 || snapshot.enabled,
    },
    {
      rule: 'self.snapshotCopies.all(a, a.region != self.region && self.snapshotCopies.exists_one(b, b.region == a.region))',
      message: 'snapshotCopies must have different regions, none of them that of the server',
      check: ({ snapshotCopies, region: own }) =>
        new Set([own, ...snapshotCopies.map((copy) => copy.region)]).size === snapshotCopies.length + 1,
    },
  ],
);

export type RdsSpec = z.output<typeof schema>;

export const rds = {
  name: 'rds',
  title: 'Amazon RDS',
  schema,
  capabilities: {
    snapshot: true,
    export: false,
    dump: true,
    import: false,
    temporaryServer: 'snapshot',
    newServer: 'snapshot',
  },
  identity: ['region', 'instance', 'cluster'],
  exchange: [],
  ownDatabases: ['rdsadmin'],
  secretKeys: {
    required: ['username', 'password'],
    optional: ['ca.crt', 'accessKeyId', 'secretAccessKey', 'sessionToken'],
  },
} as const;
