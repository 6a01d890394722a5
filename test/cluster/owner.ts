// Who runs the one test cluster of this machine: a process, told from a later one of the same number by its start.
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { places } from './settings.ts';

const file = join(places.state, 'owner');

const identity = (pid: string): string | undefined => {
  if (!existsSync(`/proc/${pid}/stat`)) {
    return undefined;
  }
  // The program's name, in brackets, may hold spaces; the start time is the 20th field after it.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return `${pid} ${fields[19] ?? ''}`;
};

export const claimOwnership = (): Promise<void> => writeFile(file, identity(String(process.pid)) ?? '');

/** The process that runs a cluster now, unless it is this one or gone. */
export const otherOwner = (): string | undefined => {
  if (!existsSync(file)) {
    return undefined;
  }
  const owner = readFileSync(file, 'utf8');
  const [pid = ''] = owner.split(' ');
  return pid !== '' && pid !== String(process.pid) && identity(pid) === owner ? pid : undefined;
};
