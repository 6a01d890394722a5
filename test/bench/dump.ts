import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { layout } from '../../core/plan/layout.ts';
import { stampOf } from '../../core/plan/backup-id.ts';
import { mebibytesWanted, newRun, startBenchDatabase } from './database.ts';
import { compareSides, measureRounds } from './rounds.ts';
import { runScript } from './script.ts';
import { runStep, type StepHost, type StepRun } from './steps.ts';
import type { Row } from './table.ts';
import { measureUsage } from './usage.ts';

const mebibytes = (bytes: number): number => bytes / 1024 / 1024;

/** Folder of what a run has stored. */
const folderOf = ({ environment }: StepHost, run: StepRun): string =>
  join(fileURLToPath(environment.spec.storage.url), 'bench', environment.name, stampOf(run.timestamp));

const sizeOf = async (folder: string): Promise<number> => {
  const names = await readdir(folder);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
};

/**
 * The step `dump` (point, `pg_dump | zstd`, digest, upload into a folder), as a whole process, beside `pg_dump -Fc | gzip`
 * into a file, which is what scripts do, and beside `pg_dump -Fc -Z0` into nothing, which is what the server takes to give
 * the rows out. The step `verify` (digest, every byte through `pg_restore`, rows of each table counted) of that dump
 * beside making it.
 */
export const benchDump = async (): Promise<Row[]> => {
  const bench = await startBenchDatabase();
  try {
    await bench.fill('app', mebibytesWanted());
    const { host, server, toolEnv } = bench;
    const measure = (work: () => Promise<void>) => measureUsage(work, [server.pid]);
    const plain = join(host.folder, 'plain.gz');
    const env = { ...toolEnv('app'), OUT: plain };
    let run = newRun('lc2-backup');
    await runStep(host, run, 'dump');
    const rounds = await measureRounds({
      sides: {
        dump: async () => {
          await rm(folderOf(host, run), { recursive: true });
          run = newRun('lc2-backup');
          return measure(() => runStep(host, run, 'dump'));
        },
        verify: async () => {
          await rm(join(folderOf(host, run), '..', layout.step(stampOf(run.timestamp), 'verify')), { force: true });
          return measure(() => runStep(host, run, 'verify'));
        },
        gzip: () => measure(() => runScript('"$BIN"/pg_dump --format=custom | gzip > "$OUT"', env)),
        floor: () => measure(() => runScript('"$BIN"/pg_dump --format=custom --compress=0 > /dev/null', env)),
      },
    });
    const stored = await sizeOf(join(folderOf(host, run), 'database'));
    const besideGzip = { ours: 'dump', other: 'gzip' } as const;
    return [
      { bench: 'dump / pg_dump -Fc | gzip', ...compareSides(rounds, besideGzip), unit: 's', goal: 0.4 },
      {
        bench: 'processor time of that',
        ...compareSides(rounds, besideGzip, ({ cpu }) => cpu),
        unit: 's',
      },
      { bench: 'size of that', ours: mebibytes(stored), other: mebibytes((await stat(plain)).size), unit: 'MiB' },
      {
        bench: 'dump / pg_dump -Fc -Z0 > /dev/null',
        ...compareSides(rounds, { ours: 'dump', other: 'floor' }),
        unit: 's',
        goal: 1.35,
      },
      {
        bench: 'verify with row counts / dump',
        ...compareSides(rounds, { ours: 'verify', other: 'dump' }),
        unit: 's',
        goal: 0.5,
      },
    ];
  } finally {
    await bench.stop();
  }
};
