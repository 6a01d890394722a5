import { compareUtf8 } from '../utf8.ts';

/** JSON with one form: keys sorted by UTF-8 bytes, two spaces, a final newline. Digests are of these bytes. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

type JsonObject = { readonly [key: string]: Json | undefined };

const isList = (value: Json): value is readonly Json[] => Array.isArray(value);

/** Written by hand: an object of JavaScript has an order of its own for keys that look like numbers. */
const write = (value: Json, indent: string | undefined): string => {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const inner = indent === undefined ? undefined : `${indent}  `;
  if (isList(value))
    return enclose(
      '[]',
      value.map((item) => write(item, inner)),
      indent,
    );
  return enclose('{}', members(value, inner), indent);
};

const members = (value: JsonObject, inner: string | undefined): string[] => {
  const written: string[] = [];
  for (const key of Object.keys(value).sort(compareUtf8)) {
    const member = value[key];
    if (member === undefined) continue;
    written.push(`${JSON.stringify(key)}:${inner === undefined ? '' : ' '}${write(member, inner)}`);
  }
  return written;
};

const enclose = (brackets: '[]' | '{}', items: readonly string[], indent: string | undefined): string => {
  const [open = '', close = ''] = brackets;
  if (items.length === 0) return brackets;
  if (indent === undefined) return `${open}${items.join(',')}${close}`;
  return `${open}\n${indent}  ${items.join(`,\n${indent}  `)}\n${indent}${close}`;
};

export const canonical = (value: Json): string => `${write(value, '')}\n`;

/** One line, for NDJSON and digests of specs. */
export const canonicalLine = (value: Json): string => write(value, undefined);
