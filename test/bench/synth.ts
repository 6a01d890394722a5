import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './built.ts';
import { median, type Row } from './table.ts';
import { measureUsage } from './usage.ts';

const run = promisify(execFile);
const limitSeconds = 1;

/** `node templates/main.ts`, from start to exit, all of dist/ written into an empty folder: beside one second. */
export const benchSynth = async (): Promise<Row[]> => {
  const folder = await mkdtemp(join(tmpdir(), 'lc2-bench-synth-'));
  try {
    const seconds: number[] = [];
    for (let round = 0; round < 5; round++) {
      const env = { ...process.env, CDK8S_OUTDIR: join(folder, String(round)) };
      const synth = () => run(process.execPath, [join(root, 'templates/main.ts')], { env });
      seconds.push((await measureUsage(synth)).seconds);
    }
    return [{ bench: 'synth / one second', ours: median(seconds), other: limitSeconds, unit: 's', goal: 1 }];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
