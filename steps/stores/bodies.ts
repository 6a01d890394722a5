import { Lc2Error } from '../../core/errors.ts';

export const cancelled = (): Lc2Error => new Lc2Error('CANCELLED', 'the run was cancelled');

export const throwIfCancelled = (signal: AbortSignal): void => {
  if (signal.aborted) throw cancelled();
};

/** The promise, or CANCELLED as soon as the signal fires; what the promise does after that is ignored. */
export const untilAborted = <T>(signal: AbortSignal, promise: Promise<T>): Promise<T> =>
  new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(cancelled());
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });

/** Bytes whose source is let go when they are left, also before the first of them was asked for. */
export const closable = (
  bytes: AsyncGenerator<Uint8Array, void, undefined>,
  close: () => Promise<void> | void,
): AsyncIterable<Uint8Array> => {
  const iterator: AsyncIterator<Uint8Array> = {
    next: () => bytes.next(),
    return: async () => {
      await bytes.return();
      await close();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
};

/** Bytes that are at hand. */
export const oneChunk = (bytes: Uint8Array): AsyncIterable<Uint8Array> => ({
  [Symbol.asyncIterator]: () => {
    let left: Uint8Array | undefined = bytes;
    const end = (): Promise<IteratorResult<Uint8Array>> => {
      left = undefined;
      return Promise.resolve({ done: true, value: undefined });
    };
    return {
      next: () => {
        const value = left;
        if (value === undefined || value.byteLength === 0) return end();
        left = undefined;
        return Promise.resolve({ done: false, value });
      },
      return: end,
    };
  },
});

/**
 * The chunks of a body, ending with CANCELLED when the signal fires even where the body itself never does.
 * A body of another length than announced throws.
 */
export async function* chunksOf(
  body: Uint8Array | AsyncIterable<Uint8Array>,
  options: { readonly signal: AbortSignal; readonly size?: number | undefined; readonly where: string },
): AsyncGenerator<Uint8Array, void, undefined> {
  let length = 0;
  const check = (isEnd: boolean): void => {
    const { size } = options;
    if (size === undefined || (isEnd ? length === size : length <= size)) return;
    throw new Lc2Error('STORE_FAILED', `the bytes to write are ${isEnd ? length : 'more'}, not ${size} as announced`, {
      where: options.where,
    });
  };
  for await (const chunk of abortable(body, options.signal)) {
    length += chunk.byteLength;
    check(false);
    if (chunk.byteLength > 0) yield chunk;
  }
  check(true);
}

async function* abortable(
  body: Uint8Array | AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (body instanceof Uint8Array) {
    throwIfCancelled(signal);
    yield body;
    return;
  }
  const iterator = body[Symbol.asyncIterator]();
  let finished = false;
  try {
    for (;;) {
      const next = await untilAborted(signal, iterator.next());
      if (next.done === true) {
        finished = true;
        return;
      }
      yield next.value;
    }
  } finally {
    // A body that is stuck cannot be ended: nobody waits for it.
    if (!finished) void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}
