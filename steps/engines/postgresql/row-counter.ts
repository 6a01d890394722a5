import type { RowCounts } from '../../../core/ports/database.ts';
import { Lc2Error } from '../../../core/errors.ts';
import { tableKey, tryParseTable } from './quote.ts';

/**
 * Counts the rows of each table in a data-only script of pg_restore. Rows are lines between `COPY … FROM stdin;` and
 * `\.`; COPY escapes line ends and backslashes, so a row is a line and never the end mark. Between them stand short
 * statements, whose quoted names and texts may hold line ends: quotes are followed across lines.
 */
export interface RowCounter {
  add(chunk: Uint8Array): void;
  end(): RowCounts;
}

const newline = 10;
const nothing = Buffer.alloc(0);
const endMark = Buffer.from('\\.');
/** A statement outside COPY data is short, but for large objects in hex, which are skipped unseen. */
const statementLimit = 1024 * 1024;

export const createRowCounter = (): RowCounter => {
  const rows: Record<string, number> = Object.create(null);
  let table: string | undefined;
  let count = 0;
  let rest: Buffer = nothing;
  let statement = '';
  let quote: '"' | "'" | undefined;

  /** By its place in the chunk: a view of every row would be most of the work. */
  const copyLine = (data: Buffer, start: number, end: number): void => {
    if (table === undefined) return;
    if (end - start === endMark.length && data[start] === endMark[0] && data[start + 1] === endMark[1]) {
      rows[table] = (rows[table] ?? 0) + count;
      table = undefined;
    } else count++;
  };

  const sqlLine = (line: Buffer): void => {
    if (quote === undefined && (line.length === 0 || line.subarray(0, 2).equals(comment))) return;
    const text = line.length > statementLimit ? '' : line.toString('utf8');
    quote = quoteAfter(text, quote);
    statement += quote === undefined ? text : `${text}\n`;
    if (quote !== undefined) return;
    const name = copyTarget(statement);
    statement = '';
    if (name === undefined) return;
    table = name;
    count = 0;
  };

  const add = (chunk: Uint8Array): void => {
    const data = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let end = data.indexOf(newline); end !== -1; end = data.indexOf(newline, start)) {
      if (rest.length > 0) {
        // Only the line that began in an earlier chunk is put together anew.
        const line = Buffer.concat([rest, data.subarray(0, end)]);
        rest = nothing;
        if (table === undefined) sqlLine(line);
        else copyLine(line, 0, line.length);
      } else if (table === undefined) sqlLine(data.subarray(start, end));
      else copyLine(data, start, end);
      start = end + 1;
    }
    // A copy: the chunk's memory may be used again. Of a row, which may be as large as a gigabyte, its start says enough.
    const left = data.subarray(start);
    rest = Buffer.concat([rest, table === undefined ? left : left.subarray(0, endMark.length + 1)]);
  };

  return {
    add,
    end: () => {
      if (table !== undefined || quote !== undefined || rest.length > 0) {
        throw new Lc2Error('BACKUP_DAMAGED', 'the dump ends in the middle of a line or a table', {
          where: table ?? 'unknown table',
        });
      }
      return { ...rows };
    },
  };
};

const comment = Buffer.from('--');

const quoteAfter = (text: string, before: '"' | "'" | undefined): '"' | "'" | undefined => {
  let quote = before;
  for (const character of text) {
    if (character !== '"' && character !== "'") continue;
    if (quote === undefined) quote = character;
    else if (quote === character) quote = undefined;
  }
  return quote;
};

/** `COPY schema.table (columns) FROM stdin;` names its table; a table without columns has no list. */
export const copyTarget = (statement: string): string | undefined => {
  if (!statement.startsWith('COPY ') || !statement.endsWith(' FROM stdin;')) return undefined;
  const name = /^COPY ((?:"(?:[^"]|"")*"|[^".\s(]+)\.(?:"(?:[^"]|"")*"|[^".\s(]+))/s.exec(statement)?.[1];
  const parsed = name === undefined ? undefined : tryParseTable(name);
  if (!parsed)
    throw new Lc2Error('BACKUP_DAMAGED', 'a COPY statement names no table', { where: statement.slice(0, 200) });
  return tableKey(parsed.schema, parsed.table);
};
