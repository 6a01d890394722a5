// Types and their values: edges of each, and drawn ones.
import type { Draw, TypeUse } from './draw.ts';

type Nature = TypeUse['nature'];

/** Type, nature, literals. */
const edges: readonly (readonly [string, Nature, readonly string[]])[] = [
  ['smallint', 'number', ['-32768', '0', '32767']],
  ['integer', 'number', ['-2147483648', '0', '7', '2147483647']],
  ['bigint', 'number', ['-9223372036854775808', '9007199254740993', '9223372036854775807']],
  [
    'numeric',
    'number',
    ['NaN', 'Infinity', '-Infinity', '0.000', '1e-40', '-0.0', `${'9'.repeat(130)}.${'1'.repeat(60)}`],
  ],
  ['numeric(12,4)', 'number', ['NaN', '12345678.9012', '-0.0001']],
  ['numeric(3,-2)', 'number', ['12300', '-99900']],
  ['real', 'number', ['NaN', 'Infinity', '-Infinity', '1e-45', '3.4028235e38', '-0', '0.1']],
  ['double precision', 'number', ['NaN', '-Infinity', '5e-324', '0.30000000000000004', '-0', '1.7976931348623157e308']],
  ['money', 'other', ['-92233720368547758.08', '0.01']],
  ['char(5)', 'text', ['', 'ab', ' x ']],
  ['varchar(30)', 'text', ['', 'NULL', '\\N', 'null', ' ']],
  ['name', 'text', ['', 'pg_class']],
  ['"char"', 'other', ['', 'x', '\\377']],
  ['bytea', 'other', ['', '\\x00ff5c270a0d', '\\xdeadbeef']],
  ['boolean', 'ordered', ['true', 'false']],
  ['date', 'time', ['infinity', '-infinity', '4713-01-01 BC', '5874897-12-31', '2024-02-29']],
  ['time(3)', 'time', ['24:00:00', '00:00:00.001']],
  ['timetz', 'other', ['04:05:06.789+05:30', '23:59:59-15:59']],
  [
    'timestamp',
    'time',
    ['infinity', '4714-11-24 00:00:00 BC', '294276-12-31 23:59:59.999999', '2001-02-03 04:05:06.7'],
  ],
  [
    'timestamptz',
    'time',
    ['-infinity', '4714-11-24 00:00:00+00 BC', '1883-11-18 12:03:58-05', '2024-03-31 02:30:00+02'],
  ],
  ['interval', 'ordered', ['178000000 years -3 days 04:05:06.789', '-1 mons', '1 day -00:00:01', '-00:00:00.000001']],
  ['interval year to month', 'ordered', ['1 year 2 mons', '-3 mons']],
  ['point', 'point', ['(1.5,-2)', '(NaN,Infinity)', '(-0,1e-300)']],
  ['line', 'other', ['{1,2,3}', '{0,1,0}']],
  ['lseg', 'other', ['[(0,0),(1,1)]']],
  ['box', 'point', ['((0,0),(2,2))']],
  ['path', 'other', ['[(0,0),(1,1),(2,0)]', '((0,0))']],
  ['polygon', 'point', ['((0,0),(1,1),(2,0))']],
  ['circle', 'point', ['<(1,1),2>', '<(0,0),0>']],
  ['cidr', 'ordered', ['10.1.0.0/16', '::/0']],
  ['inet', 'ordered', ['2001:db8::1/64', '192.168.0.1']],
  ['macaddr', 'ordered', ['08:00:2b:01:02:03']],
  ['macaddr8', 'ordered', ['08:00:2b:01:02:03:04:05']],
  ['bit(5)', 'ordered', ['10101', '00000']],
  ['bit varying', 'ordered', ['', '1', '1010101010101']],
  ['tsvector', 'words', ["'a b':1A fat:2B", '', "'it''s':3"]],
  ['tsquery', 'other', ["'fat' & !rat:*", '', "'a' <-> 'b'"]],
  ['uuid', 'ordered', ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '00000000-0000-0000-0000-000000000000']],
  ['xml', 'other', ['<r a="1">x &amp; y</r>', 'two <b/> parts', '']],
  ['json', 'other', ['{"b":1,  "a":[1, 2],"b":2}', 'null', '""', '[1e400, -0]']],
  ['jsonb', 'json', ['{"b": 1.10, "a": null, "e": "\\n\\u0041"}', '[]', '"x"', '{"": {"": []}}']],
  ['jsonpath', 'other', ['$.a[*] ? (@ > 1)', '$']],
  ['int4range', 'range', ['[1,5)', 'empty', '(,)', '(,3]']],
  ['int8range', 'range', ['[-9223372036854775808,0)']],
  ['numrange', 'range', ['[1.10,1.100]', '(,)', 'empty']],
  ['tsrange', 'range', ['[2020-01-01 00:00,)', 'empty']],
  ['tstzrange', 'range', ['[2020-01-01 00:00+02,infinity]', '["0001-01-01 00:00:00+00 BC",)']],
  ['daterange', 'range', ['(-infinity,2020-01-01)', '[0001-01-01 BC,9999-12-31]']],
  ['int4multirange', 'range', ['{[1,3),[5,9)}', '{}']],
  ['tstzmultirange', 'range', ['{[2020-01-01 00:00+02,2021-01-01 00:00+02),[2022-01-01 00:00+00,)}']],
  ['nummultirange', 'range', ['{[1.5,2),(4,)}', '{}']],
  ['oid', 'ordered', ['4294967295', '0']],
  ['regtype', 'other', ['integer', 'timestamp with time zone']],
  ['regclass', 'other', ['pg_class']],
  ['regprocedure', 'other', ['pg_catalog.lower(text)']],
  ['pg_lsn', 'ordered', ['16/B374D848', '0/0']],
  ['txid_snapshot', 'other', ['10:20:10,14,15']],
  ['pg_snapshot', 'other', ['10:20:10,14,15']],
  ['tid', 'other', ['(1,2)']],
  ['xid', 'other', ['42']],
  ['xid8', 'ordered', ['18446744073709551615']],
];

