import { join } from 'node:path';
import { mebibytesWanted, newRun, startBenchDatabase } from './database.ts';
import { compareSides, measureRounds } from './rounds.ts';
import { runScript } from './script.ts';
import { runStep } from './steps.ts';
import type { Row } from './table.ts';
import { measureUsage } from './usage.ts';

/**
 * The step `load-database` as a whole process (digest, restore beside the live database, rows of each table counted and
 * compared, ANALYZE), beside `gunzip | pg_restore` of the same rows into an empty database, which does none of these.
 */
export const benchLoad = async (): Promise<Row[]> => {
  const bench = await startBenchDatabase();
  try {
    await bench.fill('app', mebibytesWanted());
    const { host, server, toolEnv } = bench;
    const measure = (work: () => Promise<void>) => measureUsage(work, [server.pid]);
    const backup = newRun('lc2-backup');
    for (const step of ['dump', 'verify', 'manifest'] as const) await runStep(host, backup, step);
    const env = { ...toolEnv('app'), FILE: join(host.folder, 'plain.gz') };
    await runScript('"$BIN"/pg_dump --format=custom | gzip > "$FILE"', env);
    const rounds = await measureRounds({
      sides: {
        load: async () => {
          await bench.dropLoaded();
          const run = newRun('lc2-restore', { confirm: host.environment.name });
          await runStep(host, run, 'preview');
          return measure(() => runStep(host, run, 'load-database'));
        },
        gunzip: async () => {
          await bench.dropLoaded();
          const into = 'app_restore_plain';
          return measure(async () => {
            await bench.sql('postgres', `CREATE DATABASE ${into} TEMPLATE template0`);
            await runScript('gunzip < "$FILE" | "$BIN"/pg_restore --exit-on-error --dbname="$INTO"', {
              ...env,
              INTO: into,
            });
          });
        },
      },
    });
    const sides = { ours: 'load', other: 'gunzip' } as const;
    return [
      { bench: 'load / gunzip | pg_restore', ...compareSides(rounds, sides), unit: 's', goal: 0.8 },
      { bench: 'processor time of that', ...compareSides(rounds, sides, ({ cpu }) => cpu), unit: 's' },
    ];
  } finally {
    await bench.stop();
  }
};
