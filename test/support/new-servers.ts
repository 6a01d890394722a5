// What tests of restores into new servers share, whichever cloud makes them.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Capture } from '../oracle/facts.ts';
import type { RunningCli } from './cli.ts';
import { errorLines, filesOf, type Lab, type Restored } from './lab.ts';
import { waitFor } from './processes.ts';

export interface RestoredBeside extends Restored {
  readonly newServer: { readonly name: string; readonly host: string; readonly port: number };
}

let names = 0;
export const nextName = (): string => `restored-${++names}`;

let jobs = 0;
export const newServerJob = (snapshot: string, name: string, seconds = 300) =>
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

interface KeptBackup {
  readonly id: string;
  /** What was in the database then. */
  readonly before: Capture;
}

/** The backups of a test's environments, by name. */
export const keepBackups = <More = unknown>() => {
  const kept = new Map<string, KeptBackup & More>();
  return {
    keep: (name: string, backup: KeptBackup & More): void => void kept.set(name, backup),
    of: (name: string): KeptBackup & More => {
      const backup = kept.get(name);
      if (!backup) throw new Error(`no backup of ${name}`);
      return backup;
    },
  };
};

/** A server was asked for, and somewhat later. */
export const inFlight = async (cli: RunningCli, since: () => { readonly begun: number }): Promise<void> => {
  await waitFor(() => since().begun === 1 || undefined, cli.ended);
  await sleep(Math.random() * 300);
};

interface Refusal {
  readonly args: readonly string[];
  readonly line: RegExp;
  readonly since: () => { readonly begun: number };
}

/** In one line, and neither a server nor a file comes of it. */
export const expectRefused = async (lab: Lab, { args, line, since }: Refusal): Promise<void> => {
  const files = await filesOf(lab.storage);
  const result = await lab.cli(...args);
  expect(errorLines(result)).toEqual([expect.stringMatching(line)]);
  expect(result.status).toBe(78);
  expect(since().begun).toBe(0);
  expect(await filesOf(lab.storage)).toEqual(files);
};
