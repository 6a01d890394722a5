import type { Location } from '../../core/api/location.ts';
import type { MoverEnds } from '../../core/ports/mover.ts';

/** Where one end is and what opens it, for movers that do not go through the opened store. */
export interface MoverEnd {
  readonly location: Location;
  readonly secrets: Readonly<Record<string, string>>;
  readonly subfolder?: string;
}

export interface MoverOptions extends MoverEnds {
  readonly from: MoverEnd;
  readonly to: MoverEnd;
  /** Where a service has put copies before: what every `to` begins with, that it made. */
  readonly folder?: string;
  /** Ends every call with CANCELLED. */
  readonly signal: AbortSignal;
  readonly tuning?: MoverTuning;
}

/** Limits that tests scale down. */
export interface MoverTuning {
  readonly concurrency?: number;
  /** Bytes of the largest object that is copied by one request. */
  readonly copyLimit?: number;
  /** Orders and bytes of one batch of a child program. */
  readonly batchKeys?: number;
  readonly batchBytes?: number;
}
