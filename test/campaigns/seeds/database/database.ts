// A database drawn from a seed, as SQL. Every statement is one that the server accepts: one that it refuses is a fault here.
//
// Left out by name, and why: docs/explanation/campaigns.md, section Seeds.
import { identifier } from '../../../oracle/psql.ts';
import type { Random } from '../../random.ts';
import {
  aggregates,
  eventTriggers,
  functions,
  machinery,
  materialized,
  operators,
  policies,
  rules,
  textSearch,
  triggers,
  views,
} from './code.ts';
import { createDraw, type Draw } from './draw.ts';
import {
  comments,
  defaultPrivileges,
  foreignData,
  grants,
  largeObjects,
  owners,
  properties,
  publications,
  subscriptions,
} from './surroundings.ts';
import {
  constraints,
  fill,
  indexes,
  inheritance,
  odd,
  ordinary,
  partitions,
  sequences,
  statisticsOf,
} from './tables.ts';
import { baseTypes, collations, composites, domains, enums, extensions, ranges, schemas } from './types.ts';
import { anyType, builtInTypes, cell } from './values.ts';

type Kind = (draw: Draw) => void;

/** In the order in which they may refer to one another: kind, how many at most, how likely each is. */
const kinds: readonly (readonly [string, Kind, number, number])[] = [
  ['extensions', extensions, 1, 0.6],
  ['collations', collations, 1, 0.5],
  ['enums', enums, 2, 0.6],
  ['ranges', ranges, 1, 0.5],
  ['base types', baseTypes, 1, 0.4],
  ['domains', domains, 2, 0.6],
  ['composites', composites, 2, 0.6],
  ['default privileges', defaultPrivileges, 1, 0.4],
  ['tables', ordinary, 4, 0.9],
  ['odd tables', odd, 1, 0.5],
  ['partitions', partitions, 2, 0.6],
  ['inheritance', inheritance, 1, 0.5],
  ['constraints', constraints, 1, 0.6],
  ['sequences', sequences, 1, 0.5],
  ['functions', functions, 1, 0.6],
  ['aggregates', aggregates, 1, 0.5],
  ['operators', operators, 1, 0.5],
  ['indexes', indexes, 1, 0.8],
  ['statistics', statisticsOf, 1, 0.5],
  ['views', views, 2, 0.6],
  ['materialized views', materialized, 1, 0.5],
  ['triggers', triggers, 1, 0.6],
  ['rules', rules, 1, 0.5],
  ['policies', policies, 1, 0.5],
  ['text search', textSearch, 1, 0.4],
  ['machinery', machinery, 1, 0.4],
  ['large objects', largeObjects, 1, 0.5],
  ['publications', publications, 1, 0.5],
  ['subscriptions', subscriptions, 1, 0.3],
  ['foreign data', foreignData, 1, 0.4],
  ['event triggers', eventTriggers, 1, 0.4],
  ['comments', comments, 1, 0.9],
  ['owners', owners, 1, 0.7],
  ['grants', grants, 1, 0.7],
];
export const kindNames: readonly string[] = [...kinds.map(([name]) => name), 'properties'];

export interface DatabaseOptions {
  readonly random: Random;
  readonly name: string;
  readonly encoding: string;
  readonly portable: boolean;
  readonly roles: readonly string[];
  readonly available: ReadonlySet<string>;
  readonly tablespace: string;
  /** Draw these kinds for sure and no others; none means: as it comes. */
  readonly only: readonly string[];
}

export interface DrawnDatabase {
  readonly name: string;
  readonly encoding: string;
  readonly portable: boolean;
  /** Kinds that are in it. */
  readonly kinds: readonly string[];
  readonly contents: string;
  /** Of the database itself; run in another one. */
  readonly properties: string;
  /** What follows from them: the rows of materialized views. */
  readonly settled: string;
  /** What an application does to it between two backups; another text each time. */
  change(): string;
  /** What breaks it, so that a restore has something to do: rows only, or all that it holds. */
  damage(form: 'rows' | 'everything'): string;
}

