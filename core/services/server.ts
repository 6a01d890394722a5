import { z } from 'zod';
import { databaseName, plainText } from '../api/common.ts';
import { engineNames } from '../engines/index.ts';

/** A database server that we reach by its own protocol and dump with its own tools. */
const schema = z
  .strictObject({
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
  })
  .describe('A database server reached by host and port.');

export const server = {
  name: 'server',
  title: 'a database server',
  schema,
  capabilities: { snapshot: false, export: false, dump: true, import: false },
  secretKeys: { required: ['username', 'password'], optional: ['ca.crt'] },
} as const;
