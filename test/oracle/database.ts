// Everything a restore must bring back from a PostgreSQL database (versions 12 to 18), read through psql in one snapshot.
import { codeQueries } from './queries/code.ts';
import { contentQueries } from './queries/contents.ts';
import type { Query } from './queries/query.ts';
import { relationQueries } from './queries/relations.ts';
import { surroundingQueries } from './queries/surroundings.ts';
import { byUtf8 } from './facts.ts';
import type { DatabaseFacts, Fact, Value } from './facts.ts';
import { runPsql } from './psql.ts';
import type { Connection } from './psql.ts';

// One way to print every value, whatever the database, the role and the client prefer.
const session = `
SET search_path = ''; SET client_min_messages = error; SET row_security = off; SET extra_float_digits = 3; SET DateStyle = 'ISO, YMD';
SET IntervalStyle = postgres; SET TimeZone = 'UTC'; SET bytea_output = hex; SET xmlbinary = base64; SET lc_monetary = 'C';
  SET lc_numeric = 'C';
SET statement_timeout = 0; SET lock_timeout = '60s'; SET quote_all_identifiers = off; SET jit = off;
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL idle_in_transaction_session_timeout = 0;
`;

function applies(query: Query, version: number): boolean {
  return version >= (query.from ?? 0) && version < (query.until ?? Number.MAX_SAFE_INTEGER);
}

function isRecord(value: unknown): value is Record<string, Value> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseFact(line: string): Fact {
  const parsed: unknown = JSON.parse(line);
  if (!Array.isArray(parsed) || parsed.length !== 3)
    throw new Error(`psql printed something that is no fact: ${line.slice(0, 200)}`);
  const [kind, name, attributes]: unknown[] = parsed;
  if (typeof kind !== 'string' || typeof name !== 'string' || !isRecord(attributes)) {
    throw new Error(`psql printed a fact without kind, name or attributes: ${line.slice(0, 200)}`);
  }
  return { kind, name, attributes: stableExpressions(attributes) };
}

// `x IN ('a', 'b')` on a varchar column is printed with one cast of the whole array at first, and with one cast per element once
// that text was loaded again. Both are the same expression.
const castArray = /\(ARRAY\[((?:'(?:[^']|'')*'::character varying(?:, )?)+)\]\)::text\[\]/gu;

function stableText(text: string): string {
  return text.replace(castArray, (_whole, elements: string) => {
    return `ARRAY[${elements.replace(/'(?:[^']|'')*'::character varying/gu, (element) => `(${element})::text`)}]`;
  });
}

const expressions = new Set(['definition', 'default', 'using', 'check', 'where', 'partitionBound']);

function stable(value: Value): Value {
  return typeof value === 'string' ? stableText(value) : value;
}

function stableExpressions(attributes: Record<string, Value>): Record<string, Value> {
  const entries = Object.entries(attributes).map(([name, value]): [string, Value] => [
    name,
    expressions.has(name) ? stable(value) : value,
  ]);
  return Object.fromEntries(entries.sort(([a], [b]) => byUtf8(a, b)));
}

/** Reads as one transaction, so a database in use gives a consistent picture (sequences excepted: they are not transactional). */
export async function captureDatabase(connection: Connection): Promise<DatabaseFacts> {
  const preface = `SELECT current_setting('server_version_num') || ' ' || current_setting('is_superuser')
    || ' ' || current_setting('server_encoding')`;
  const [version = '', superuser, encoding] = (await runPsql(connection, preface)).trim().split(' ');
  const major = Number(version);
  const everything = [
    ...surroundingQueries(superuser === 'on')(major),
    ...relationQueries(major),
    ...codeQueries(major),
  ];
  const facts = everything
    .filter((query) => applies(query, major))
    .map(
      ({ sql }) =>
        `SELECT jsonb_build_array(f.kind, f.name, jsonb_strip_nulls(f.attributes)) FROM (${sql}) f(kind, name, attributes);\n`,
    );
  // Its bytes are of no known encoding: they come as they are, and digests of rows are made by the server.
  const raw = { ...connection, environment: { ...connection.environment, PGCLIENTENCODING: 'SQL_ASCII' } };
  const output = await runPsql(
    encoding === 'SQL_ASCII' ? raw : connection,
    `${session}${facts.join('')}${contentQueries}COMMIT;\n`,
  );
  const lines = output.split('\n').filter((line) => line !== '');
  const read = lines.map(parseFact).sort((a, b) => byUtf8(a.kind, b.kind) || byUtf8(a.name, b.name));
  return { serverVersion: version, facts: read };
}
