import { compareUtf8 } from '../utf8.ts';

/** JSON with one form: keys sorted by UTF-8 bytes, two spaces, a final newline. Digests are of these bytes. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

const sorted = (value: Json): Json => {
  if (Array.isArray(value)) return (value as readonly Json[]).map(sorted);
  if (value === null || typeof value !== 'object') return value;
  const from = value as { readonly [key: string]: Json | undefined };
  const entries = Object.keys(from).sort(compareUtf8);
  // A null prototype keeps a key named __proto__ an ordinary key.
  const to: Record<string, Json | undefined> = Object.create(null);
  for (const key of entries) if (from[key] !== undefined) to[key] = sorted(from[key]);
  return to;
};

export const canonical = (value: Json): string => `${JSON.stringify(sorted(value), undefined, 2)}\n`;

/** One line, for NDJSON and digests of specs. */
export const canonicalLine = (value: Json): string => JSON.stringify(sorted(value));
