import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Counts, Latency } from './memory-s3.ts';
import { type MemoryS3, startMemoryS3 } from './memory-s3-server.ts';
import { measureProcess, type Usage } from './measured-process.ts';
import type { MoveTask } from './move.ts';
import { rounds, rowOf } from './pairs.ts';
import { median, type Row } from './table.ts';

/** A library: what a process costs before it is warm, about a second, must not be what is measured. */
const objects = Number(process.env['LC2_BENCH_OBJECTS'] ?? 50_000);
const bytes = 4096;
export const workers = 64;

type Way = 'copy' | 'stream';

export interface Turn {
  readonly way: Way;
  readonly usage: Usage;
  readonly counts: Counts;
}

export const taskOf = (server: MemoryS3, way: Way): MoveTask => ({
  mover: way,
  from: server.at('source'),
  to: server.at('target'),
  subfolder: 'ours',
  secrets: server.secrets,
});

export const ours = async (program: string, server: MemoryS3, way: Way): Promise<Turn> => {
  const usage = await measureProcess([process.execPath, program, JSON.stringify(taskOf(server, way))]);
  return { way, usage, counts: await server.counts() };
};

/** Two remotes, for rclone copies within one by the server and between two by itself. */
const rcloneEnvironment = (server: MemoryS3): Record<string, string> => {
  const settings = {
    TYPE: 's3',
    PROVIDER: 'Minio',
    REGION: 'us-east-1',
    ENDPOINT: server.endpoint,
    FORCE_PATH_STYLE: 'true',
    NO_CHECK_BUCKET: 'true',
    ACCESS_KEY_ID: 'bench',
    SECRET_ACCESS_KEY: 'bench-secret',
  };
  const remotes = ['A', 'B'].flatMap((remote) =>
    Object.entries(settings).map(([name, value]) => [`RCLONE_CONFIG_${remote}_${name}`, value] as const),
  );
  return { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', ...Object.fromEntries(remotes) };
};

const tuned = ['--transfers', String(workers), '--checkers', String(workers), '--fast-list', '--s3-no-head'];

export const rclone = async (server: MemoryS3, way: Way): Promise<Turn> => {
  const places = ['A:source', way === 'copy' ? 'A:target/rclone' : 'B:target/rclone'];
  const argv = ['rclone', 'copy', ...places, ...tuned, '--config', '', '--log-level', 'ERROR'];
  const usage = await measureProcess(argv, { env: rcloneEnvironment(server) });
  return { way, usage, counts: await server.counts() };
};

const milliseconds = ({ usage }: Turn): number => (usage.cpu / objects) * 1000;

const requestsOf = ({ counts }: Turn): number => ((counts['requests'] ?? 0) - (counts['LIST'] ?? 0)) / objects;

/** Seconds that so many copies and their listing take by themselves at this latency. */
export const ideal = (count: number, { listMs, operationMs }: Required<Latency>): number =>
  ((count / workers) * operationMs + (count / 1000) * listMs) / 1000;

/**
 * Processor time per object of `copy` and `stream` beside rclone's, each a whole process from its start on, from bucket to
 * bucket of one stand-in server in a process of its own; and what they ask of that server. Then one round with latency.
 */
export const benchCopy = async (): Promise<Row[]> => {
  const folder = await mkdtemp(join(tmpdir(), 'lc2-bench-copy-'));
  try {
    const program = await bundle(folder);
    return [...(await compare(program)), await slow(program)];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** A program of this folder, made like the images' own. */
export const bundle = async (folder: string, name = 'move'): Promise<string> => {
  await build({
    entryPoints: [fileURLToPath(new URL(`${name}.ts`, import.meta.url))],
    outdir: folder,
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node22',
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    mainFields: ['module', 'main'],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    logLevel: 'warning',
  });
  return join(folder, `${name}.mjs`);
};

const compare = async (program: string): Promise<Row[]> => {
  const server = await startMemoryS3();
  const turns: { readonly ours: Turn; readonly other: Turn }[] = [];
  try {
    await server.fill('source', { from: 0, to: objects, bytes });
    await server.counts();
    for (let round = 0; round < rounds; round++) {
      for (const way of ['copy', 'stream'] as const) {
        turns.push({ ours: await ours(program, server, way), other: await rclone(server, way) });
        await server.drop('target');
        await server.counts();
      }
    }
  } finally {
    await server.stop();
  }
  return (['copy', 'stream'] as const).flatMap((way): Row[] => {
    const own = turns.filter((turn) => turn.ours.way === way);
    const cpu = own.map((turn) => ({ ours: milliseconds(turn.ours), other: milliseconds(turn.other) }));
    const memory = own.map((turn) => ({ ours: turn.ours.usage.treeMiB, other: turn.other.usage.treeMiB }));
    const least = way === 'copy' ? 1 : 2;
    return [
      rowOf(cpu, { bench: `${way}: CPU beside rclone, ${objects} objects`, unit: 'ms/object', goal: 0.5 }),
      rowOf(memory, { bench: `${way}: memory beside rclone`, unit: 'MiB' }),
      {
        bench: `${way}: requests beside the least`,
        ours: median(own.map((turn) => requestsOf(turn.ours))),
        other: least,
        unit: '/object',
        goal: 1.05,
      },
    ];
  });
};

const slowObjects = 10_000;

const slow = async (program: string): Promise<Row> => {
  const latency = { listMs: 60, operationMs: 25 };
  const server = await startMemoryS3(latency);
  try {
    await server.fill('source', { from: 0, to: slowObjects, bytes });
    const { wall } = (await ours(program, server, 'copy')).usage;
    const other = ideal(slowObjects, latency);
    return { bench: 'copy: wall at 60/25 ms beside the ideal', ours: wall, other, unit: 's', goal: 1.35 };
  } finally {
    await server.stop();
  }
};
