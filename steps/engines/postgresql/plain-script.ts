import { Lc2Error } from '../../../core/errors.ts';
import type { RowCounts } from '../../../core/ports/database.ts';
import { createStatementEnd, type StatementEnd } from './statement-end.ts';
import { copyTarget } from './row-counter.ts';

/**
 * A whole plain script of pg_dump on its way: split into statements and rows, so that statements can be left out, rows counted,
 * and the last line known for what it is. Unlike a data-only script it holds bodies of functions, in which anything may stand.
 */
export interface PlainScript {
  /** What of it is to be kept. */
  push(chunk: Uint8Array): Buffer;
  /** BACKUP_DAMAGED unless the script came to its own end. */
  end(): RowCounts;
}

const newline = 10;
const backslash = 92;
const nothing = Buffer.alloc(0);
const endOfCopy = Buffer.from('\\.');
const lastComment = '-- PostgreSQL database dump complete';
/** The dump tool writes nothing larger as one statement; large objects come in pieces. */
const statementLimit = 256 * 1024 * 1024;

const damaged = (what: string, where: string): Lc2Error =>
  new Lc2Error('BACKUP_DAMAGED', what, { where: where.slice(0, 200) });

export const createPlainScript = (keep: (statement: string) => boolean = () => true): PlainScript => {
  const rows: Record<string, number> = Object.create(null);
  let copying: { readonly table: string; count: number; readonly kept: boolean } | undefined;
  let scanner: StatementEnd = createStatementEnd({ escapes: false });
  let escapes = false;
  /** Lines of a statement that has not ended. */
  let lines: Buffer[] = [];
  let size = 0;
  /** The begin of a line whose end is still to come. Of a row, which may be as large as a gigabyte, its first bytes. */
  let rest: Buffer = nothing;
  let complete = false;
  let kept: Buffer[] = [];

  /** A line with its line end, outside of rows. */
  const sqlLine = (line: Buffer): void => {
    if (lines.length === 0 && isAside(line)) {
      if (line.toString('latin1').trimEnd() === lastComment) complete = true;
      if (line[0] !== backslash) kept.push(line);
      return;
    }
    if (complete) throw damaged('something follows the end of the dump', line.toString('utf8'));
    size += line.byteLength;
    if (size > statementLimit) throw damaged('a statement of the dump has no end', lines[0]?.toString('utf8') ?? '');
    // A copy: the chunk's memory may be used again.
    lines.push(Buffer.from(line));
    if (!scanner.add(line.toString('latin1'))) return;
    endStatement();
  };

  const endStatement = (): void => {
    const whole = lines.length === 1 ? (lines[0] ?? nothing) : Buffer.concat(lines, size);
    const text = whole.toString('utf8').trimEnd();
    const standard = /^SET standard_conforming_strings = (on|off);$/.exec(text);
    if (standard) escapes = standard[1] === 'off';
    scanner = createStatementEnd({ escapes });
    lines = [];
    size = 0;
    const table = copyTarget(text);
    const wanted = keep(text);
    if (wanted) kept.push(whole);
    if (table !== undefined) copying = { table, count: 0, kept: wanted };
  };

  const copyLine = (own: Buffer, into: NonNullable<typeof copying>): void => {
    if (into.kept) kept.push(own);
    const line = rest.length === 0 ? own : Buffer.concat([rest, own.subarray(0, 4)]);
    rest = nothing;
    if (line.length > 3 || !line.subarray(0, line.length - 1).equals(endOfCopy)) into.count++;
    else {
      rows[into.table] = (rows[into.table] ?? 0) + into.count;
      copying = undefined;
    }
  };

  return {
    push: (chunk) => {
      const data = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      kept = [];
      let start = 0;
      for (let end = data.indexOf(newline); end !== -1; end = data.indexOf(newline, start)) {
        const own = data.subarray(start, end + 1);
        if (copying) copyLine(own, copying);
        else {
          const line = rest.length === 0 ? own : Buffer.concat([rest, own]);
          rest = nothing;
          sqlLine(line);
        }
        start = end + 1;
      }
      const left = data.subarray(start);
      if (copying?.kept === true && left.length > 0) kept.push(left);
      rest = Buffer.concat(copying ? [rest, left.subarray(0, 4)] : [rest, left]);
      return Buffer.concat(kept);
    },
    end: () => {
      if (copying || lines.length > 0 || rest.length > 0 || !complete)
        throw damaged('the dump ends before its own end mark', copying?.table ?? 'dump');
      return { ...rows };
    },
  };
};

/** Empty lines, comments, and the two commands with which the dump tool shuts others out. */
const isAside = (line: Buffer): boolean => {
  const text = line.toString('latin1').trimEnd();
  if (text === '' || text.startsWith('--')) return true;
  if (!text.startsWith('\\')) return false;
  if (/^\\(un)?restrict [A-Za-z0-9]+$/.test(text)) return true;
  throw damaged('the dump holds a command for psql', text);
};
