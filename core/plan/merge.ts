import { compareUtf8 } from '../utf8.ts';

export interface Pair<L, R> {
  readonly key: string;
  readonly left: L | undefined;
  readonly right: R | undefined;
}

interface Keyed {
  readonly key: string;
}

/** Walks two sorted sequences side by side: every key once, with what each side has of it. */
export const mergeByKey = async function* <L extends Keyed, R extends Keyed>(
  left: AsyncIterable<L>,
  right: AsyncIterable<R>,
): AsyncIterable<Pair<L, R>> {
  const lefts = left[Symbol.asyncIterator]();
  const rights = right[Symbol.asyncIterator]();
  try {
    let a = itemOf(await lefts.next());
    let b = itemOf(await rights.next());
    while (a !== undefined || b !== undefined) {
      const order = compare(a, b);
      const l = order <= 0 ? a : undefined;
      const r = order >= 0 ? b : undefined;
      const key = l?.key ?? r?.key;
      if (key !== undefined) yield { key, left: l, right: r };
      if (order <= 0) a = itemOf(await lefts.next());
      if (order >= 0) b = itemOf(await rights.next());
    }
  } finally {
    await lefts.return?.();
    await rights.return?.();
  }
};

/** What is at its end comes last. */
const compare = (a: Keyed | undefined, b: Keyed | undefined): number => {
  if (a === undefined) return 1;
  return b === undefined ? -1 : compareUtf8(a.key, b.key);
};

const itemOf = <T>(step: IteratorResult<T>): T | undefined => (step.done === true ? undefined : step.value);
