import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface Usage {
  readonly wall: number;
  /** Seconds of processor time of the process and all that it started. */
  readonly cpu: number;
  /** Largest sum of the resident memory of the tree, in MiB, looked at every 20 ms; and of its largest process alone. */
  readonly treeMiB: number;
  readonly largestMiB: number;
  readonly stdout: string;
}

interface Stat {
  readonly pid: number;
  readonly parent: number;
  /** Its own, and that of children it has waited for. */
  readonly cpu: number;
  readonly mebibytes: number;
}

const ticksPerSecond = 100;
const pageMiB = 4096 / 1024 / 1024;

const statOf = (pid: number): Stat | undefined => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const cpu = fields.slice(11, 15).reduce((sum, ticks) => sum + ticks, 0) / ticksPerSecond;
    return { pid, parent: fields[1] ?? 0, cpu, mebibytes: (fields[21] ?? 0) * pageMiB };
  } catch {
    // Ended between two looks.
    return undefined;
  }
};

/** The process and its descendants as they are now. */
const treeOf = (root: number): Stat[] => {
  const all = readdirSync('/proc').flatMap((name) => {
    const found = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
    return found === undefined ? [] : [found];
  });
  const tree = all.filter(({ pid }) => pid === root);
  for (const { pid } of tree) tree.push(...all.filter(({ parent }) => parent === pid));
  return tree;
};

/**
 * Runs a program to its end. Processor time is the kernel's own sum for the ended child and all it has waited for, so one
 * thing is measured at a time; memory is sampled from /proc.
 */
export const measureProcess = async (
  argv: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly input?: string } = {},
): Promise<Usage> => {
  const [program = '', ...args] = argv;
  const start = performance.now();
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: options.env ?? process.env,
  });
  child.stdin.end(options.input ?? '');
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  let treeMiB = 0;
  let largestMiB = 0;
  const timer = setInterval(() => {
    const tree = treeOf(child.pid ?? 0);
    treeMiB = Math.max(
      treeMiB,
      tree.reduce((sum, { mebibytes }) => sum + mebibytes, 0),
    );
    largestMiB = Math.max(largestMiB, ...tree.map(({ mebibytes }) => mebibytes));
  }, 20);
  const before = childrenCpu();
  const status = await new Promise<number | string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  });
  clearInterval(timer);
  if (status !== 0) throw new Error(`${argv.join(' ').slice(0, 200)} ended with ${status}`);
  return {
    wall: (performance.now() - start) / 1000,
    cpu: childrenCpu() - before,
    treeMiB,
    largestMiB,
    stdout: Buffer.concat(chunks).toString('utf8'),
  };
};

/** Children that were waited for: of this process, which measures one at a time. */
const childrenCpu = (): number => {
  const text = readFileSync('/proc/self/stat', 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / ticksPerSecond;
};
