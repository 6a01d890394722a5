// Schemas, extensions, and types that users make.
import { literal } from '../../../oracle/psql.ts';
import type { Draw, TypeUse } from './draw.ts';
import { anyType, typeOf } from './values.ts';

export const schemas = (draw: Draw): void => {
  const { random } = draw;
  draw.schemas.push('public');
  for (let n = random.between(1, 3); n > 0; n--) {
    const schema = draw.name();
    draw.add(`CREATE SCHEMA ${schema}${random.chance(0.4) ? ` AUTHORIZATION ${draw.role()}` : ''}`);
    draw.made.push({ kind: 'SCHEMA', ref: schema });
    draw.schemas.push(schema);
  }
  if (random.chance(0.5)) draw.add(`COMMENT ON SCHEMA public IS ${draw.text()}`);
};

/** Bring types or index methods that other kinds use; the others are only there. */
const useful = ['hstore', 'citext', 'pg_trgm', 'btree_gist', 'btree_gin', 'ltree', 'isn', 'cube', 'seg', 'intarray'];
const others = [
  'pgcrypto',
  'uuid-ossp',
  'unaccent',
  'fuzzystrmatch',
  'tablefunc',
  'lo',
  'dict_int',
  'tsm_system_rows',
  'tcn',
];
/** Of a superuser only. */
const untrusted = [
  'bloom',
  'dict_xsyn',
  'earthdistance',
  'xml2',
  'refint',
  'autoinc',
  'pageinspect',
  'postgres_fdw',
  'file_fdw',
  'amcheck',
];
const typesOfExtensions: Readonly<Record<string, readonly (readonly [string, TypeUse['nature'], string])[]>> = {
  hstore: [['hstore', 'other', '\'a=>1, "b c"=>NULL\'']],
  citext: [['citext', 'text', "'MiXed'"]],
  ltree: [['ltree', 'ordered', "'Top.a_1.B'"]],
  isn: [['isbn', 'ordered', "'978-0-393-04002-9'"]],
  cube: [['cube', 'other', "'(1,2),(3,4)'"]],
  seg: [['seg', 'ordered', "'1.50 .. 2.0'"]],
};

export const extensions = (draw: Draw): void => {
  const { random, available } = draw;
  const trusted = [...useful, ...others].filter((name) => name !== 'isn' && name !== 'seg' && name !== 'cube');
  const wanted = draw.portable ? [...trusted, 'cube', 'seg', 'isn'] : [...useful, ...others, ...untrusted, ...useful];
  for (const name of new Set(random.shuffle(wanted).slice(0, random.between(1, 4)))) {
    if (!available.has(name) || draw.extensions.has(name)) continue;
    const schema = random.pick(draw.schemas);
    draw.extensions.set(name, schema);
    draw.add(`CREATE EXTENSION IF NOT EXISTS "${name}" SCHEMA ${schema} CASCADE`);
    if (random.chance(0.2)) draw.add(`COMMENT ON EXTENSION "${name}" IS 'changed; "by" a user'`);
    for (const [type, nature, value] of typesOfExtensions[name] ?? [])
      draw.types.push({ sql: `${schema}.${type}`, nature, value: () => `${value}::${schema}.${type}` });
  }
};

export const enums = (draw: Draw): void => {
  const ref = draw.ref();
  const labels = [
    "''",
    "'it''s \"fine\"'",
    "'A b'",
    ...Array.from({ length: draw.random.between(0, 3) }, () => labelOf(draw.name())),
  ];
  draw.add(`CREATE TYPE ${ref} AS ENUM (${labels.join(', ')})`);
  if (draw.random.chance(0.5)) draw.add(`ALTER TYPE ${ref} ADD VALUE 'between' BEFORE 'A b'`);
  draw.made.push({ kind: 'TYPE', ref });
  draw.types.push({ sql: ref, nature: 'ordered', value: () => `${draw.random.pick(labels)}::${ref}` });
};

const labelOf = (name: string): string => literal(name.slice(1, -1).replaceAll('""', '"'));

export const domains = (draw: Draw): void => {
  const base = anyType(draw);
  const ref = draw.ref();
  const checks = draw.random.pick([
    '',
    `CHECK (VALUE IS NOT NULL OR VALUE IS NULL)`,
    `CONSTRAINT ${draw.name()} CHECK (VALUE::text IS DISTINCT FROM 'never')`,
  ]);
  draw.add(`CREATE DOMAIN ${ref} AS ${base.sql} ${draw.random.chance(0.3) ? `DEFAULT ${base.value()}` : ''} ${checks}`);
  draw.made.push({ kind: 'DOMAIN', ref });
  draw.types.push({ sql: ref, nature: 'other', value: () => `${base.value()}::${ref}` });
};

