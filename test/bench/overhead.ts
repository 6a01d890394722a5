import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { connectTo, createLab, databaseSecret, databaseSpec, environmentDocument, type Lab } from '../support/lab.ts';
import { runPsql } from '../oracle/psql.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { build, builtCli } from './built.ts';
import { median, type Row } from './table.ts';
import { measureUsage } from './usage.ts';

const run = promisify(execFile);
const limitSeconds = 4;
/** What cli/bin.mjs does in an installed package. */
const start = 'const {main} = await import(process.argv[1]); process.exitCode = await main(process.argv.slice(2))';

/**
 * `lc2-backup backup` and `lc2-backup restore` as of an installed package, with one empty database and one empty store:
 * every step of the flow runs and has nothing to do, so what is left is the runner, the start of each step, and what it
 * asks of server and storage.
 */
export const benchOverhead = async (): Promise<Row[]> => {
  await build();
  const [server, lab] = await Promise.all([startPostgres(), createLab()]);
  try {
    const file = await prepare(server, lab);
    const lc2 = async (...args: readonly string[]): Promise<number> => {
      const argv = ['--input-type=module', '--eval', start, builtCli, ...args, '-f', file, '--json'];
      const env = { PATH: process.env['PATH'] ?? '', ...lab.env() };
      const { seconds } = await measureUsage(() => run(process.execPath, argv, { env }), [server.pid]);
      // Ids have a resolution of one second.
      await sleep(1100);
      return seconds;
    };
    const [backups, restores]: [number[], number[]] = [[], []];
    for (let round = 0; round < 3; round++) {
      backups.push(await lc2('backup'));
      restores.push(await lc2('restore', '--backup', 'latest', '--confirm', 'empty'));
    }
    const limit = { other: limitSeconds, unit: 's', goal: 1 };
    return [
      { bench: 'backup of nothing / limit', ours: median(backups), ...limit },
      { bench: 'restore of nothing / limit', ours: median(restores), ...limit },
    ];
  } finally {
    await server.stop();
    await lab.remove();
  }
};

const prepare = async (server: PostgresServer, lab: Lab): Promise<string> => {
  await runPsql(connectTo(server), 'CREATE DATABASE nothing');
  await mkdir(lab.path('documents'));
  const spec = {
    database: databaseSpec(server, { databases: ['nothing'] }),
    objectStores: [{ name: 'documents', url: `file://${lab.path('documents')}` }],
    storage: { url: `file://${lab.storage}` },
  };
  return lab.write('env.yaml', [environmentDocument('empty', spec), databaseSecret(server)]);
};
