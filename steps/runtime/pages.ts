export interface PagesOptions {
  /** Whether the next page is asked for while one is worked on. */
  readonly ahead?: boolean;
}

/**
 * The items of pages, at much less than a generator costs for each. Ahead is asked when half of a page is used: so many
 * listings side by side hold half a page more each, and whoever looks at the first item alone asks for one page. An
 * error comes where its page would have begun.
 */
export const itemsOfPages = <T>(
  pages: AsyncIterable<readonly T[]>,
  { ahead = false }: PagesOptions = {},
): AsyncIterable<T> => ({
  [Symbol.asyncIterator]: () => {
    const iterator = pages[Symbol.asyncIterator]();
    let items: Iterator<T, undefined> = none();
    /** Items of this page until the next one is asked for. */
    let until = Number.POSITIVE_INFINITY;
    let coming: Promise<IteratorResult<readonly T[]>> | undefined;

    const ask = (): void => {
      coming = iterator.next();
      // Whoever wants the page meets the error; when nobody does, it is nobody's.
      coming.catch(() => undefined);
    };
    const turn = async (): Promise<IteratorResult<T, undefined>> => {
      for (;;) {
        const asked = coming ?? iterator.next();
        coming = undefined;
        const page = await asked;
        if (page.done === true) return { done: true, value: undefined };
        items = page.value.values();
        until = ahead ? Math.ceil(page.value.length / 2) : Number.POSITIVE_INFINITY;
        const item = items.next();
        if (item.done !== true) return item;
      }
    };
    return {
      next: () => {
        const item = items.next();
        if (item.done === true) return turn();
        if (--until === 0) ask();
        return Promise.resolve(item);
      },
      return: async () => {
        items = none();
        const left = Promise.resolve(iterator.return?.());
        // A page that is under way may take long, and nobody waits for it.
        if (coming === undefined) await left;
        else void left.catch(() => undefined);
        coming = undefined;
        return { done: true, value: undefined };
      },
    };
  },
});

const none = (): Iterator<never, undefined> => [].values();
