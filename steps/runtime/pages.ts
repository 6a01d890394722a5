export interface PagesOptions {
  /** Whether the next page is asked for while one is worked on. */
  readonly ahead?: boolean;
}

/** Items that may be taken in whole pages instead: one or the other, once. */
export interface Paged<T> extends AsyncIterable<T> {
  readonly pages: AsyncIterable<readonly T[]>;
}

/** Pages as they come. Whatever has none comes one by one. */
export const pagesOf = <T>(items: AsyncIterable<T> | Paged<T>): AsyncIterable<readonly T[]> =>
  'pages' in items ? items.pages : singly(items);

async function* singly<T>(items: AsyncIterable<T>): AsyncGenerator<readonly T[], void, undefined> {
  for await (const item of items) yield [item];
}

/** The next page is asked for when one is handed out. Errors and leaving early are as those of `itemsOfPages`. */
const readAhead = <T>(pages: AsyncIterable<readonly T[]>): AsyncIterable<readonly T[]> => ({
  [Symbol.asyncIterator]: () => {
    const iterator = pages[Symbol.asyncIterator]();
    let coming: Promise<IteratorResult<readonly T[]>> | undefined;
    return {
      next: async () => {
        const page = await (coming ?? iterator.next());
        coming = page.done === true ? undefined : iterator.next();
        coming?.catch(() => undefined);
        return page;
      },
      return: async () => {
        const left = Promise.resolve(iterator.return?.());
        if (coming === undefined) await left;
        else void left.catch(() => undefined);
        return { done: true, value: undefined };
      },
    };
  },
});

/**
 * The items of pages, at much less than a generator costs for each. Ahead is asked when half of a page is used: so many
 * listings side by side hold half a page more each, and whoever looks at the first item alone asks for one page. An
 * error comes where its page would have begun.
 */
export const itemsOfPages = <T>(
  pages: AsyncIterable<readonly T[]>,
  { ahead = false }: PagesOptions = {},
): Paged<T> => ({
  pages: ahead ? readAhead(pages) : pages,
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
