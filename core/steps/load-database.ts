import { z } from 'zod';
import { newServerAddress } from '../api/new-server.ts';
import { streaming, type StepContract } from './contract.ts';

const output = z.object({
  databases: z.array(z.object({ database: z.string(), as: z.string(), rows: z.int().min(0) })),
  /** In mode new-server: what holds them. */
  newServer: newServerAddress.optional(),
});
export type LoadDatabaseOutput = z.output<typeof output>;

const scratchGibibytes = 10;
/** How much of a dump may be unpacked on the scratch volume, to be loaded in several jobs; larger ones are streamed. */
export const scratchBytes = scratchGibibytes * 1024 ** 3;

/** Loads every dump beside the live database, or has a new server made, and compares the rows with the manifest. */
export const loadDatabase = {
  name: 'load-database',
  title: 'Load databases',
  image: 'tool',
  secrets: ['database', 'storage'],
  output,
  share: 40,
  state: 'RestoreInProgress',
  concerns: 'database',
  // A little more than what is unpacked: results and lists lie there too.
  resources: { ...streaming, scratch: `${scratchGibibytes + 1}Gi` },
} as const satisfies StepContract;
