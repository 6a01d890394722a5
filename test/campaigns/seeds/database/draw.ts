// What a database is drawn with: names, texts, and a register of what was made, so that later statements can refer to it.
import { identifier, literal } from '../../../oracle/psql.ts';
import type { Random } from '../../random.ts';

export interface TypeUse {
  readonly sql: string;
  /** What indexes and ranges can do with it; `text` has an immutable lower(). */
  readonly nature: 'number' | 'text' | 'time' | 'json' | 'words' | 'point' | 'range' | 'ordered' | 'other';
  /** An SQL expression of this type. */
  readonly value: () => string;
}

export interface Column {
  readonly name: string;
  readonly type: TypeUse;
  /** Filled by the server. */
  readonly generated?: boolean;
}

export interface Table {
  readonly ref: string;
  readonly columns: readonly Column[];
  /** An integer column with distinct values from 1 to `rows`, the primary key where `keyed`. */
  readonly key: string;
  readonly keyed: boolean;
  readonly rows: number;
  /** Rows live in partitions below it. */
  readonly partitioned?: boolean;
  readonly unlogged?: boolean;
}

/** Something that has a comment, an owner or grants. */
export interface Made {
  /** As in COMMENT ON. */
  readonly kind: string;
  readonly ref: string;
}

export interface Draw {
  readonly random: Random;
  readonly encoding: string;
  /** Restorable by somebody who is no superuser, on a server that knows none of the roles. */
  readonly portable: boolean;
  readonly roles: readonly string[];
  readonly available: ReadonlySet<string>;
  readonly tablespace: string;
  readonly database: string;
  readonly schemas: string[];
  readonly types: TypeUse[];
  readonly tables: Table[];
  readonly views: string[];
  /** A restore fills them anew: they are compared as they are right after that. */
  readonly filled: string[];
  readonly made: Made[];
  /** Schema of each. */
  readonly extensions: Map<string, string>;
  /** A name nobody else has, quoted. */
  name(): string;
  /** A qualified one, in one of the schemas. */
  ref(): string;
  /** Text as a literal. */
  text(): string;
  role(): string;
  add(...statements: readonly string[]): void;
}

/** Letters beside ASCII that an encoding has. */
const palettes: Readonly<Record<string, readonly string[]>> = {
  UTF8: ['é', 'e\u0301', 'ß', 'Ω', '漢字', '😀', '\uffee', '\u200b', '\ufeff', 'א', 'ﬁ'],
  LATIN1: ['é', 'ß', 'ñ', '¤', 'ÿ', '\u00a0'],
  LATIN9: ['é', '€', 'Œ', 'ß'],
  WIN1251: ['Ж', 'я', 'Ё', '№'],
  EUC_JP: ['漢字', 'かな', 'ア'],
  SQL_ASCII: ['é', '漢字', '😀'],
};
export const encodings = Object.keys(palettes);

const oddParts = [
  ' ',
  '"',
  "'",
  '\\',
  '%',
  '%s',
  ';',
  '--',
  '/*',
  '$1',
  '$$',
  ':x',
  'A',
  'Ab',
  '.',
  ',',
  '(',
  '\t',
  '\n',
  '&',
  '=',
];
const words = [
  'select',
  'table',
  'user',
  'order',
  '__proto__',
  'constructor',
  'a',
  'B',
  'null',
  'public',
  'pg',
  'x',
  'FROM stdin;',
];
const statements = [
  "'; DROP TABLE t; --",
  '\\.',
  '\\N',
  'COPY x FROM stdin;\n1\n\\.\n',
  '-- Name: x; Type: TABLE',
  '{"a":1}',
  '\\restrict x',
];

const bytesOf = (text: string): number => Buffer.byteLength(text);

export const createDraw = (
  options: Pick<Draw, 'random' | 'encoding' | 'portable' | 'roles' | 'available' | 'tablespace' | 'database'>,
): Draw & { readonly statements: string[] } => {
  const { random } = options;
  const palette = palettes[options.encoding] ?? [];
  let made = 0;
  const sql: string[] = [];
  const schemas: string[] = [];
  const piece = (): string => random.pick([oddParts, words, palette, palette])[random.int(5)] ?? 'n';
  const name = (): string => {
    const mark = (made++).toString(36);
    let text = random.chance(0.3) ? random.pick(words) : Array.from({ length: random.between(1, 5) }, piece).join('');
    if (random.chance(0.08)) text = text.padEnd(70, random.pick(['x', 'Y', ' ']));
    const letters = Array.from(text);
    while (bytesOf(letters.join('')) + mark.length > 63) letters.pop();
    return identifier(letters.join('') + mark);
  };
  const text = (): string => {
    const parts = Array.from({ length: random.int(6) }, () =>
      random.pick([piece(), random.pick(statements), 'word', '\b\f\u0001\u007f']),
    );
    return literal(parts.join(random.pick(['', ' ', '\n', '\t', '\r'])));
  };
  return {
    ...options,
    schemas,
    types: [],
    tables: [],
    views: [],
    filled: [],
    made: [],
    extensions: new Map(),
    statements: sql,
    name,
    ref: () => `${random.pick(schemas)}.${name()}`,
    text,
    role: () => identifier(random.pick(options.roles)),
    add: (...lines) => void sql.push(...lines),
  };
};

/** The schema of a qualified, quoted name. */
export const schemaOf = (ref: string): string => /^(?:"(?:[^"]|"")*"|[^".]+)/u.exec(ref)?.[0] ?? ref;

export const inBody = (body: string): string => `$seeds$${body}$seeds$`;
