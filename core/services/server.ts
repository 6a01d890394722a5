import { z } from 'zod';
import { serverShape } from './server-shape.ts';

/** A database server that we reach by its own protocol and dump with its own tools. */
export const server = {
  name: 'server',
  title: 'a database server',
  schema: z.strictObject(serverShape).describe('A database server reached by host and port.'),
  capabilities: { snapshot: false, export: false, dump: true, import: false, temporaryServer: false, newServer: false },
  identity: ['host', 'port'],
  exchange: [],
  ownDatabases: [],
  secretKeys: { required: ['username', 'password'], optional: ['ca.crt'] },
} as const;
