import { compareUtf8 } from '../utf8.ts';
import { openPages, type PageCursor } from './page-cursor.ts';

export interface Pair<L, R> {
  readonly key: string;
  readonly left: L | undefined;
  readonly right: R | undefined;
}

interface Keyed {
  readonly key: string;
}

/**
 * Walks two sorted sequences side by side: every key once, with what each side has of it. Pages in, pages out: as many
 * pairs at a time as can be made before a page must be waited for.
 */
export const mergeByKey = async function* <L extends Keyed, R extends Keyed>(
  left: AsyncIterable<readonly L[]>,
  right: AsyncIterable<readonly R[]>,
): AsyncIterable<readonly Pair<L, R>[]> {
  const lefts = openPages(left);
  const rights = openPages(right);
  try {
    for (;;) {
      await lefts.load();
      await rights.load();
      const pairs = loadedPairs(lefts, rights);
      if (pairs.length === 0) return;
      yield pairs;
    }
  } finally {
    await lefts.close();
    await rights.close();
  }
};

const loadedPairs = <L extends Keyed, R extends Keyed>(lefts: PageCursor<L>, rights: PageCursor<R>): Pair<L, R>[] => {
  const pairs: Pair<L, R>[] = [];
  while (lefts.isLoaded() && rights.isLoaded()) {
    const a = lefts.current();
    const b = rights.current();
    const order = compare(a, b);
    const left = order <= 0 ? a : undefined;
    const right = order >= 0 ? b : undefined;
    const key = left?.key ?? right?.key;
    if (key === undefined) break;
    pairs.push({ key, left, right });
    if (order <= 0) lefts.advance();
    if (order >= 0) rights.advance();
  }
  return pairs;
};

/** What is at its end comes last. */
const compare = (a: Keyed | undefined, b: Keyed | undefined): number => {
  if (a === undefined) return b === undefined ? 0 : 1;
  return b === undefined ? -1 : compareUtf8(a.key, b.key);
};
