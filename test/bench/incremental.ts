import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Row } from './table.ts';

const run = promisify(execFile);
const cli = fileURLToPath(new URL('../../cli/bin.mjs', import.meta.url));
const objects = 10_000;

const fill = (folder: string): void => {
  for (let i = 0; i < objects; i++) {
    const parent = join(folder, `20097/${i % 200}`);
    if (i < 200) mkdirSync(parent, { recursive: true });
    writeFileSync(join(parent, `${i}.bin`), `object ${i} `.repeat(300));
  }
};

/** A second backup of an unchanged library beside the first, each a whole run of the command line. */
export const benchIncremental = async (): Promise<Row[]> => {
  const folder = await mkdtemp(join(tmpdir(), 'lc2-bench-incremental-'));
  try {
    fill(join(folder, 'documents'));
    mkdirSync(join(folder, 'backups'));
    const file = join(folder, 'environment.yaml');
    const stores = `[{name: documents, url: "file://${folder}/documents"}]`;
    writeFileSync(
      file,
      `apiVersion: backup.lc2.dev/v1alpha1\nkind: BackupEnvironment\nmetadata: {name: bench}\nspec:\n` +
        `  projectId: bench\n  objectStores: ${stores}\n  storage: {url: "file://${folder}/backups"}\n`,
    );
    const seconds: number[] = [];
    for (let round = 0; round < 2; round++) {
      const start = performance.now();
      await run(process.execPath, [cli, 'backup', '-f', file, '--json']);
      seconds.push((performance.now() - start) / 1000);
      // Ids have a resolution of one second.
      await sleep(1100);
    }
    const [first = Number.NaN, second = Number.NaN] = seconds;
    return [
      {
        bench: `incremental beside first backup, ${objects} objects`,
        ours: second,
        other: first,
        unit: 's',
        goal: 0.75,
      },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
