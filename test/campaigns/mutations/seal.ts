// What somebody does who changes a backup and mends its digests: written from the documentation, not with the product's code.
import { createHash } from 'node:crypto';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export const digestOf = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

const write = (value: Json, indent: string, line: boolean): string => {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const inner = line ? '' : `${indent}  `;
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  const items = Array.isArray(value)
    ? value.map((item) => write(item, inner, line))
    : Object.keys(value)
        .toSorted(byBytes)
        .map((key) => `${JSON.stringify(key)}:${line ? '' : ' '}${write(value[key] ?? null, inner, line)}`);
  if (items.length === 0) return `${open}${close}`;
  return line
    ? `${open}${items.join(',')}${close}`
    : `${open}\n${inner}${items.join(`,\n${inner}`)}\n${indent}${close}`;
};

export const canonicalText = (value: Json): string => `${write(value, '', false)}\n`;
export const canonicalLine = (value: Json): string => write(value, '', true);

/** The bytes of a manifest with a digest that fits them. */
export const seal = (manifest: JsonObject): Buffer => {
  const { digest: _old, ...body } = manifest;
  return Buffer.from(canonicalText({ ...body, digest: digestOf(canonicalText(body)) }));
};

export const unpack = (packed: Uint8Array): JsonObject[] =>
  zstdDecompressSync(packed)
    .toString('utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as JsonObject);

export const pack = (lines: readonly JsonObject[]): Buffer =>
  zstdCompressSync(Buffer.from(lines.map((line) => `${canonicalLine(line)}\n`).join('')));
