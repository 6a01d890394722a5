import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { nodeFlags, streaming } from '../../core/steps/contract.ts';
import { bundle } from './copy.ts';
import type { ListMeasure, ListTask } from './list-all.ts';
import { type MemoryS3, startMemoryS3 } from './memory-s3-server.ts';
import { type Pair, rounds, rowOf } from './pairs.ts';
import { median, type Row } from './table.ts';

const run = promisify(execFile);

const bytes = 16;
const listMs = 60;
/** Fills what a cut listing holds. */
const few = 250_000;
const objects = 1_000_000;
const many = 500_000;
/** Objects that came since the inventory was written, among the others. */
const late = 3000;

interface Listed extends ListMeasure {
  readonly pages: number;
}

/** Runs as a step does. */
const listAll = async (program: string, server: MemoryS3, parts?: ListTask['parts']): Promise<Listed> => {
  const task: ListTask = { at: server.at('library'), secrets: server.secrets, ...(parts && { parts }) };
  await server.counts();
  const { stdout } = await run(process.execPath, [...nodeFlags(streaming), program, JSON.stringify(task)]);
  const measured: ListMeasure = JSON.parse(stdout);
  return { ...measured, pages: (await server.counts())['LIST'] ?? 0 };
};

const shapes = [
  { name: 'in 97 folders', folders: 97 },
  { name: 'in one folder', folders: 1 },
] as const;

/**
 * A listing that is cut where an earlier inventory says, beside the same one page by page, where each page takes 60 ms; with
 * objects that came since; and its memory. Of a million: twelve readers have nothing to share in a tenth of it.
 */
export const benchCloudList = async (): Promise<Row[]> => {
  const folder = await mkdtemp(join(tmpdir(), 'lc2-bench-cloud-list-'));
  const server = await startMemoryS3({ listMs });
  try {
    const program = await bundle(folder, 'list-all');
    const rows: Row[] = [];
    for (const shape of shapes) rows.push(...(await compare(program, server, shape)));
    return [...rows, await memory(program, server)];
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
};

const compare = async (
  program: string,
  server: MemoryS3,
  { name, folders }: (typeof shapes)[number],
): Promise<Row[]> => {
  await server.fill('library', { from: 0, to: objects, bytes, folders });
  const times: Pair[] = [];
  const work: Pair[] = [];
  const pages: number[] = [];
  // Once, for it takes a minute, and nothing but the pauses of the server decides how long.
  const serial = await listAll(program, server);
  await server.fill('library', { from: objects, to: objects + late, bytes, folders });
  for (let round = 0; round < rounds; round++) {
    const split = await listAll(program, server, serial.parts);
    if (split.objects !== objects + late) throw new Error(`a listing found ${split.objects} objects`);
    times.push({ ours: split.wall, other: serial.wall });
    work.push({ ours: split.cpu, other: serial.cpu });
    pages.push(split.pages);
  }
  await server.drop('library');
  return [
    rowOf(times, { bench: `listing at 60 ms, ${objects} objects ${name}: cut, beside whole`, unit: 's', goal: 1 / 8 }),
    rowOf(work, { bench: `listing of objects ${name}: CPU, cut beside whole`, unit: 's' }),
    {
      bench: `listing of objects ${name}: pages, cut beside whole`,
      ours: median(pages),
      other: serial.pages + late / 1000,
      unit: '',
      goal: 1.1,
    },
  ];
};

const memory = async (program: string, server: MemoryS3): Promise<Row> => {
  const peak = async (count: number): Promise<number> => {
    await server.fill('library', { from: 0, to: count, bytes });
    const { parts } = await listAll(program, server);
    return (await listAll(program, server, parts)).mebibytes;
  };
  const least = await peak(few);
  const most = await peak(many);
  return {
    bench: `listing, cut: memory, ${many} objects beside ${few}`,
    ours: most,
    other: least,
    unit: 'MiB',
    goal: 1.1,
  };
};
