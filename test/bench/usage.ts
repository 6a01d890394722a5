import { readFileSync } from 'node:fs';
import { cpuSeconds } from './cpu.ts';

/** What a piece of work cost: wall time, and the processor time and memory of all processes that it started. */
export interface Usage {
  readonly seconds: number;
  /** By the kernel's books of the children that were waited for: complete, however short they lived. */
  readonly cpu: number;
  /** Largest resident size of one Node process, by the kernel's own high-water mark. */
  readonly nodeBytes: number;
  /** Largest sum of resident sizes seen at one moment; pages that processes share count for each of them. */
  readonly treeBytes: number;
}

const everyMilliseconds = 40;

const read = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    // It ended while we looked.
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return '';
    throw error;
  }
};

const kibibytesOf = (status: string, field: string): number =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;

interface Sample {
  node: number;
  tree: number;
}

/** Adds what runs below `pid`, but for the trees in `except`. */
const addBelow = (pid: number, except: ReadonlySet<number>, sample: Sample): void => {
  const parent = read(`/proc/${pid}/cmdline`);
  for (const child of read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number)) {
    if (except.has(child)) continue;
    // Between fork and exec it still is its parent, and shares its memory. Its arguments are read first: had it become
    // another program in between, its memory would be that of the parent and its arguments not.
    const isParent = read(`/proc/${child}/cmdline`) === parent;
    const status = read(`/proc/${child}/status`);
    const isNode = /^Name:\s+(node|MainThread)$/m.test(status);
    if (isNode && isParent) continue;
    if (isNode) sample.node = Math.max(sample.node, kibibytesOf(status, 'VmHWM'));
    sample.tree += kibibytesOf(status, 'VmRSS');
    addBelow(child, except, sample);
  }
};

/**
 * Runs `work` and measures every process that it starts and waits for. Processes in `except` (servers, which both sides
 * use) and their children do not count. One at a time: the kernel's books do not tell two pieces of work apart.
 */
export const measureUsage = async (work: () => Promise<unknown>, except: readonly number[] = []): Promise<Usage> => {
  const peak: Sample = { node: 0, tree: 0 };
  const left = new Set(except);
  const look = (): void => {
    const now: Sample = { node: 0, tree: 0 };
    addBelow(process.pid, left, now);
    peak.node = Math.max(peak.node, now.node);
    peak.tree = Math.max(peak.tree, now.tree);
  };
  const before = cpuSeconds('children');
  const timer = setInterval(look, everyMilliseconds);
  const start = performance.now();
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  const seconds = (performance.now() - start) / 1000;
  return { seconds, cpu: cpuSeconds('children') - before, nodeBytes: peak.node, treeBytes: peak.tree };
};
