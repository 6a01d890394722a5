import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RowCounts } from '../../core/ports/database.ts';
import { compareRows } from '../../steps/runtime/compare-rows.ts';
import { quoteName, tableKey } from '../../steps/engines/postgresql/quote.ts';
import { createRowCounter } from '../../steps/engines/postgresql/row-counter.ts';
import { codeOf } from './support/streams.ts';

const count = (script: string | Buffer, size = Number.MAX_SAFE_INTEGER): RowCounts => {
  const counter = createRowCounter();
  const bytes = Buffer.from(script);
  for (let at = 0; at < bytes.byteLength; at += size) counter.add(bytes.subarray(at, at + size));
  return counter.end();
};

const header = `--
-- PostgreSQL database dump
--

\\restrict 8hYf

SET statement_timeout = 0;
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);

`;

/** As COPY writes text. */
const copyText = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t');

describe('rows of a dump', () => {
  it('are counted by table', () => {
    const script =
      `${header}COPY public.user_ (id, "name") FROM stdin;\n1\ta\n2\t\\N\n\\.\n\n\nCOPY public.empty (id) FROM stdin;\n\\.\n\n` +
      `--\n-- Name: s; Type: SEQUENCE SET\n--\n\n` +
      `SELECT pg_catalog.setval('public.s', 1, true);\n\n\n--\n-- done\n--\n\n`;
    expect(count(script)).toEqual({ 'public.user_': 2, 'public.empty': 0 });
  });

  it('are counted when one of them is far larger than what is read at a time', () => {
    const counter = createRowCounter();
    const piece = Buffer.alloc(64 * 1024, 'x');
    counter.add(Buffer.from('COPY public.large (a) FROM stdin;\nsmall\n\\.'));
    for (let i = 0; i < 4000; i++) counter.add(piece);
    counter.add(Buffer.from('\n\\.\n'));
    expect(counter.end()).toEqual({ 'public.large': 2 });
  });

  it.each<[string, string, RowCounts]>([
    ['a table without columns', 'COPY public.none  FROM stdin;\n\n\n\n\\.\n', { 'public.none': 3 }],
    ['an end mark in the data', 'COPY public.t (a) FROM stdin;\n\\\\.\n\\.x\nx\\.\n\\.\n', { 'public.t': 3 }],
    ['empty rows', 'COPY public.t (a) FROM stdin;\n\n\n\\.\n', { 'public.t': 2 }],
    [
      'a row like a statement',
      "COPY public.t (a) FROM stdin;\nCOPY public.u (a) FROM stdin;\nit's\n--\n\\.\n",
      { 'public.t': 3 },
    ],
    ['a newline in a name', 'COPY public."a\nb" (x) FROM stdin;\n1\n\\.\n', { 'public."a\nb"': 1 }],
    [
      'blank and comment lines in a name',
      'COPY public."a\n\n--b\n" (x) FROM stdin;\n1\n\\.\n',
      { 'public."a\n\n--b\n"': 1 },
    ],
    ['quotes in names', 'COPY "O""dd"."t(""" ("c"")", d) FROM stdin;\n1\n\\.\n', { '"O""dd"."t("""': 1 }],
    [
      'an apostrophe in a name',
      `COPY public."it's" (x) FROM stdin;\n1\n\\.\nCOPY public.b (x) FROM stdin;\n\\.\n`,
      { 'public."it\'s"': 1, 'public.b': 0 },
    ],
    [
      'text over several lines',
      "SELECT pg_catalog.f('a\nCOPY public.t (a) FROM stdin;\n');\nCOPY public.u (a) FROM stdin;\n1\n\\.\n",
      { 'public.u': 1 },
    ],
    [
      'an apostrophe in a comment',
      "-- Data for Name: it's; Type: TABLE DATA\nCOPY public.t (a) FROM stdin;\n1\n\\.\n",
      { 'public.t': 1 },
    ],
    [
      'a table in parts',
      'COPY public.t (a) FROM stdin;\n1\n\\.\nCOPY public.t (a) FROM stdin;\n2\n\\.\n',
      { 'public.t': 2 },
    ],
    ['a column called FROM stdin', 'COPY public.t (" FROM stdin;") FROM stdin;\n1\n\\.\n', { 'public.t': 1 }],
    ['a plain name that is upper case', 'COPY public."T" (a) FROM stdin;\n\\.\n', { 'public."T"': 0 }],
    ['a table called __proto__', 'COPY public.__proto__ (a) FROM stdin;\n1\n\\.\n', { 'public.__proto__': 1 }],
    ['nothing', '', {}],
  ])('of %s', (_, script, rows) => {
    expect(count(script)).toEqual(rows);
    expect(count(header + script)).toEqual(rows);
  });

  it('are the same however the script is cut into chunks', () => {
    const odd = fc.string({
      unit: fc.constantFrom('a', 'B', '"', "'", '\n', '.', '(', ' ', 'é', '-', '\\'),
      minLength: 1,
      maxLength: 5,
    });
    const table = fc.record({
      schema: odd,
      name: odd,
      rows: fc.array(fc.array(odd, { maxLength: 2 }), { maxLength: 4 }),
    });
    const tables = fc.uniqueArray(table, { maxLength: 4, selector: ({ schema, name }) => tableKey(schema, name) });
    fc.assert(
      fc.property(tables, fc.integer({ min: 1, max: 40 }), (all, size) => {
        const script = all.map(({ schema, name, rows }) => {
          const data = rows.map((row) => `${row.map(copyText).join('\t')}\n`).join('');
          return `COPY ${quoteName(schema)}.${quoteName(name)} ("x") FROM stdin;\n${data}\\.\n\n`;
        });
        const expected = Object.fromEntries(all.map(({ schema, name, rows }) => [tableKey(schema, name), rows.length]));
        expect(count(header + script.join(''), size)).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('do not change with the place of a cut', () => {
    const script = Buffer.from(`${header}COPY "é"."a\nb" (x) FROM stdin;\n\\\\.\né\n\\.\nSELECT 'x\n\\.\n';\n`);
    for (let at = 0; at <= script.byteLength; at++) {
      const counter = createRowCounter();
      for (const part of [script.subarray(0, at), script.subarray(at)]) counter.add(part);
      expect(counter.end()).toEqual({ '"é"."a\nb"': 2 });
    }
  });

  it('are not counted in memory that is used again', () => {
    const counter = createRowCounter();
    const memory = Buffer.alloc(20);
    for (const piece of ['COPY public.t (a) FR', 'OM stdin;\n1\n2\n\\.\n\n\n\n\n']) {
      memory.fill(' ');
      memory.write(piece);
      counter.add(memory.subarray(0, Buffer.byteLength(piece)));
    }
    expect(counter.end()).toEqual({ 'public.t': 2 });
  });

  it.each([
    'COPY public.t (a) FROM stdin;\n1\n',
    'COPY public.t (a) FROM stdin;\n1\n\\.',
    'COPY public.t (a) FROM st',
    'COPY public."t\n',
    "SELECT 'x\n",
    'COPY t (a) FROM stdin;\n\\.\n',
  ])('of a script that is cut or foreign are damage: %j', async (script) => {
    expect(await codeOf(() => count(script))).toBe('BACKUP_DAMAGED');
  });

  it('pass over a large object of any size', () => {
    expect(
      count(`SELECT pg_catalog.lowrite(0, '\\x${'00'.repeat(1024 * 1024)}');\nCOPY public.t (a) FROM stdin;\n\\.\n`),
    ).toEqual({ 'public.t': 0 });
  });
});

describe('rows after a restore', () => {
  const base = {
    expected: { 'public.a': 1, 'public.b': 0 },
    found: { 'public.a': 1, 'public.b': 0 },
    partial: [],
    exact: true,
    where: 'db',
  };

  it('are those of the backup', () => expect(() => compareRows(base)).not.toThrow());

  it.each([
    [{ found: { 'public.a': 2, 'public.b': 0 } }, 'table public.a has 2 rows instead of 1'],
    [{ found: { 'public.a': 1 } }, 'table public.b has no rows instead of 0'],
    [{ found: { ...base.found, 'public.c': 0 } }, 'table public.c is not in the backup'],
  ])('differ with %j', async (change, mention) => {
    expect(() => compareRows({ ...base, ...change })).toThrow(
      expect.objectContaining({ code: 'RESTORE_DIFFERS', message: expect.stringContaining(mention) }),
    );
  });

  it('may differ in tables of extensions, and have more in place', () => {
    expect(() =>
      compareRows({ ...base, found: { 'public.a': 5, 'public.b': 0 }, partial: ['public.a'] }),
    ).not.toThrow();
    expect(() => compareRows({ ...base, found: { ...base.found, 'public.c': 9 }, exact: false })).not.toThrow();
    expect(() => compareRows({ ...base, found: { ...base.found, 'ext.c': 9 }, partial: ['ext.c'] })).not.toThrow();
  });
});
