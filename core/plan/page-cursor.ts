/** Goes through pages item by item. Only from page to page there is something to wait for, which costs more than all else. */
export interface PageCursor<T> {
  /** Stands at an item or at the end; otherwise `load` comes first. */
  isLoaded(): boolean;
  /** Undefined at the end. */
  current(): T | undefined;
  advance(): void;
  load(): Promise<void>;
  close(): Promise<void>;
}

export const openPages = <T>(pages: AsyncIterable<readonly T[]>): PageCursor<T> => {
  const iterator = pages[Symbol.asyncIterator]();
  let page: readonly T[] = [];
  let at = 0;
  let isEnded = false;
  const isLoaded = (): boolean => isEnded || at < page.length;
  return {
    isLoaded,
    current: () => page[at],
    advance: () => void at++,
    load: async () => {
      while (!isLoaded()) {
        const step = await iterator.next();
        isEnded = step.done === true;
        page = step.done === true ? [] : step.value;
        at = 0;
      }
    },
    close: async () => {
      await iterator.return?.();
    },
  };
};
