import type { Location } from '../../core/api/location.ts';
import { cutsOf, objectsApart } from '../../core/plan/split-listing.ts';
import { pagesOf } from '../../steps/runtime/pages.ts';
import { openStore } from '../../steps/stores/index.ts';
import { cpuSeconds } from './cpu.ts';

/** A process of its own for one listing of everything. */
export interface ListTask {
  readonly at: Location;
  readonly secrets: Readonly<Record<string, string>>;
  /** What an earlier listing said. */
  readonly parts?: readonly Part[];
}

interface Part {
  readonly last: string;
  readonly objects: number;
}

export interface ListMeasure {
  readonly wall: number;
  /** Seconds of processor time meanwhile. */
  readonly cpu: number;
  /** Largest resident size, by the kernel's own mark. */
  readonly mebibytes: number;
  readonly objects: number;
  /** As an inventory of these objects would have them. */
  readonly parts: readonly Part[];
}

const list = async ({ at, secrets, parts }: ListTask): Promise<ListMeasure> => {
  const store = await openStore({ location: at, secrets, signal: new AbortController().signal });
  const start = performance.now();
  const before = cpuSeconds('self');
  const found: Part[] = [];
  let objects = 0;
  let last = '';
  for await (const page of pagesOf(store.list(parts === undefined ? {} : { cuts: cutsOf(parts) })))
    for (const { key } of page) {
      last = key;
      if (++objects % objectsApart === 0) found.push({ last, objects: objectsApart });
    }
  const wall = (performance.now() - start) / 1000;
  const cpu = cpuSeconds('self') - before;
  await store.close();
  found.push({ last, objects: objects % objectsApart });
  return { wall, cpu, mebibytes: process.resourceUsage().maxRSS / 1024, objects, parts: found };
};

const task: ListTask = JSON.parse(process.argv[2] ?? '');
process.stdout.write(JSON.stringify(await list(task)));
