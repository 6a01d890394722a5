import type { Checksum, ObjectInfo, ObjectStore } from './object-store.ts';

/**
 * Who moves objects from store to store. One adapter per mover in steps/movers, one contract suite for all.
 *
 * A mover copies exactly the version that was listed, or says `changed`: it never pairs the name of one version with
 * the bytes of another. Content type and user metadata travel where both ends can keep them. `createOnly` never
 * overwrites: an object that stands there already is adopted when size and checksum (or bytes) are the same, else the
 * outcome is `conflict`. Running the same orders again is harmless.
 */
export interface Mover {
  readonly name: string;
  /** Whether this mover can take the order at all; the others go to `stream`, which takes everything. */
  takes(order: MoveOrder): boolean;
  /**
   * Results come in the order of the orders, one each, with bounded memory and concurrency. Throws when the work as a
   * whole cannot go on (store unreachable, denied, full); what was done by then stays.
   */
  move(orders: AsyncIterable<MoveOrder>): AsyncIterable<MoveResult>;
}

export interface MoveOrder {
  /** As listed in the source store. */
  readonly from: ObjectInfo;
  /** Key in the target store. */
  readonly to: string;
  readonly createOnly: boolean;
  /**
   * sha256 that the bytes must have, or the outcome is `changed` and nothing is written. A mover that sees the bytes
   * checks it; one that does not takes such an order only where the source's own checksum of the content vouches.
   */
  readonly digest?: string;
}

export type MoveResult =
  | { readonly outcome: 'copied'; readonly order: MoveOrder; readonly object: MovedObject; readonly adopted: boolean }
  /** The source is no longer what was listed. Nothing of ours stands at the target. */
  | { readonly outcome: 'changed'; readonly order: MoveOrder }
  /** The source is gone. */
  | { readonly outcome: 'vanished'; readonly order: MoveOrder }
  /** Something else stands at the target and createOnly was asked, or the target cannot hold the key beside those it has. */
  | { readonly outcome: 'conflict'; readonly order: MoveOrder };

export interface MovedObject {
  readonly size: number;
  /** Checksum that the target reports when listed, if any. */
  readonly checksum?: Checksum;
  /** sha256 of the source's bytes, where they passed through us or the stores' checksums cannot be compared. */
  readonly digest?: string;
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface MoverEnds {
  readonly source: ObjectStore;
  readonly target: ObjectStore;
}
