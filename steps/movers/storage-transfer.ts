import type { Mover, MoveOrder } from '../../core/ports/mover.ts';
import { openPages } from '../../core/plan/page-cursor.ts';
import { compareUtf8 } from '../../core/utf8.ts';
import { pagesOf } from '../runtime/pages.ts';
import { openGsCopier, type SeenOrder } from './copy-gs.ts';
import type { MoverOptions } from './mover-options.ts';
import { vouches } from './same-object.ts';

/**
 * After a transfer: one listing of the folder shows which copies stand, and are what was ordered. What the service left out,
 * because it was gone, had changed or was in the way, is copied or explained as `copy` does it.
 */
export const openTransferMover = (options: MoverOptions): Promise<Mover> => {
  const move = openGsCopier(options);
  return Promise.resolve({
    name: 'storage-transfer',
    takes: vouches,
    move: (orders) => move(withStanding(orders, options)),
  });
};

/** Both come in ascending order of keys; an order that does not is taken as if nothing stood there. */
async function* withStanding(
  orders: AsyncIterable<MoveOrder>,
  { target, folder }: MoverOptions,
): AsyncGenerator<SeenOrder, void, undefined> {
  const standing = openPages(pagesOf(target.list({ prefix: folder ?? '' })));
  try {
    for await (const order of orders) {
      if (folder === undefined || !order.to.startsWith(folder)) {
        yield { order };
        continue;
      }
      await standing.load();
      for (
        let at = standing.current();
        at !== undefined && compareUtf8(at.key, order.to) < 0;
        at = standing.current()
      ) {
        standing.advance();
        await standing.load();
      }
      const found = standing.current();
      yield found?.key === order.to ? { order, standing: found } : { order };
    }
  } finally {
    await standing.close();
  }
}
