import { readFileSync } from 'node:fs';

const ticksPerSecond = 100;

/** Fields of /proc/<pid>/stat after the name, which may hold anything. */
const statOf = (pid: number | 'self'): string[] => {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
};

/** Seconds of CPU that a process and the children it has waited for have used; `children`: only those of this process. */
export const cpuSeconds = (pid: number | 'self' | 'children'): number =>
  statOf(pid === 'children' ? 'self' : pid)
    .slice(pid === 'children' ? 13 : 11, 15)
    .reduce((sum, ticks) => sum + Number(ticks), 0) / ticksPerSecond;
