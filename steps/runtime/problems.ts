import { type ErrorCode, Lc2Error } from '../../core/errors.ts';
import { isStorageKey } from '../../core/manifest/inventory.ts';

/** What a verification found wrong: the catalogue's code, the key in storage, a sentence. */
export interface Problem {
  readonly code: ErrorCode;
  readonly key: string;
  readonly message: string;
}

/** Enough to act on; a library that is gone must not fill a log. */
const shown = 1000;

export interface Problems {
  readonly list: readonly Problem[];
  readonly count: number;
  add(problem: Problem): void;
}

export const createProblems = (): Problems => {
  const list: Problem[] = [];
  let count = 0;
  return {
    list,
    get count() {
      return count;
    },
    add: (problem) => {
      count++;
      if (list.length < shown) list.push(problem);
    },
  };
};

/** Damage is a finding and goes on the list; every other error ends the verification. */
export const finding = async (problems: Problems, key: string, look: () => Promise<void>): Promise<void> => {
  try {
    await look();
  } catch (error) {
    if (!(error instanceof Lc2Error) || !isFinding(error)) throw error;
    problems.add({ code: error.code, key: keyIn(error) ?? key, message: error.what });
  }
};

/** The error may know a file better than who looked: a part of an inventory, say. */
const keyIn = ({ where }: Lc2Error): string | undefined =>
  where !== undefined && where.includes('/') && isStorageKey(where) ? where : undefined;

const isFinding = ({ code }: Lc2Error): boolean =>
  ['BACKUP_DAMAGED', 'OBJECT_NOT_FOUND', 'OBJECT_UNREADABLE', 'MANIFEST_INVALID'].includes(code);
