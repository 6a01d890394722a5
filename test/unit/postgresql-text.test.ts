import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { databaseError, isConnectionLoss } from '../../steps/engines/postgresql/errors.ts';
import { tryParseMark } from '../../steps/engines/postgresql/marks.ts';
import {
  databaseConnection,
  quoteName,
  quoteText,
  tableKey,
  tryParseTable,
} from '../../steps/engines/postgresql/quote.ts';
import { loadable } from '../../steps/engines/postgresql/script.ts';
import { splitPasses, splitToc } from '../../steps/engines/postgresql/toc.ts';
import { newestTools, toolsFor } from '../../steps/engines/postgresql/tools.ts';
import { codeOf } from './support/streams.ts';

const name = fc.string({
  unit: fc.oneof(
    fc.constantFrom('"', "'", '\\', '.', '\n', ' ', 'a', 'B', '_', '$', 'é', '😀', '('),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
  minLength: 1,
  maxLength: 12,
});

/** What the server makes of a quoted name, a text, or libpq of a connection string; undefined when it ends elsewhere. */
const unquoteName = (sql: string): string | undefined => {
  const match = /^"((?:[^"]|"")*)"$/s.exec(sql);
  return match?.[1]?.replaceAll('""', '"');
};
const unquoteText = (sql: string): string | undefined => {
  const escaped = /^E'((?:[^'\\]|''|\\.)*)'$/s.exec(sql)?.[1];
  if (escaped !== undefined) return escaped.replaceAll(/''|\\(.)/gs, (run, c: string | undefined) => c ?? run.slice(1));
  return /^'((?:[^'\\]|'')*)'$/s.exec(sql)?.[1]?.replaceAll("''", "'");
};
const unquoteConnection = (text: string): string | undefined =>
  /^dbname='((?:[^'\\]|\\.)*)'$/s.exec(text)?.[1]?.replaceAll(/\\(.)/gs, '$1');