const script = (lines: readonly string[]): string => lines.map((line) => `${line};\n`).join('');
/** Databases have settings of their own from the second session on: these are for the session that changes them. */
const plainSession = `SET default_transaction_read_only = off; SET standard_conforming_strings = on; SET session_replication_role = origin;
SET array_nulls = on; SET check_function_bodies = off; SET client_min_messages = error; SET DateStyle = 'ISO, YMD';
SET IntervalStyle = postgres; SET quote_all_identifiers = off;
SET xmloption = content; SET search_path = pg_catalog; SET transform_null_equals = off; SET client_encoding = 'UTF8';
SET TimeZone = 'UTC';\n`;

export const drawDatabase = (options: DatabaseOptions): DrawnDatabase => {
  const { random, only, name } = options;
  const draw = createDraw({ ...options, database: identifier(name) });
  draw.types.push(...builtInTypes(draw));
  schemas(draw);
  const drawn: string[] = [];
  let changes = 0;
  for (const [kind, make, most, likely] of kinds) {
    if (only.length > 0 && !only.includes(kind) && kind !== 'tables') continue;
    for (let n = 0; n < most; n++) {
      if (!only.includes(kind) && !random.chance(likely)) continue;
      make(draw);
      if (!drawn.includes(kind)) drawn.push(kind);
    }
  }
  const wantsProperties = only.length === 0 || only.includes('properties');
  const contents = `${plainSession}${script(draw.statements)}`;
  const ofDatabase = wantsProperties ? script(properties(draw)) : '';
  const since = (from: number): string => `${plainSession}${script(draw.statements.slice(from))}`;
  return {
    name,
    encoding: options.encoding,
    portable: options.portable,
    kinds: wantsProperties ? [...drawn, 'properties'] : drawn,
    contents,
    properties: ofDatabase,
    settled: `${plainSession}${script(refresh(draw))}`,
    change: () => {
      const from = draw.statements.length;
      change(draw, ++changes);
      return since(from);
    },
    damage: (form) => `${plainSession}${script(form === 'rows' ? damageRows(draw) : damageAll(draw))}`,
  };
};

const change = (draw: Draw, count: number): void => {
  const { random } = draw;
  for (const table of random.shuffle(draw.tables).slice(0, 3)) {
    draw.add(`DELETE FROM ${table.ref} WHERE ${table.key} % 5 = ${random.int(5)}`);
    fill(draw, { ...table, rows: 1000 * count + random.int(9) }, 1000 * count);
    const column = table.columns.find(({ generated }) => generated !== true);
    if (column && table.partitioned !== true)
      draw.add(`UPDATE ${table.ref} SET ${column.name} = ${cell(draw, column.type)} WHERE ${table.key} < 9`);
  }
  const { length } = draw.tables;
  ordinary(draw);
  const added = draw.tables[length];
  if (added)
    draw.add(
      `ALTER TABLE ${added.ref} ADD COLUMN ${draw.name()} ${anyType(draw).sql}`,
      `COMMENT ON TABLE ${added.ref} IS ${draw.text()}`,
    );
  draw.add(...refresh(draw));
};

/** As a restore fills them anew: under the settings of the database. */
const refresh = ({ filled }: Draw): string[] => [
  'RESET TimeZone',
  ...filled.map((ref) => `REFRESH MATERIALIZED VIEW ${ref}`),
];

const damageRows = ({ random, tables }: Draw): string[] =>
  random
    .shuffle(tables)
    .slice(0, 3)
    .map(({ ref, key }) =>
      random.pick([`DELETE FROM ${ref}`, `DELETE FROM ${ref} WHERE ${key} % 2 = 0`, `TRUNCATE ${ref} CASCADE`]),
    );

const damageAll = ({ schemas: all }: Draw): string[] => [
  ...all.filter((schema) => schema !== 'public').map((schema) => `DROP SCHEMA IF EXISTS ${schema} CASCADE`),
  'CREATE TABLE public."surplus; table" (a integer)',
];
