// What tests of restores into new servers share, whichever cloud makes them.
import type { Restored } from './lab.ts';

export interface RestoredBeside extends Restored {
  readonly newServer: { readonly name: string; readonly host: string; readonly port: number };
}

let names = 0;
export const nextName = (): string => `restored-${++names}`;

let jobs = 0;
export const newServerJob = (snapshot: string, name: string, seconds = 60) =>
  ({
    kind: 'new-server',
    description: `lc2-backup new-server 0123456789ab run-${++jobs} ${name}`,
    name,
    point: { snapshotId: snapshot, time: '2025-11-09T14:30:01Z' },
    until: new Date(Date.now() + seconds * 1000).toISOString(),
  }) as const;

interface BesideOptions {
  readonly file: string;
  readonly into: string;
  /** Id of one that `into` has made; asked for only where it is restored. */
  readonly backup: () => string;
  readonly name: string;
}

/** Of `lc2-backup`; `more` may name another backup. */
export const restoreBeside = ({ file, into, backup, name }: BesideOptions, more: readonly string[]): string[] => {
  const where = ['-f', file, '--into', into, '--confirm', into];
  const what = more.includes('--backup') ? [] : ['--source', into, '--backup', backup()];
  return ['restore', ...where, ...what, '--database-mode', 'new-server', '--new-server', name, ...more];
};

interface Servers {
  readonly servers: number;
}

interface Cloud {
  counts(): { readonly begun: Servers; readonly there: Servers };
}

/** Servers that were begun since, and that are there more than then. */
export const serversSince = (cloud: Cloud) => {
  const before = cloud.counts();
  return () => {
    const { begun, there } = cloud.counts();
    return { begun: begun.servers - before.begun.servers, there: there.servers - before.there.servers };
  };
};
