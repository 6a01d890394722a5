import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Counts } from './memory-s3.ts';
import { type MemoryS3, startMemoryS3 } from './memory-s3-server.ts';
import { measureProcess, type Usage } from './measured-process.ts';
import { type Pair, rounds, rowOf } from './pairs.ts';
import type { Row } from './table.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

const objects = Number(process.env['LC2_BENCH_LIBRARY'] ?? 100_000);
const manyTimes = 4;
const bytes = 1024;

interface Library {
  readonly folder: string;
  readonly server: MemoryS3;
}

/** The documents of one application as an admin would write them down: what was generated is left out. */
const environmentOf = ({ server }: Library, name: string): string => {
  const store = (bucket: string): string =>
    `url: s3://${bucket}, endpoint: "${server.endpoint}", pathStyle: true, credentials: {secretName: s3}`;
  return `apiVersion: backup.lc2.dev/v1alpha1
kind: BackupEnvironment
metadata: {name: ${name}}
spec:
  projectId: bench
  objectStores: [{name: documents, ${store('library')}, exclude: ["generated/**"]}]
  storage: {${store('backups')}}
---
apiVersion: v1
kind: Secret
metadata: {name: s3}
stringData: {accessKeyId: bench, secretAccessKey: bench-secret}
`;
};

interface Backup {
  readonly usage: Usage;
  readonly counts: Counts;
}

/** A whole backup by the built command line, each step a process as in a cluster. */
const backUp = async (library: Library, name: string): Promise<Backup> => {
  const file = join(library.folder, `${name}.yaml`);
  await writeFile(file, environmentOf(library, name));
  const built = JSON.stringify(join(root, 'build/cli/main.mjs'));
  const program = `const { main } = await import(${built}); process.exitCode = await main(process.argv.slice(1));`;
  const argv = [process.execPath, '--input-type=module', '-e', program, '--', 'backup', '-f', file, '--json'];
  await library.server.counts();
  const usage = await measureProcess(argv);
  // Ids have a resolution of one second.
  await sleep(1100);
  return { usage, counts: await library.server.counts() };
};

/**
 * Whole backups of a library in a bucket: the second of an unchanged one beside the first, the memory of a step when there
 * are four times as many objects, and what objects cost that the rules leave out.
 */
export const benchLibrary = async (): Promise<Row[]> => {
  await run(process.execPath, [join(root, 'scripts/build.ts')]);
  const library = { folder: await mkdtemp(join(tmpdir(), 'lc2-bench-library-')), server: await startMemoryS3() };
  const { server } = library;
  try {
    await server.fill('library', { from: 0, to: objects, bytes });
    const times: Pair[] = [];
    const firsts: Backup[] = [];
    for (let round = 0; round < rounds; round++) {
      const first = await backUp(library, `library-${round}`);
      const second = await backUp(library, `library-${round}`);
      firsts.push(first);
      times.push({ ours: second.usage.wall, other: first.usage.wall });
      await server.drop('backups');
    }
    await server.fill('library', { from: 0, to: objects, bytes, prefix: 'generated/' });
    const excluding = await backUp(library, 'excluding');
    await server.drop('backups');
    await server.drop('library');
    await server.fill('library', { from: 0, to: objects * manyTimes, bytes });
    const large = await backUp(library, 'large');
    const least = firsts.map(({ usage }) => ({ ours: large.usage.largestMiB, other: usage.largestMiB }));
    const asked = ({ counts }: Backup): number => ((counts['requests'] ?? 0) - (counts['LIST'] ?? 0)) / objects;
    const [first] = firsts;
    return [
      rowOf(times, { bench: `backup of ${objects} unchanged objects beside the first`, unit: 's', goal: 0.15 }),
      rowOf(least, {
        bench: `memory of a step, ${objects * manyTimes} objects beside ${objects}`,
        unit: 'MiB',
        goal: 1.1,
      }),
      { bench: 'memory of a step, beside 220 MiB', ours: large.usage.largestMiB, other: 220, unit: 'MiB', goal: 1 },
      {
        bench: 'requests per object copied, all but listings, beside one',
        ours: first === undefined ? Number.NaN : asked(first),
        other: 1,
        unit: '',
        goal: 1.05,
      },
      {
        bench: 'the same with as many objects left out by a rule',
        ours: asked(excluding),
        other: first === undefined ? Number.NaN : asked(first),
        unit: '',
        goal: 1.01,
      },
    ];
  } finally {
    await server.stop();
    await rm(library.folder, { recursive: true, force: true });
  }
};
