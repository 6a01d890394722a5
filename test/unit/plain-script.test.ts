import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { countPlainRows, keepOf, type PlainRules, plainScriptFor } from '../../steps/engines/postgresql/plain.ts';
import { createPlainScript } from '../../steps/engines/postgresql/plain-script.ts';
import { messageOf } from './support/streams.ts';

const head = String.raw`--
-- PostgreSQL database dump
--

\restrict abc123

SET transaction_timeout = 0;
SET standard_conforming_strings = on;
SET default_tablespace = '';

CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA public;
COMMENT ON EXTENSION hstore IS 'it''s; a store';
CREATE FUNCTION public.odd() RETURNS text
    LANGUAGE sql
    AS $_$
COPY public.fake FROM stdin;
it's "unbalanced; /* and
\! touch /tmp/never
$_$;

ALTER FUNCTION public.odd() OWNER TO "odd ""role""";
CREATE FUNCTION public.atomic() RETURNS integer
    LANGUAGE sql
    BEGIN ATOMIC
 SELECT 1;
 SELECT 2;
END;
/* a /* nested */ comment; */ CREATE TABLE public."a ; b" (
    id integer DEFAULT E'\';' NOT NULL,
    note text DEFAULT ' OWNER TO nobody'
);
ALTER TABLE public."a ; b" OWNER TO app;
GRANT SELECT ON TABLE public."a ; b" TO reader;
`;
const rows = String.raw`COPY public."a ; b" (id, note) FROM stdin;
1	;'"$$ -- /*
2	\\.
\\.	x
\.


COPY public.empty FROM stdin;
\.

`;
const tail = String.raw`ALTER DEFAULT PRIVILEGES FOR ROLE app IN SCHEMA public GRANT SELECT ON TABLES TO reader;
CREATE EVENT TRIGGER watch ON ddl_command_end
   EXECUTE FUNCTION public.odd();
CREATE SUBSCRIPTION sub CONNECTION 'x' PUBLICATION p WITH (connect = false);
--
-- PostgreSQL database dump complete
--

\unrestrict abc123
`;
const script = head + rows + tail;

const all: PlainRules = { superuser: true, sameEnvironment: true, role: undefined, major: 17 };
const through = (text: string, size: number, rules: PlainRules = all) => {
  const reader = createPlainScript(keepOf(rules));
  const bytes = Buffer.from(text);
  const kept: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) kept.push(reader.push(bytes.subarray(at, at + size)));
  return { text: Buffer.concat(kept).toString('utf8'), rows: reader.end() };
};
async function* bytesOf(data: Uint8Array, size = 100): AsyncIterable<Uint8Array> {
  for (let at = 0; at < data.length; at += size) yield await Promise.resolve(data.subarray(at, at + size));
}
const withoutMeta = script.replaceAll(/^\\(un)?restrict .*\n/gm, '');

describe('a plain script', () => {
  it.each([1, 2, 3, 7, 64, 100_000])('comes through whole in pieces of %i bytes, with its rows counted', (size) => {
    const found = through(script, size);
    expect(found.text).toBe(withoutMeta);
    expect(found.rows).toEqual({ 'public."a ; b"': 3, 'public.empty': 0 });
  });

  it.each([
    ['cut before its mark', script.slice(0, script.indexOf('-- PostgreSQL database dump complete'))],
    ['cut in a table', script.slice(0, script.indexOf('2\t'))],
    ['cut in a statement', script.slice(0, script.indexOf('BEGIN ATOMIC'))],
    ['cut in the last line', script.slice(0, -3)],
    ['followed by another', `${script}DROP TABLE x;\n`],
    ['empty', ''],
    ['with a command for psql', script.replace('GRANT SELECT', '\\! touch /tmp/never\nGRANT SELECT')],
    ['with a command within a statement', script.replace('GRANT SELECT', 'GRANT \\! SELECT')],
  ])('is damaged when %s', (_, text) => {
    expect(() => through(text, 50)).toThrow(expect.objectContaining({ code: 'BACKUP_DAMAGED' }));
  });

  it('for another environment has no owners, grants, subscriptions and tablespaces, and everything else', () => {
    const { text } = through(script, 33, { superuser: true, sameEnvironment: false, role: 'app', major: 17 });
    const gone = withoutMeta
      .split('\n')
      .filter((line) => !text.split('\n').includes(line) && line !== '')
      .map((line) => line.split(' ').slice(0, 2).join(' '));
    expect(gone).toEqual([
      'SET default_tablespace',
      'ALTER FUNCTION',
      'ALTER TABLE',
      'GRANT SELECT',
      'ALTER DEFAULT',
      'CREATE SUBSCRIPTION',
    ]);
  });

  it('for who is no superuser has nothing that only one may do; for an older server nothing it does not know', () => {
    const { text } = through(script, 33, { superuser: false, sameEnvironment: true, role: undefined, major: 16 });
    expect(text).not.toMatch(/EVENT TRIGGER|COMMENT ON EXTENSION|SUBSCRIPTION|transaction_timeout/);
    expect(text).toContain('OWNER TO app');
  });

  it('follows backslashes in strings where the server did not take them literally', () => {
    const text = script
      .replace('standard_conforming_strings = on', 'standard_conforming_strings = off')
      .replace("'it''s; a store'", "'it\\';s a store'");
    expect(through(text, 20).rows).toEqual({ 'public."a ; b"': 3, 'public.empty': 0 });
  });
});

describe('a stored plain dump', () => {
  const stored = gzipSync(script);

  it('is counted, and is damaged when it is cut off anywhere', async () => {
    expect(await countPlainRows(bytesOf(stored))).toEqual({ 'public."a ; b"': 3, 'public.empty': 0 });
    for (const length of [0, 5, 20, Math.floor(stored.length / 2), stored.length - 1])
      expect(await messageOf(() => countPlainRows(bytesOf(stored.subarray(0, length))))).toContain('dump');
  });

  it('that is no gzip is damaged, and what its source throws comes through', async () => {
    await expect(countPlainRows(bytesOf(Buffer.from(script)))).rejects.toThrow(/cannot be unpacked/);
    const broken = async function* (): AsyncIterable<Uint8Array> {
      yield* bytesOf(stored.subarray(0, 200));
      throw new Error('the store is gone');
    };
    await expect(countPlainRows(broken())).rejects.toThrow('the store is gone');
  });

  it('is run by a psql that takes no commands, as the role that owns things', async () => {
    let text = '';
    const rules: PlainRules = { superuser: true, sameEnvironment: false, role: 'a"b', major: 17 };
    for await (const chunk of plainScriptFor(bytesOf(stored), rules)) text += Buffer.from(chunk).toString('utf8');
    const lines = text.split('\n');
    expect(lines[0]).toMatch(/^\\restrict [0-9a-f]{32}$/);
    expect(lines[1]).toBe('SET ROLE "a""b";');
    expect(lines.at(-2)).toBe(lines[0]?.replace('\\restrict', '\\unrestrict'));
    expect(text).not.toContain('abc123');
  });
});