const quoted = (text: string): string =>
  text.includes('\\') ? `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'` : `'${text.replaceAll("'", "''")}'`;

export const builtInTypes = ({ random, encoding, ...draw }: Draw): TypeUse[] => [
  // Bytes that are no UTF-8: only where the server does not look at them.
  ...(encoding === 'SQL_ASCII'
    ? [{ sql: 'text', nature: 'other', value: () => `E'\\xff\\xfe\\xe9'::text` } as const]
    : []),
  ...edges.map(([sql, nature, literals]): TypeUse => ({
    sql,
    nature,
    value: () => `${quoted(random.pick(literals))}::${sql}`,
  })),
  { sql: 'text', nature: 'text', value: () => `${draw.text()}::text` },
  { sql: 'text', nature: 'text', value: () => `repeat(${draw.text()}, ${random.between(1, 3)})` },
  { sql: 'varchar', nature: 'text', value: () => `${draw.text()}::varchar` },
  { sql: 'jsonb', nature: 'json', value: () => `jsonb_build_object(${draw.text()}, ${draw.text()})` },
  { sql: 'bytea', nature: 'other', value: () => `'\\x${random.bytes(random.int(40)).toString('hex')}'::bytea` },
];

export const arrayOf = (random: Draw['random'], element: TypeUse): TypeUse => ({
  sql: `${element.sql}[]`,
  nature: 'other',
  value: () => {
    const { sql, value } = element;
    const form = random.int(4);
    if (form === 0) return `'{}'::${sql}[]`;
    if (form === 1) return `ARRAY[${value()}, NULL, ${value()}]::${sql}[]`;
    if (form === 2) return `ARRAY[ARRAY[${value()}, ${value()}], ARRAY[NULL, ${value()}]]::${sql}[]`;
    return `array_fill(${value()}, ARRAY[2], ARRAY[-3])::${sql}[]`;
  },
});

export const anyType = (draw: Draw): TypeUse => {
  const { random, types } = draw;
  const element = random.pick(types);
  return random.chance(0.15) && !/\[\]$| COLLATE /u.test(element.sql) ? arrayOf(random, element) : element;
};

export const typeOf = (draw: Draw, ...natures: readonly Nature[]): TypeUse =>
  draw.random.pick(draw.types.filter(({ nature }) => natures.includes(nature)));

/** What stands in a row: NULL now and then. */
export const cell = ({ random }: Draw, type: TypeUse): string => (random.chance(0.12) ? 'NULL' : type.value());
