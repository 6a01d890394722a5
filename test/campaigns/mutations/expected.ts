// What must come of a change, by kind of file: docs/explanation/verification.md as a table. Nothing here asks the product.
import type { Medium } from './world.ts';
import { type Facts, type Line, manifestKey } from './facts.ts';
import { newer } from './world.ts';

export interface Change {
  readonly key: string;
  readonly before: Buffer | undefined;
  readonly after: Buffer | undefined;
  /** Behind the storage's back: its listing says what it said before. */
  readonly silent: boolean;
}

/** `refuses` before anything of the target is touched; `fails` before the live database or the damaged object is. */
export type Restoring = 'accepts' | 'refuses' | 'fails';

export interface Expected {
  /** `CODE key`, by level. */
  readonly listed: readonly string[];
  readonly full: readonly string[];
  readonly restoring: Restoring;
  /** Why it may pass unnoticed. */
  readonly harmless?: string;
}

const quiet = (harmless: string): Expected => ({ listed: [], full: [], restoring: 'accepts', harmless });
const always = (problem: string, restoring: Restoring): Expected => ({
  listed: [problem],
  full: [problem],
  restoring,
});

export const damaged = (key: string): string => `BACKUP_DAMAGED ${key}`;

export const unread = 'nobody reads it after the seal';

export const expectedOf = (changes: readonly Change[], facts: Facts, medium: Medium): Expected => {
  const each = changes
    .filter(({ before, after }) => before === undefined || after === undefined || !before.equals(after))
    .map((change) => expectedOfOne(change, facts, medium));
  const seal = each.find(({ full }) => full.some((problem) => problem.endsWith(` ${manifestKey}`)));
  if (seal) return seal;
  if (each.length === 0) return quiet('the same bytes');
  const [harmless] = each.flatMap((one) => one.harmless ?? []);
  const full = each.flatMap((one) => one.full);
  return {
    listed: each.flatMap((one) => one.listed),
    full,
    restoring: (['refuses', 'fails'] as const).find((how) => each.some((one) => one.restoring === how)) ?? 'accepts',
    ...(full.length === 0 && harmless !== undefined && { harmless }),
  };
};

const expectedOfOne = (change: Change, facts: Facts, medium: Medium): Expected => {
  const { key, before } = change;
  const line = facts.lines.get(key);
  if (line) return expectedOfObject(change, line, medium);
  const kind = facts.kindOf(key);
  if (before === undefined || kind === undefined) return expectedOfStranger(key);
  switch (kind) {
    case 'manifest.json':
      return always(`${codeOfManifest(change)} ${key}`, 'refuses');
    case 'dump':
    case 'inventory part':
      return always(damaged(key), 'refuses');
    case 'globals':
    case 'list of deleted objects':
    case 'run.json':
    case 'steps/*.json':
      return always(damaged(key), 'accepts');
    case 'draft of an attempt':
    case 'file of a dead attempt':
      return quiet(unread);
    case 'owner.json':
      return quiet('only the next backup reads it, and refuses what it does not know');
    default:
      return quiet('part of another backup');
  }
};

const expectedOfStranger = (key: string): Expected => {
  if (!key.startsWith(`${newer.stamp}/`)) return quiet('outside of the backup');
  if (/^[^/]+\/steps\/[^/]+\//u.test(key)) return quiet(unread);
  return always(damaged(key), 'accepts');
};

/** A manifest of another version may have other rules for its digest, so that version is what is said. */
const codeOfManifest = ({ after }: Change): string => {
  if (after === undefined) return 'BACKUP_NOT_FOUND';
  try {
    const { version } = JSON.parse(String(after)) as { version?: unknown };
    return typeof version === 'string' && /^2\.[0-9]+$/u.test(version) ? 'MANIFEST_INVALID' : 'MANIFEST_VERSION';
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return 'MANIFEST_INVALID';
    throw error;
  }
};

const expectedOfObject = (change: Change, line: Line, medium: Medium): Expected => {
  const { key, after, silent } = change;
  const seen = after?.byteLength !== line.size || (medium === 'bucket' && !silent);
  if (seen) return always(damaged(key), 'refuses');
  const { algorithm } = (line['stored'] ?? {}) as { algorithm?: unknown };
  if (line['digest'] === undefined && algorithm !== 'md5')
    return quiet('copied by the store and uploaded in parts: nobody has a digest of its bytes');
  return { listed: [], full: [damaged(key)], restoring: 'fails' };
};