describe('quoting', () => {
  it('of names, texts and connections reads back the same and ends where it should', () => {
    fc.assert(
      fc.property(name, (text) => {
        expect(unquoteName(quoteName(text))).toBe(text);
        expect(unquoteText(quoteText(text))).toBe(text);
        expect(unquoteConnection(databaseConnection(text))).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  it('of tables reads back the same', () => {
    fc.assert(
      fc.property(name, name, (schema, table) => {
        expect(tryParseTable(tableKey(schema, table))).toEqual({ schema, table });
        expect(tryParseTable(`${quoteName(schema)}.${quoteName(table)}`)).toEqual({ schema, table });
      }),
    );
    expect(tableKey('public', 'user_')).toBe('public.user_');
    expect(tableKey('Public', 'a b')).toBe('"Public"."a b"');
  });

  it.each(['', 'public', 'a.b.c', '"a.b', 'a b.c', '"a"b.c', '.a', 'a.'])('takes %j for no table', (text) => {
    expect(tryParseTable(text)).toBeUndefined();
  });
});

describe('marks of databases', () => {
  const mark = { kind: 'previous', restoreId: 'r', environment: 'prd', database: 'lportal' };
  it.each([
    [`lc2-backup ${JSON.stringify(mark)}`, mark],
    [`lc2-backup ${JSON.stringify({ ...mark, kind: 'live' })}`, undefined],
    ['lc2-backup {', undefined],
    ['lc2-backup is great', undefined],
    [JSON.stringify(mark), undefined],
    ['', undefined],
    [null, undefined],
  ])('%j', (comment, expected) => expect(tryParseMark(comment)).toEqual(expected));
});

describe('the contents of a dump', () => {
  const entries = [
    '3; 3079 16385 EXTENSION - pgcrypto ',
    '4321; 0 0 COMMENT - EXTENSION pgcrypto ',
    '215; 1259 16400 TABLE public COMMENT - EXTENSION lookalike liferay',
    '3400; 3466 16500 EVENT TRIGGER - audit postgres',
    '3401; 0 0 COMMENT - EVENT TRIGGER audit postgres',
    '3402; 6100 16600 SUBSCRIPTION - sub postgres',
    '3403; 0 0 COMMENT - SUBSCRIPTION sub postgres',
    '3404; 6104 16700 PUBLICATION - pub liferay',
  ];
  const left = (superuser: boolean, sameEnvironment: boolean): number[] => {
    const { keep, leave } = splitToc(entries, { superuser, sameEnvironment });
    expect([...keep, ...leave].toSorted()).toEqual(entries.toSorted());
    expect(keep).toEqual(entries.filter((entry) => keep.includes(entry)));
    return leave.map((entry) => entries.indexOf(entry));
  };

  it('are all tried at home by a superuser', () => expect(left(true, true)).toEqual([]));
  it('lack what only a superuser may do', () => expect(left(false, true)).toEqual([1, 3, 4, 5, 6]));
  it('lack what belongs to the other server', () => expect(left(true, false)).toEqual([5, 6]));
  it('lack both elsewhere for others', () => expect(left(false, false)).toEqual([1, 3, 4, 5, 6]));

  it('leave rights, and what needs them, to a single job after all else', () => {
    const rights = [
      '3500; 0 0 ACL - SCHEMA inner liferay',
      '3501; 0 0 ACL inner TABLE t liferay',
      '3502; 826 16700 DEFAULT ACL inner DEFAULT PRIVILEGES FOR TABLES liferay',
      '3503; 0 16800 MATERIALIZED VIEW DATA inner v liferay',
    ];
    const both = [...entries, '3499; 1259 16800 MATERIALIZED VIEW inner v liferay', ...rights];
    const { atOnce, inOrder } = splitPasses(both);
    expect(inOrder).toEqual([entries[3], entries[4], ...rights]);
    expect(atOnce).toEqual(both.filter((entry) => !inOrder.includes(entry)));
  });
});

describe('client tools', () => {
  let folder: string;
  let env: Record<string, string>;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'lc2-tools-'));
    for (const major of ['96', '97', '99']) {
      mkdirSync(join(folder, major));
      writeFileSync(join(folder, major, 'pg_dump'), '');
    }
    const list = ['99', '97', '96'].map((major) => `${major}=${join(folder, major)}`);
    env = { LC2_PG_BIN: [...list, `98=${join(folder, 'gone')}`].join(delimiter) };
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('are the oldest that are not older than the server', () => {
    expect(toolsFor(96, env).major).toBe(96);
    expect(toolsFor(97, env).major).toBe(97);
    expect(toolsFor(98, env).major).toBe(99);
    expect(toolsFor(98, env).program('pg_restore')).toBe(join(folder, '99', 'pg_restore'));
    expect(newestTools(env).major).toBe(99);
  });

  it('are refused for a newer server', () => {
    expect(() => toolsFor(100, env)).toThrow(
      expect.objectContaining({
        code: 'DATABASE_VERSION_UNSUPPORTED',
        message: expect.stringContaining('newest client tools here are 99'),
      }),
    );
  });
});

describe('errors of the database', () => {
  const thrown = (code: string, message = 'x'): Error => Object.assign(new Error(message), { code });
  it.each([
    [thrown('28P01'), 'DATABASE_LOGIN_FAILED'],
    [thrown('28000', 'no pg_hba.conf entry for host'), 'DATABASE_LOGIN_FAILED'],
    [thrown('3D000'), 'DATABASE_NOT_FOUND'],
    [thrown('42501'), 'DATABASE_PRIVILEGE'],
    [thrown('55P03'), 'DATABASE_BUSY'],
    [thrown('55006'), 'DATABASE_BUSY'],
    [thrown('ECONNREFUSED'), 'DATABASE_UNREACHABLE'],
    [thrown('ENOTFOUND'), 'DATABASE_UNREACHABLE'],
    // The name server had no time: the name may well be right.
    [thrown('EAI_AGAIN'), 'DATABASE_FAILED'],
    [new Error('timeout expired'), 'DATABASE_UNREACHABLE'],
    [thrown('SELF_SIGNED_CERT_IN_CHAIN'), 'DATABASE_TLS_FAILED'],
    [new Error('The server does not support SSL connections'), 'DATABASE_TLS_FAILED'],
    [new Error('no such user'), 'DATABASE_LOGIN_FAILED'],
    [thrown('XX000'), 'DATABASE_FAILED'],
    ['text', 'DATABASE_FAILED'],
  ])('%s is %s', (error, code) => {
    expect(databaseError(error, 'db:5432')).toMatchObject({ code, where: 'db:5432' });
  });

  it('of several addresses name each', async () => {
    const error = Object.assign(new AggregateError([new Error('one'), new Error('two')], ''), { code: 'ECONNREFUSED' });
    expect(databaseError(error, 'x').what).toContain('two');
    expect(await codeOf(() => Promise.reject(databaseError(error, 'x')))).toBe('DATABASE_UNREACHABLE');
  });

  it.each([
    ['pg_dump: error: server closed the connection unexpectedly', true],
    ['pg_dump: error: connection to server at "x" failed: refused', true],
    ['FATAL:  the database system is shutting down', true],
    ['pg_dump: error: permission denied for table x', false],
    ['', false],
  ])('are a lost connection: %j: %s', (text, lost) => expect(isConnectionLoss(text)).toBe(lost));
});

describe('a script for psql', () => {
  const through = async (...chunks: readonly string[]): Promise<string> => {
    const given = async function* (): AsyncGenerator<Uint8Array> {
      for (const chunk of chunks) yield await Promise.resolve(Buffer.from(chunk));
    };
    const parts: Uint8Array[] = [];
    for await (const part of loadable(given())) parts.push(part);
    return Buffer.concat(parts).toString('utf8');
  };
  const head = '--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\nSET statement_timeout = 0;\n';

  it('loses the option that an older server does not know, and nothing else', async () => {
    const rest = `CREATE TABLE t ();\n${'-- filler\n'.repeat(1000)}SET transaction_timeout = 0;\n`;
    expect(await through(head, 'SET transaction_timeout = 0;\n', rest)).toBe(head + rest);
    expect(await through(...Array.from(head + rest))).toBe(head + rest);
  });

  it('that leaves commands to psql is refused before its first line', async () => {
    for (const text of ['', head.replace('\\restrict abc\n', ''), `${'-- x\n'.repeat(2000)}\\restrict abc\n`])
      expect(await codeOf(() => through(text))).toBe('TOOL_MISSING');
  });
});
