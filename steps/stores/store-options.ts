import type { Location } from '../../core/api/location.ts';
import { Lc2Error } from '../../core/errors.ts';
import { type ParsedUrl, tryParseUrl } from '../../core/stores/index.ts';

export interface StoreOptions {
  readonly location: Location;
  /** Values of the location's Secret; empty: the SDK's default chain. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Ends every call with CANCELLED. */
  readonly signal: AbortSignal;
  /** Appended to the location's prefix; keys are relative to it. */
  readonly subfolder?: string;
  readonly tuning?: StoreTuning;
}

/** Limits that tests scale down. */
export interface StoreTuning {
  /** Bytes of the first parts of a multipart upload, and the longest body that goes in one request. */
  readonly partSize?: number;
  /** Parts of one size before the size doubles. */
  readonly partsPerSize?: number;
  /** Bytes of bodies held in memory by all uploads of one opened store. */
  readonly bufferLimit?: number;
  /** Keys per page of a listing. */
  readonly pageSize?: number;
  readonly connectTimeout?: number;
  /** Longest silence of a connection, in milliseconds. */
  readonly socketTimeout?: number;
  readonly attempts?: number;
}

export interface AdapterOptions extends StoreOptions {
  readonly parsed: ParsedUrl;
  /** The location's url with the subfolder. */
  readonly url: string;
  /** Of all keys within the bucket: empty or with a final slash. */
  readonly prefix: string;
}

export const prefixOf = ({ prefix }: Pick<ParsedUrl, 'prefix'>, subfolder = ''): string =>
  [prefix, subfolder].flatMap((part) => (part === '' ? [] : [`${part}/`])).join('');

export const adapterOptionsOf = (options: StoreOptions): AdapterOptions => {
  const { location, subfolder } = options;
  const parsed = tryParseUrl(location.url);
  if (parsed === undefined) throw new Lc2Error('INPUT_INVALID', 'no store knows this url', { where: location.url });
  const trimmed = location.url.replace(/\/+$/, '');
  const url = subfolder === undefined || subfolder === '' ? trimmed : `${trimmed}/${subfolder}`;
  return { ...options, parsed, url, prefix: prefixOf(parsed, subfolder) };
};
