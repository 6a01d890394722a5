import { z } from 'zod';
import { type NewServerAddress, newServerAddress } from '../api/new-server.ts';
import { streaming, type StepContract } from './contract.ts';

const count = z.int().min(0);
const output = z.object({
  restoreId: z.string(),
  backupId: z.string(),
  databases: count,
  tables: count,
  rows: count,
  objects: count,
  bytes: count,
  previous: z.array(z.string()),
  newServer: newServerAddress.optional(),
});
export type VerifyRestoreOutput = z.output<typeof output>;

/** What a person reads who asked for a new server. */
export const switchOverLine = ({ name, host, port }: NewServerAddress): string =>
  `the new server ${name} is at ${host}:${port}; the live one is as it was, and to switch over (DNS, Secret, environment) is yours`;

/** Compares what is live now, or on the new server, with the manifest and inventories, and records that the restore has happened. */
export const verifyRestore = {
  name: 'verify-restore',
  title: 'Verify restore',
  image: 'tool',
  secrets: ['database', 'objects', 'storage'],
  output,
  share: 10,
  state: 'Verifying',
  concerns: 'all',
  resources: streaming,
  result: 'restore',
} as const satisfies StepContract;
