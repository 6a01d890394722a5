import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeFlags, streaming } from '../../core/steps/contract.ts';
import { bundle, ideal, ours, rclone, taskOf, type Turn } from './copy.ts';
import { type MemoryS3, startMemoryS3 } from './memory-s3-server.ts';
import { measureProcess } from './measured-process.ts';
import { rounds, rowOf } from './pairs.ts';
import { median, printRows, type Row } from './table.ts';

const objects = Number(process.env['LC2_BENCH_OBJECTS'] ?? 20_000);
const bytes = 4096;
const latency = { listMs: 60, operationMs: 25 };
const few = 100_000;
const many = Number(process.env['LC2_BENCH_MANY'] ?? 500_000);

/**
 * Copies by a server that answers as a cloud does, a listing after 60 ms and all else after 25 ms: wall and processor time
 * beside rclone's on the same server, what a kill halfway costs, and the memory of a long copy.
 */
export const benchCloudCopy = async (): Promise<Row[]> => {
  const folder = await mkdtemp(join(tmpdir(), 'lc2-bench-cloud-copy-'));
  try {
    const program = await bundle(folder);
    const server = await startMemoryS3(latency);
    try {
      await server.fill('source', { from: 0, to: objects, bytes });
      const rows = said([...(await compare(program, server)), ...(await resume(program, server))]);
      return [...rows, await memory(program)];
    } finally {
      await server.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** What follows takes minutes. */
const said = (rows: Row[]): Row[] => {
  process.stderr.write(printRows(rows));
  return rows;
};

const compare = async (program: string, server: MemoryS3): Promise<Row[]> => {
  const turns: { readonly ours: Turn; readonly other: Turn }[] = [];
  await server.counts();
  for (let round = 0; round < rounds; round++) {
    turns.push({ ours: await ours(program, server, 'copy'), other: await rclone(server, 'copy') });
    await server.drop('target');
    await server.counts();
  }
  const of = (side: 'ours' | 'other', what: (turn: Turn) => number): number =>
    median(turns.map((turn) => what(turn[side])));
  const wall = ({ usage }: Turn): number => usage.wall;
  const cpu = ({ usage }: Turn): number => (usage.cpu / objects) * 1000;
  const requests = ({ counts }: Turn): number => (counts['requests'] ?? 0) / objects;
  const least = ideal(objects, latency);
  const name = `at 60/25 ms, ${objects} objects`;
  return [
    { bench: `copy ${name}: wall beside the ideal`, ours: of('ours', wall), other: least, unit: 's', goal: 1.35 },
    { bench: `rclone ${name}: wall beside the ideal`, ours: of('other', wall), other: least, unit: 's' },
    rowOf(
      turns.map((turn) => ({ ours: cpu(turn.ours), other: cpu(turn.other) })),
      { bench: `copy ${name}: CPU beside rclone`, unit: 'ms/object', goal: 0.5 },
    ),
    {
      bench: `copy ${name}: requests, listings too`,
      ours: of('ours', requests),
      other: 1,
      unit: '/object',
      goal: 1.05,
    },
    { bench: `rclone ${name}: requests, listings too`, ours: of('other', requests), other: 1, unit: '/object' },
  ];
};

/** Killed when half of the objects are copied, and begun again. */
const resume = async (program: string, server: MemoryS3): Promise<Row[]> => {
  const counted: Record<string, number> = {};
  const look = async (): Promise<void> => {
    for (const [name, count] of Object.entries(await server.counts())) counted[name] = (counted[name] ?? 0) + count;
  };
  await server.drop('target');
  await server.counts();
  const child = spawn(process.execPath, [program, JSON.stringify(taskOf(server, 'copy'))], { stdio: 'ignore' });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  while ((counted['copied'] ?? 0) < objects / 2) {
    if (child.exitCode !== null) throw new Error('the copy ended before it could be killed');
    await sleep(5);
    await look();
  }
  child.kill('SIGKILL');
  await gone;
  // What the server was asked for, it does.
  await sleep(10 * latency.operationMs);
  await look();
  const stood = counted['copied'] ?? 0;
  const again = await ours(program, server, 'copy');
  const rework = stood + (again.counts['copied'] ?? 0) - objects;
  const asked = (again.counts['requests'] ?? 0) - (again.counts['LIST'] ?? 0) - (again.counts['copied'] ?? 0);
  await server.drop('target');
  return [
    { bench: 'copy killed halfway: objects copied again', ours: rework, other: objects, unit: 'objects', goal: 0.02 },
    { bench: 'copy begun again: requests for an object that stands', ours: asked / stood, other: 1, unit: '/object' },
  ];
};

/** As a step runs. */
const memory = async (program: string): Promise<Row> => {
  const server = await startMemoryS3();
  try {
    const peak = async (): Promise<number> => {
      const argv = [process.execPath, ...nodeFlags(streaming), program, JSON.stringify(taskOf(server, 'copy'))];
      const { treeMiB } = await measureProcess(argv);
      await server.drop('target');
      return treeMiB;
    };
    await server.fill('source', { from: 0, to: few, bytes });
    const least = await peak();
    await server.fill('source', { from: few, to: many, bytes });
    const most = await peak();
    return { bench: `copy: memory, ${many} objects beside ${few}`, ours: most, other: least, unit: 'MiB', goal: 1.1 };
  } finally {
    await server.stop();
  }
};
