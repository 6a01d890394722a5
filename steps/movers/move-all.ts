import type { Mover, MoveOrder, MoveResult } from '../../core/ports/mover.ts';

/** Routes each order to the mover that takes it. The results keep the order of the orders. */
export const moveAll = (preferred: Mover, fallback: Mover): Mover => ({
  name: preferred.name,
  takes: (order) => preferred.takes(order) || fallback.takes(order),
  move: (orders) => route(orders, preferred, fallback),
});

async function* route(
  orders: AsyncIterable<MoveOrder>,
  preferred: Mover,
  fallback: Mover,
): AsyncGenerator<MoveResult, void, undefined> {
  const iterator = orders[Symbol.asyncIterator]();
  let next: MoveOrder | undefined = await take(iterator);
  /** Consecutive orders of one mover; the first order of another ends them and waits here. */
  async function* run(mover: Mover): AsyncGenerator<MoveOrder, void, undefined> {
    while (next !== undefined && chosen(next) === mover) {
      const order = next;
      next = undefined;
      yield order;
      next = await take(iterator);
    }
  }
  const chosen = (order: MoveOrder): Mover => (preferred.takes(order) ? preferred : fallback);
  try {
    while (next !== undefined) yield* chosen(next).move(run(chosen(next)));
  } finally {
    void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

const take = async (iterator: AsyncIterator<MoveOrder>): Promise<MoveOrder | undefined> => {
  const next = await iterator.next();
  return next.done === true ? undefined : next.value;
};