export const composites = (draw: Draw): void => {
  const ref = draw.ref();
  const columns = Array.from({ length: draw.random.between(1, 4) }, () => ({ name: draw.name(), type: anyType(draw) }));
  draw.add(`CREATE TYPE ${ref} AS (${columns.map(({ name, type }) => `${name} ${type.sql}`).join(', ')})`);
  if (draw.random.chance(0.4)) {
    draw.add(`ALTER TYPE ${ref} ADD ATTRIBUTE dropped_one integer`, `ALTER TYPE ${ref} DROP ATTRIBUTE dropped_one`);
  }
  draw.made.push({ kind: 'TYPE', ref }, { kind: 'COLUMN', ref: `${ref}.${columns[0]?.name}` });
  draw.types.push({
    sql: ref,
    nature: 'other',
    value: () =>
      `ROW(${columns.map(({ type }) => (draw.random.chance(0.2) ? 'NULL' : type.value())).join(', ')})::${ref}`,
  });
};

export const ranges = (draw: Draw): void => {
  const [ref, multi] = [draw.ref(), draw.ref()];
  const [subtype, low, high] = draw.random.pick([
    ['double precision', '1.5', '2.5'],
    ['text', 'a', 'b'],
    ['time', '01:00', '02:00'],
    ['inet', '10.0.0.1', '10.0.0.9'],
  ] as const);
  const more =
    subtype === 'text' ? ', COLLATION = "C"' : subtype === 'double precision' ? ', SUBTYPE_DIFF = float8mi' : '';
  draw.add(`CREATE TYPE ${ref} AS RANGE (SUBTYPE = ${subtype}${more}, MULTIRANGE_TYPE_NAME = ${multi})`);
  draw.made.push({ kind: 'TYPE', ref });
  const range = (): string => draw.random.pick([`'[${low},${high})'`, "'empty'", "'(,)'", `'[${low},)'`]);
  draw.types.push({ sql: ref, nature: 'range', value: () => `${range()}::${ref}` });
  draw.types.push({
    sql: multi,
    nature: 'range',
    value: () => `${draw.random.pick([`'{[${low},${high})}'`, "'{}'"])}::${multi}`,
  });
};

/** A base type by the functions of a built-in one, with casts of its own. */
export const baseTypes = (draw: Draw): void => {
  if (draw.portable) {
    draw.add(`CREATE TYPE ${draw.ref()} AS ()`);
    return;
  }
  const [ref, input, output] = [draw.ref(), draw.ref(), draw.ref()];
  draw.add(
    `CREATE TYPE ${ref}`,
    `CREATE FUNCTION ${input}(cstring) RETURNS ${ref} LANGUAGE internal IMMUTABLE STRICT AS 'int4in'`,
    `CREATE FUNCTION ${output}(${ref}) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out'`,
    `CREATE TYPE ${ref} (INPUT = ${input}, OUTPUT = ${output}, LIKE = integer, CATEGORY = 'N', DELIMITER = ';', DEFAULT = '5')`,
    `CREATE TYPE ${draw.ref()}`,
  );
  if (draw.random.chance(0.6))
    draw.add(
      `CREATE CAST (integer AS ${ref}) WITHOUT FUNCTION`,
      `CREATE CAST (${ref} AS text) WITH INOUT AS ASSIGNMENT`,
    );
  draw.made.push({ kind: 'TYPE', ref }, { kind: 'FUNCTION', ref: `${input}(cstring)` });
  draw.types.push({ sql: ref, nature: 'other', value: () => `'${draw.random.between(-9, 99)}'::${ref}` });
};

export const collations = (draw: Draw): void => {
  const plain = draw.ref();
  draw.add(`CREATE COLLATION ${plain} (LOCALE = 'C')`);
  draw.made.push({ kind: 'COLLATION', ref: plain });
  if (draw.encoding !== 'UTF8') return;
  const icu = draw.ref();
  const locale = draw.random.pick(['und-u-kn-true', 'de-u-co-phonebk', 'und-u-ks-level2']);
  draw.add(
    `CREATE COLLATION ${icu} (PROVIDER = icu, LOCALE = '${locale}', DETERMINISTIC = ${draw.random.chance(0.5)})`,
  );
  draw.made.push({ kind: 'COLLATION', ref: icu });
  const text = typeOf(draw, 'text');
  draw.types.push({ sql: `text COLLATE ${icu}`, nature: 'other', value: () => `${text.value()}::text` });
};
