import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { MoverName } from '../../core/api/backup-environment.ts';
import type { Location } from '../../core/api/location.ts';
import { chooseMover } from '../../core/plan/mover-choice.ts';
import { openStore } from '../../steps/stores/index.ts';
import { type S3Server, startVersitygw } from '../support/s3-servers.ts';
import { cpuSeconds } from './cpu.ts';
import type { MoveMeasure, MoveTask } from './move.ts';
import { median, printTable, type Row } from './table.ts';

const run = promisify(execFile);
const program = fileURLToPath(new URL('move.ts', import.meta.url));

const smallObjects = 2000;
const smallBytes = 4 * 1024;
const largeObjects = 3;
const largeBytes = 32 * 1024 * 1024;
/** More of them for numbers to be quoted. */
const rounds = Number(process.env['LC2_BENCH_ROUNDS'] ?? 2);

interface Pair {
  readonly name: string;
  readonly from: Location;
  readonly to: Location;
  readonly movers: readonly MoverName[];
}

interface Measured extends MoveMeasure {
  readonly pair: Pair;
  readonly mover: MoverName;
  /** Seconds of CPU that the server used meanwhile. */
  readonly server: number;
}

async function* body(size: number): AsyncGenerator<Uint8Array, void, undefined> {
  const chunk = Buffer.alloc(1024 * 1024);
  for (let i = 0; i < chunk.byteLength; i++) chunk.writeUInt8((i * 31 + (i >> 8)) % 256, i);
  for (let left = size; left > 0; left -= chunk.byteLength) yield await Promise.resolve(chunk.subarray(0, left));
}

const fill = async (location: Location, secrets: S3Server['secrets']): Promise<void> => {
  const store = await openStore({ location, secrets: { ...secrets }, signal: new AbortController().signal });
  const small = Buffer.alloc(smallBytes, 'lc2');
  for (let i = 0; i < smallObjects; i += 50) {
    const batch = Array.from({ length: 50 }, (_, j) => i + j);
    await Promise.all(
      batch.map((n) => store.put(`20097/${n % 40}/${n}/1.0`, Buffer.concat([small, Buffer.from(String(n))]))),
    );
  }
  for (let i = 0; i < largeObjects; i++) await store.put(`large/${i}`, body(largeBytes), { size: largeBytes });
  await store.close();
};

/** CPU and wall time of each mover on each pair of ends, in turns. The default must be near the best of its pair. */
export const benchMovers = async (): Promise<{ readonly rows: Row[]; readonly text: string }> => {
  const folder = await mkdtemp(join(tmpdir(), 'lc2-bench-'));
  const server = await startVersitygw();
  try {
    const [source, target] = [await server.bucket('source'), await server.bucket('target')];
    const local = (name: string): Location => ({
      url: `file://${folder}/${name}`,
      region: 'us-east-1',
      pathStyle: false,
    });
    await Promise.all([fill(local('source'), server.secrets), fill(source, server.secrets)]);
    const pairs: Pair[] = [
      { name: 'file to file', from: local('source'), to: local('target'), movers: ['stream'] },
      { name: 'file to S3', from: local('source'), to: target, movers: ['stream', 'rclone'] },
      { name: 'S3 to file', from: source, to: local('target'), movers: ['stream', 'rclone'] },
      { name: 'S3 to S3, one endpoint', from: source, to: target, movers: ['stream', 'rclone', 'copy'] },
    ];
    const measured: Measured[] = [];
    const turns = pairs.flatMap((pair) => pair.movers.map((mover) => ({ pair, mover })));
    for (let round = 0; round < rounds; round++)
      for (const turn of turns) measured.push(await measureOne({ server, folder, round, ...turn }));
    return { rows: pairs.flatMap((pair) => rowsOf(pair, measured)), text: textOf(pairs, measured) };
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
};

const measureOne = async (options: {
  readonly server: S3Server;
  readonly folder: string;
  readonly pair: Pair;
  readonly mover: MoverName;
  readonly round: number;
}): Promise<Measured> => {
  const { server, folder, pair, mover, round } = options;
  const subfolder = `${pair.name.replaceAll(/\W+/g, '-')}-${mover}-${round}`;
  const task: MoveTask = { mover, from: pair.from, to: pair.to, subfolder, secrets: server.secrets };
  const before = cpuSeconds(server.pid);
  const { stdout } = await run(process.execPath, [program, JSON.stringify(task)]);
  const found: MoveMeasure = JSON.parse(stdout);
  if (found.objects !== smallObjects + largeObjects) throw new Error(`${mover} moved ${found.objects} objects`);
  await rm(join(folder, 'target', subfolder), { recursive: true, force: true });
  const measured = { ...found, pair, mover, server: cpuSeconds(server.pid) - before };
  process.stderr.write(`${pair.name}, ${mover}: ${found.wall.toFixed(2)} s, CPU ${found.cpu.toFixed(2)} s\n`);
  return measured;
};

const of = (measured: readonly Measured[], pair: Pair, mover: MoverName): Measured[] =>
  measured.filter((each) => each.pair === pair && each.mover === mover);

const wallOf = (measured: readonly Measured[], pair: Pair, mover: MoverName): number =>
  median(of(measured, pair, mover).map(({ wall }) => wall));

/** The default of a pair beside the best of the others. */
const rowsOf = (pair: Pair, measured: readonly Measured[]): Row[] => {
  const chosen = chooseMover('auto', pair.from, pair.to);
  const others = pair.movers.filter((mover) => mover !== chosen).map((mover) => wallOf(measured, pair, mover));
  if (others.length === 0) return [];
  const row = { bench: `${pair.name}: ${chosen} beside the best other`, unit: 's', goal: 1.25 };
  return [{ ...row, ours: wallOf(measured, pair, chosen), other: Math.min(...others) }];
};

const textOf = (pairs: readonly Pair[], measured: readonly Measured[]): string => {
  const seconds = (values: readonly number[]): string => median(values).toFixed(2);
  return printTable([
    ['pair', 'mover', 'wall s', 'CPU s', 'server CPU s'],
    ...pairs.flatMap((pair) =>
      pair.movers.map((mover) => {
        const found = of(measured, pair, mover);
        return [
          pair.name,
          chooseMover('auto', pair.from, pair.to) === mover ? `${mover} (default)` : mover,
          seconds(found.map(({ wall }) => wall)),
          seconds(found.map(({ cpu }) => cpu)),
          seconds(found.map(({ server }) => server)),
        ];
      }),
    ),
  ]);
};
