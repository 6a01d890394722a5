import { joined, reaches, usableCuts } from '../../core/plan/split-listing.ts';
import { itemsOfPages, type Paged } from './pages.ts';

interface Keyed {
  readonly key: string;
}

export interface SplitOptions<T> {
  /** Pages of a listing in order, from its begin on or after a key. */
  readonly open: (startAfter?: string) => AsyncIterable<readonly T[]>;
  /** In order. */
  readonly cuts: Iterable<string>;
}

interface Listing {
  readonly prefix: string;
  readonly startAfter?: string | undefined;
  readonly cuts?: Iterable<string> | undefined;
}

/** A listing of `open`; where it has cuts, at several places at once. */
export const listPages = <T extends Keyed>(
  open: (startAfter: string | undefined) => AsyncIterable<readonly T[]>,
  { prefix, startAfter, cuts }: Listing,
): Paged<T> =>
  cuts === undefined
    ? itemsOfPages(open(startAfter), { ahead: true })
    : itemsOfPages(
        splitPages({ open: (cut = startAfter) => open(cut), cuts: usableCuts(cuts, { prefix, startAfter }) }),
      );

/** Readers at once. */
const mostReaders = 12;
/** Pages that all of them hold, about. */
const mostPages = 60;
/** Pages between two cuts, until it is known. */
const usualStretch = 10;
/** Fewer of them are not worth a reader. */
const leastStretch = 4;

/**
 * The pages of one listing, read at several places at once. The first reader is the truth: it begins where the listing does
 * and goes on by itself, until it meets the next one, which must have found the very key that comes there. Then that one is
 * the first. Others start only once some pages lie before a cut, so few pages, or few objects between cuts, cost nothing more.
 * The later a reader's turn, the less it reads ahead: so they end one after the other, as they are wanted.
 */
export async function* splitPages<T extends Keyed>({
  open,
  cuts,
}: SplitOptions<T>): AsyncGenerator<readonly T[], void, undefined> {
  const ahead = cuts[Symbol.iterator]();
  const nextCut = (): string | undefined => {
    const { done, value } = ahead.next();
    return done === true ? undefined : value;
  };
  /** Nobody began here yet. */
  let coming = nextCut();
  let isWorth = false;
  let stretch = usualStretch;
  /** Pages that were handed out since the last cut. */
  let taken = 0;
  let isClosed = false;
  let wake: () => void = () => undefined;
  const readers = [openReader(open())];

  const wanted = (): number =>
    isWorth ? Math.max(1, Math.min(mostReaders, Math.floor((2 * mostPages) / stretch))) : 1;
  /** Each page that is handed out makes room for one, so requests come one by one and not all when a turn ends. */
  const room = (place: number): number => {
    const turns = wanted() - place + Math.min(1, taken / stretch);
    return isWorth ? Math.max(1, Math.ceil((stretch * turns) / wanted())) : 1;
  };
  const endOf = (place: number): string | undefined => readers[place + 1]?.start ?? coming;
  const advance = (): void => {
    if (isClosed) return;
    for (; readers.length < wanted() && coming !== undefined; coming = nextCut())
      readers.push(openReader(open(coming), coming));
    for (const [place, reader] of readers.entries())
      if (reader.canRead() && reader.pages.length < room(place) && !reaches(reader.last, endOf(place)))
        void reader.read().then(advance);
    wake();
  };

  /** What comes next, as far as it is there. */
  const turn = (): readonly T[] | 'wait' | 'end' => {
    const [first, next] = readers;
    const page = first?.pages[0];
    if (first === undefined || page === undefined) return first?.isEnded() === false ? 'wait' : 'end';
    const cut = endOf(0);
    if (cut === undefined || !reaches(page, cut)) {
      first.pages.shift();
      taken++;
      isWorth ||= taken >= leastStretch && cut !== undefined;
      return page;
    }
    if (next === undefined) {
      coming = nextCut();
      taken = 0;
      isWorth = false;
      return [];
    }
    return next.pages.length === 0 && !next.isEnded() ? 'wait' : meet(page, cut, next);
  };
  const meet = (page: readonly T[], cut: string, next: Reader<T>): readonly T[] => {
    const own = joined(page, cut, next.pages[0]?.[0]?.key);
    for (const left of readers.splice(own === undefined ? 1 : 0, 1)) void left.close();
    if (own === undefined) return [];
    stretch = Math.max(taken + 1, Math.ceil(stretch / 2));
    isWorth = taken + 1 >= leastStretch;
    taken = 0;
    return own;
  };

  try {
    for (;;) {
      advance();
      const page = turn();
      if (page === 'end') return;
      if (page === 'wait') await new Promise<void>((resolve) => (wake = resolve));
      else if (page.length > 0) {
        advance();
        yield page;
      }
    }
  } finally {
    isClosed = true;
    await Promise.all(readers.map((reader) => reader.close()));
  }
}

interface Reader<T> {
  readonly start: string | undefined;
  /** Read, and not handed out. */
  readonly pages: (readonly T[])[];
  last: readonly T[] | undefined;
  canRead(): boolean;
  read(): Promise<void>;
  /** Throws what reading met. */
  isEnded(): boolean;
  close(): Promise<unknown>;
}

const openReader = <T>(listing: AsyncIterable<readonly T[]>, start?: string): Reader<T> => {
  const iterator = listing[Symbol.asyncIterator]();
  let state: 'idle' | 'busy' | 'ended' = 'idle';
  let failure: { readonly error: unknown } | undefined;
  const reader: Reader<T> = {
    start,
    pages: [],
    last: undefined,
    canRead: () => state === 'idle',
    read: async () => {
      state = 'busy';
      try {
        const step = await iterator.next();
        state = step.done === true ? 'ended' : 'idle';
        if (step.done === true || step.value.length === 0) return;
        reader.pages.push(step.value);
        reader.last = step.value;
      } catch (error) {
        failure = { error };
        state = 'ended';
      }
    },
    isEnded: () => {
      if (failure !== undefined) throw failure.error;
      return state === 'ended';
    },
    close: () => {
      const left = Promise.resolve(iterator.return?.());
      left.catch(() => undefined);
      // A page that is under way may take long, and nobody waits for it.
      return state === 'busy' ? Promise.resolve() : left;
    },
  };
  return reader;
};
