export interface BatchOptions<T> {
  readonly most: number;
  readonly mostWeight: number;
  readonly weigh: (item: T) => number;
  /** Whether an item may share a batch with the first one. */
  readonly fits: (first: T, item: T) => boolean;
  /** Milliseconds that a begun batch waits for one more item. The source may be waiting for results of this very batch. */
  readonly patience: number;
}

/** Groups items in their order. */
export async function* batchesOf<T>(
  source: AsyncIterable<T>,
  options: BatchOptions<T>,
): AsyncGenerator<readonly T[], void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let batch: T[] = [];
  let weight = 0;
  let pending: Promise<IteratorResult<T>> | undefined;
  const flush = (): readonly T[] => {
    const full = batch;
    batch = [];
    weight = 0;
    return full;
  };
  try {
    for (;;) {
      pending ??= iterator.next();
      const next = batch.length === 0 ? await pending : await withPatience(pending, options.patience);
      if (next === undefined) {
        yield flush();
        continue;
      }
      pending = undefined;
      if (next.done === true) break;
      const [first] = batch;
      if (first !== undefined && !options.fits(first, next.value)) yield flush();
      batch.push(next.value);
      weight += options.weigh(next.value);
      if (batch.length >= options.most || weight >= options.mostWeight) yield flush();
    }
    if (batch.length > 0) yield flush();
  } finally {
    pending?.catch(() => undefined);
    void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

const withPatience = <T>(promise: Promise<T>, milliseconds: number): Promise<T | undefined> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), milliseconds);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
