import type { EstimateSpec } from '../api/estimate.ts';
import type { Location } from '../api/location.ts';
import { humanBytes } from '../human-bytes.ts';
import { type StoreName, tryParseUrl } from '../stores/index.ts';

type Place = Pick<Location, 'url' | 'endpoint' | 'region'>;

export interface Movement {
  readonly from: Place;
  /** Where the bytes go; of dumps the storage that the target itself uses, which tells in which cloud it is. */
  readonly to: Place;
  readonly objects: number;
  readonly bytes: number;
  /** The service copies by itself: no byte passes the step. */
  readonly copied: boolean;
}

export interface Estimate {
  readonly requests: number;
  readonly seconds: number;
  /** What leaves the place of the backups. */
  readonly leaving: number;
  /** In the currency of the table; undefined without a price. */
  readonly cost: number | undefined;
}

const perPage = 1000;
/** Larger objects are written in parts. */
const partBytes = 16 * 1024 ** 2;
const gibibyte = 1024 ** 3;

/** Upper bounds: what stands at the target already is not moved again. Retries and what the target's side costs are left out. */
export const estimateOf = (movement: Movement, spec: EstimateSpec): Estimate => {
  const { objects, bytes, copied } = movement;
  const pages = Math.ceil(objects / perPage) * 2;
  const requests = pages + (copied ? objects : objects * 2 + Math.floor(bytes / partBytes));
  const passing = copied ? 0 : bytes / (spec.mebibytesPerSecond * 1024 ** 2);
  const from = storeOf(movement.from);
  const leaving = isElsewhere(movement) ? bytes : 0;
  const price = spec.prices.find((each) => each.from === from);
  return {
    requests,
    seconds: Math.max(passing, objects / spec.objectsPerSecond),
    leaving,
    cost: price && (leaving / gibibyte) * price.perGiB + (requests / 1000) * price.perThousandRequests,
  };
};

const storeOf = ({ url }: Place): StoreName | undefined => tryParseUrl(url)?.store;

const isElsewhere = ({ from, to }: Movement): boolean =>
  storeOf(from) !== storeOf(to) || (from.endpoint ?? '') !== (to.endpoint ?? '') || from.region !== to.region;

/** Between folders there is nothing to reckon. */
export const estimateLine = (
  { from, to }: Movement,
  { requests, seconds, leaving, cost }: Estimate,
  currency: string,
): string | undefined => {
  if (storeOf(from) === 'file' && storeOf(to) === 'file') return undefined;
  const left = leaving > 0 ? `; ${humanBytes(leaving)} leave ${storeOf(from) ?? from.url}` : '';
  const price = cost === undefined ? '' : `, about ${cost.toFixed(2)} ${currency}`;
  return `about ${requests} requests, ${humanTime(seconds)}${left}${price}`;
};

/** Coarse on purpose. */
const humanTime = (seconds: number): string => {
  if (seconds < 60) return 'less than a minute';
  if (seconds < 7200) return `${Math.ceil(seconds / 60)} min`;
  return `${Math.ceil(seconds / 3600)} h`;
};
