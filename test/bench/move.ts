import type { Location } from '../../core/api/location.ts';
import type { MoverName } from '../../core/api/backup-environment.ts';
import { openMover } from '../../steps/movers/index.ts';
import { openStore } from '../../steps/stores/index.ts';
import { cpuSeconds } from './cpu.ts';

/** A process of its own for one move of everything: its CPU, its children's among them, is the mover's. */
export interface MoveTask {
  readonly mover: MoverName;
  readonly from: Location;
  readonly to: Location;
  readonly subfolder: string;
  readonly secrets: Readonly<Record<string, string>>;
}

export interface MoveMeasure {
  readonly wall: number;
  readonly cpu: number;
  readonly objects: number;
}

const move = async ({ mover: name, from, to, subfolder, secrets }: MoveTask): Promise<MoveMeasure> => {
  const { signal } = new AbortController();
  const source = await openStore({ location: from, secrets, signal });
  const target = await openStore({ location: to, secrets, signal, subfolder });
  const ends = { from: { location: from, secrets }, to: { location: to, secrets, subfolder }, source, target, signal };
  const mover = await openMover(name, ends);
  const orders = async function* () {
    for await (const info of source.list()) yield { from: info, to: info.key, createOnly: true };
  };
  const start = performance.now();
  const before = cpuSeconds('self');
  let objects = 0;
  for await (const result of mover.move(orders())) {
    if (result.outcome !== 'copied') throw new Error(`${result.order.from.key}: ${result.outcome}`);
    objects++;
  }
  const measured = { wall: (performance.now() - start) / 1000, cpu: cpuSeconds('self') - before, objects };
  await Promise.all([source.close(), target.close()]);
  return measured;
};

const task: MoveTask = JSON.parse(process.argv[2] ?? '');
process.stdout.write(JSON.stringify(await move(task)));
