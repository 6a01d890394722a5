import { z } from 'zod';
import { duration, httpsUrl, withRules } from '../api/common.ts';
import { serverShape } from './server-shape.ts';

const resourceGroup = z
  .string()
  .min(1)
  .max(90)
  .regex(/^[-A-Za-z0-9_.()]*[-A-Za-z0-9_()]$/, 'must be the name of a resource group');

const resourceId = (type: string) =>
  z
    .string()
    .max(600)
    .regex(/^\/subscriptions\/[^{}\x00-\x20\x7f?#%]+$/, `must be the resource id of a ${type}`);

/**
 * Azure Database for PostgreSQL flexible server. Azure takes on-demand backups, and restores to a new server by a time only,
 * from which a step dumps; points, row counts and the swap need SQL, so the server is described too.
 */
const schema = withRules(
  z
    .strictObject({
      ...serverShape,
      subscription: z
        .string()
        .max(36)
        .regex(/^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/, 'must be the id of a subscription')
        .describe('Id of the subscription.'),
      resourceGroup: resourceGroup.describe('Resource group of the server.'),
      server: z
        .string()
        .min(3)
        .max(63)
        .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be the name of a flexible server')
        .describe('Name of the flexible server.'),
      endpoint: httpsUrl
        .optional()
        .describe('Azure Resource Manager, for sovereign clouds and private endpoints; the public one without it.'),
      authority: httpsUrl
        .optional()
        .describe(
          'Microsoft Entra, for sovereign clouds; what the workload identity says, or the public one, without it.',
        ),
      dumpFrom: z
        .enum(['live', 'point'])
        .default('live')
        .describe('live: from this server. point: from a temporary server, restored to one point in time.'),
      snapshot: z
        .strictObject({
          enabled: z
            .boolean()
            .default(false)
            .describe('Whether each backup also takes an on-demand backup of the server, of which Azure keeps seven.'),
        })
        .prefault({}),
      temporary: z
        .strictObject({
          resourceGroup: resourceGroup.optional().describe('Where it is made; in the group of this server without it.'),
          subnet: resourceId('subnet')
            .optional()
            .describe('Resource id of its delegated subnet; that of this server without it.'),
          privateDnsZone: resourceId('private DNS zone')
            .optional()
            .describe('Resource id of its private DNS zone; that of this server without it.'),
          logDelay: duration
            .default('5m')
            .describe('How long after the point it is asked for: Azure stores the log that late.'),
          deadline: duration
            .default('6h')
            .describe('Most that it may live, from when it is asked for to the end of the dump.'),
        })
        .prefault({})
        .describe('The server that is restored to the point, dumped, and deleted.'),
    })
    .describe('An Azure Database for PostgreSQL flexible server.'),
  [
    {
      rule: 'has(self.temporary.subnet) == has(self.temporary.privateDnsZone)',
      message: 'temporary.subnet and temporary.privateDnsZone go together',
      check: ({ temporary: { subnet, privateDnsZone } }) => (subnet === undefined) === (privateDnsZone === undefined),
    },
  ],
);

export type AzureFlexibleServerSpec = z.output<typeof schema>;

export const azureFlexibleServer = {
  name: 'azureFlexibleServer',
  title: 'Azure flexible server',
  schema,
  capabilities: {
    snapshot: true,
    export: false,
    dump: true,
    import: false,
    temporaryServer: 'time',
    newServer: 'time',
  },
  identity: ['subscription', 'resourceGroup', 'server'],
  exchange: [],
  ownDatabases: ['azure_maintenance', 'azure_sys'],
  secretKeys: {
    required: ['username', 'password'],
    optional: ['ca.crt', 'tenantId', 'clientId', 'clientSecret'],
  },
} as const;
