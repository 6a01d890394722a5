import { Lc2Error } from '../../../core/errors.ts';

/** Follows quotes, bodies and comments of one SQL statement, line by line, to the semicolon that ends it. */
export interface StatementEnd {
  /** A line with its line end, a character for each byte. True when the statement ends with it. */
  add(line: string): boolean;
}

type Inside =
  | { readonly kind: 'string'; readonly escapes: boolean }
  | { readonly kind: 'name' }
  | { readonly kind: 'body'; readonly tag: string };

const special = /['"$;\\]|--|\/\*/g;
const commentMark = /\/\*|\*\//g;
const bodyTag = /\$(?:[A-Za-z_\u0080-\u00ff][A-Za-z0-9_\u0080-\u00ff]*)?\$/y;
const inName = /[A-Za-z0-9_$\u0080-\u00ff]/;

export const createStatementEnd = ({ escapes }: { readonly escapes: boolean }): StatementEnd => {
  let inside: Inside | undefined;
  let comments = 0;

  /** Place behind the end of what we are inside of, or undefined when this line does not hold it. */
  const leave = (line: string, from: number, what: Inside): number | undefined => {
    if (what.kind === 'body') {
      const end = line.indexOf(what.tag, from);
      return end === -1 ? undefined : end + what.tag.length;
    }
    const quote = what.kind === 'name' ? '"' : "'";
    for (let at = from; at < line.length; at++) {
      if (what.kind === 'string' && what.escapes && line[at] === '\\') at++;
      // Doubled quotes leave and enter again, which comes to the same.
      else if (line[at] === quote) return at + 1;
    }
    return undefined;
  };

  /** What begins at a special character; place behind it. */
  const enter = (line: string, at: number): number => {
    const character = line[at];
    if (character === "'") {
      const prefixed = /[eE]/.test(line[at - 1] ?? '') && !inName.test(line[at - 2] ?? ' ');
      inside = { kind: 'string', escapes: escapes || prefixed };
      return at + 1;
    }
    if (character === '"') {
      inside = { kind: 'name' };
      return at + 1;
    }
    bodyTag.lastIndex = at;
    const tag = inName.test(line[at - 1] ?? ' ') ? undefined : bodyTag.exec(line)?.[0];
    if (tag === undefined) return at + 1;
    inside = { kind: 'body', tag };
    return at + tag.length;
  };

  const skipComments = (line: string, from: number): number => {
    commentMark.lastIndex = from;
    for (let mark = commentMark.exec(line); mark; mark = commentMark.exec(line)) {
      comments += mark[0] === '/*' ? 1 : -1;
      if (comments === 0) return commentMark.lastIndex;
    }
    return line.length;
  };

  return {
    add: (line) => {
      let ended = false;
      for (let at = 0; at < line.length;) {
        if (inside) {
          const next = leave(line, at, inside);
          if (next === undefined) return false;
          inside = undefined;
          at = next;
          continue;
        }
        if (comments > 0) {
          at = skipComments(line, at);
          continue;
        }
        special.lastIndex = at;
        const found = special.exec(line);
        if (!found) break;
        const [mark] = found;
        if (mark === '--') break;
        if (mark === '\\') {
          throw new Lc2Error('BACKUP_DAMAGED', 'the dump holds a command for psql', {
            where: line.trim().slice(0, 200),
          });
        }
        if (mark === ';') {
          // Behind it nothing may stand but the line's end; within bodies of functions it goes on.
          ended = line.slice(found.index + 1).trim() === '';
          at = found.index + 1;
        } else if (mark === '/*') {
          comments = 1;
          at = found.index + 2;
        } else at = enter(line, found.index);
      }
      return ended && inside === undefined && comments === 0;
    },
  };
};
