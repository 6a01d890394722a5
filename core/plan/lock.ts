import type { Immutability } from '../api/immutability.ts';
import type { Lock } from '../ports/object-store.ts';

/** Locks as times and modes that can be compared. */

const day = 86_400_000;

/** Stores count in seconds: a part of one is rounded up, so that no lock is short. */
export const lockFrom = ({ days, mode }: Immutability, at: string): Lock => ({
  until: new Date(Math.ceil((Date.parse(at) + days * day) / 1000) * 1000).toISOString(),
  mode,
});

export const isAtLeast = (standing: Lock | undefined, wanted: Lock): boolean =>
  standing !== undefined &&
  standing.until >= wanted.until &&
  (standing.mode === 'compliance' || wanted.mode === 'governance');

/** What gives up neither of both. */
export const strongest = (standing: Lock | undefined, wanted: Lock): Lock => {
  if (standing === undefined) return wanted;
  return {
    until: standing.until > wanted.until ? standing.until : wanted.until,
    mode: standing.mode === 'compliance' ? standing.mode : wanted.mode,
  };
};

export const isActive = (lock: Lock | undefined, now: Date): lock is Lock =>
  lock !== undefined && lock.until > now.toISOString();
