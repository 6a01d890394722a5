export interface OrderedOptions {
  /** Items worked on at the same time. */
  readonly concurrency: number;
  /** Items that were taken and whose results were not handed out yet; bounds memory when the oldest is slow. */
  readonly window?: number;
}

type Slot<R> = { readonly done: false } | { readonly done: true; readonly value: R };

/**
 * Works on items side by side and yields the results in the order of the items. Results are handed out while the next
 * item is still awaited. The first error, in time, ends everything: the signal given to `work` fires, what is under way
 * is awaited, and the error is thrown; so does leaving early.
 */
export async function* ordered<T, R>(
  source: AsyncIterable<T>,
  options: OrderedOptions,
  work: (item: T, signal: AbortSignal) => Promise<R>,
): AsyncGenerator<R, void, undefined> {
  const window = options.window ?? options.concurrency * 4;
  const controller = new AbortController();
  const iterator = source[Symbol.asyncIterator]();
  const slots: Slot<R>[] = [];
  const active = new Set<Promise<void>>();
  let first = 0;
  let pulling = false;
  let exhausted = false;
  let failure: { readonly error: unknown } | undefined;
  let wake: () => void = () => undefined;

  const failed = (error: unknown): void => {
    failure ??= { error };
    controller.abort();
  };
  const begin = (item: T): void => {
    const index = first + slots.push({ done: false }) - 1;
    const run = async (): Promise<void> => {
      try {
        const value = await work(item, controller.signal);
        slots[index - first] = { done: true, value };
      } catch (error) {
        failed(error);
      }
    };
    const task = run();
    active.add(task);
    void task.finally(() => {
      active.delete(task);
      pump();
    });
  };
  const pull = async (): Promise<void> => {
    try {
      const next = await iterator.next();
      if (next.done === true) exhausted = true;
      else if (!controller.signal.aborted) begin(next.value);
    } catch (error) {
      exhausted = true;
      failed(error);
    }
    pulling = false;
    pump();
  };
  const pump = (): void => {
    if (
      !pulling &&
      !exhausted &&
      !controller.signal.aborted &&
      active.size < options.concurrency &&
      slots.length < window
    ) {
      pulling = true;
      void pull();
    }
    wake();
  };

  try {
    pump();
    for (;;) {
      if (failure !== undefined) throw failure.error;
      const head = slots[0];
      if (head?.done === true) {
        slots.shift();
        first++;
        pump();
        yield head.value;
      } else if (exhausted && slots.length === 0) return;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    controller.abort();
    // The source may be waiting for a result that will never come: nobody waits for it.
    if (!exhausted) void Promise.resolve(iterator.return?.()).catch(() => undefined);
    await Promise.all(active);
  }
}
