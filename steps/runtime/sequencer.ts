/**
 * Keeps lines in order while some of them wait for a copy: a line is written when everything before it is decided.
 * Memory is bounded: `line` and `order` wait while too much is undecided, so whoever pulls orders must hand out results
 * while it waits for the next order (steps/runtime/ordered.ts does).
 * `write` must take its line before its first await: calls may overlap, never out of order. Undefined instead of a
 * promise: there is nothing to wait for, and a wait for each line would cost more than the line.
 */
export interface Sequencer<Line> {
  /** A line that needs no copy. */
  line(line: Line): Promise<void> | undefined;
  /** Holds the place of the next order. Orders are decided in this sequence. */
  order(): Promise<void>;
  /** Decides the oldest open order; undefined leaves its place empty. */
  decide(line: Line | undefined): Promise<void>;
}

const open = Symbol('open');

export const createSequencer = <Line>(
  write: (line: Line) => Promise<void> | undefined,
  room = 50_000,
): Sequencer<Line> => {
  /** From `head` on: starts with an open order, or is empty. */
  let queue: (Line | typeof open)[] = [];
  let head = 0;
  let waiting: (() => void)[] = [];

  const push = async (entry: Line | typeof open): Promise<void> => {
    queue.push(entry);
    while (queue.length - head > room) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const shift = (): void => {
    head++;
    if (head < 1000 || head * 2 < queue.length) return;
    queue = queue.slice(head);
    head = 0;
  };
  const release = (): void => {
    const woken = waiting;
    waiting = [];
    for (const wake of woken) wake();
  };
  return {
    line: (line) => (head === queue.length ? write(line) : push(line)),
    order: () => push(open),
    decide: async (line) => {
      if (queue[head] !== open) throw new Error('decided an order that was not open');
      shift();
      if (line !== undefined) await write(line);
      for (let entry = queue[head]; entry !== undefined && entry !== open; entry = queue[head]) {
        shift();
        await write(entry);
      }
      release();
    },
  };
};
