import { z } from 'zod';
import { databaseName, plainText } from '../api/common.ts';
import { engineNames } from '../engines/index.ts';

/** How a database server is reached and treated over its own protocol: what every service has, whoever runs the server. */
export const serverShape = {
  engine: z.enum(engineNames).describe('What runs there.'),
  host: z
    .string()
    .min(1)
    .max(253)
    .regex(/^[A-Za-z0-9.:_/][-A-Za-z0-9.:_/]*$/, 'must be a host name, an address or a socket folder')
    .describe('Host name, address, or folder of a Unix socket.'),
  port: z.int().min(1).max(65_535).default(5432),
  maintenanceDatabase: databaseName.default('postgres').describe('Where administrative sessions connect.'),
  databases: z.array(databaseName).max(100).default([]).describe('Databases to back up; empty means all.'),
  ignoreDatabases: z.array(databaseName).max(100).default([]).describe('Databases that are never backed up.'),
  tls: z
    .strictObject({
      mode: z
        .enum(['disable', 'require', 'verify-ca', 'verify-full'])
        .default('verify-full')
        .describe('As sslmode of libpq. require encrypts without checking who answers.'),
    })
    .prefault({}),
  role: plainText(63).optional().describe('Role that owns everything after a restore into this environment.'),
  statementTimeout: z
    .int()
    .min(0)
    .max(604_800)
    .default(0)
    .describe('Seconds; 0 is none. Of sessions that dump and load.'),
  lockTimeout: z.int().min(0).max(86_400).default(300).describe('Seconds to wait for a lock before the step fails.'),
} as const;

const serverSchema = z.strictObject(serverShape);
export type ServerSpec = z.output<typeof serverSchema>;
