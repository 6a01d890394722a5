import { readFileSync } from 'node:fs';

/** Whether a process of this host lives; one that is not ours does too. One that waits to be buried does not. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  return !isZombie(pid);
};

const isZombie = (pid: number): boolean => {
  try {
    // After the name, which may hold anything.
    return /^ [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\)/s, ''));
  } catch (error) {
    // Gone by now, or a system without /proc.
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
};
