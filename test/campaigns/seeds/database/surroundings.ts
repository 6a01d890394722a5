// What stands beside tables and code: large objects, publications, foreign data, comments, owners, grants, settings.
import { type Draw, schemaOf } from './draw.ts';

export const largeObjects = (draw: Draw): void => {
  const { random } = draw;
  const first = random.between(900_000, 990_000);
  draw.add(
    `SELECT lo_create(${first}), lo_from_bytea(${first + 1}, '\\x00ff0a27'),
      lo_from_bytea(${first + 2}, decode(repeat(md5('${first}'), 4000), 'hex'))`,
    `SELECT lo_create(${first + 3}), lo_put(${first + 3}, 100000, '\\xabcdef')`,
    `COMMENT ON LARGE OBJECT ${first + 1} IS ${draw.text()}`,
    `CREATE TABLE ${draw.ref()} (id integer, content oid, CHECK (content > 0))`,
  );
  if (draw.portable) return;
  draw.add(
    `ALTER LARGE OBJECT ${first} OWNER TO ${draw.role()}`,
    `GRANT SELECT, UPDATE ON LARGE OBJECT ${first + 2} TO ${draw.role()}`,
  );
  draw.add(`GRANT SELECT ON LARGE OBJECT ${first + 1} TO PUBLIC`);
};

/** Published are only insertions: an update of a table without a replica identity would be refused. */
export const publications = (draw: Draw): void => {
  const { random } = draw;
  const [some, schema, all] = [draw.name(), draw.name(), draw.name()];
  const plain = draw.tables.filter(({ partitioned, unlogged }) => partitioned !== true && unlogged !== true);
  const [one, two] = random.shuffle(plain);
  if (one && two)
    draw.add(
      `CREATE PUBLICATION ${some} FOR TABLE ${one.ref} (${one.key}) WHERE (${one.key} > 10), ONLY ${two.ref}
        WITH (publish = 'insert', publish_via_partition_root = true)`,
    );
  else draw.add(`CREATE PUBLICATION ${some}`);
  draw.made.push({ kind: 'PUBLICATION', ref: some });
  if (draw.portable) return;
  draw.add(
    `CREATE PUBLICATION ${schema} FOR TABLES IN SCHEMA ${random.pick(draw.schemas)} WITH (publish = 'insert, truncate')`,
  );
  if (random.chance(0.5)) draw.add(`CREATE PUBLICATION ${all} FOR ALL TABLES WITH (publish = 'insert')`);
};

/** Never connected, without a slot: nothing listens there. */
export const subscriptions = (draw: Draw): void => {
  if (draw.portable) return;
  const subscription = draw.name();
  const more = draw.random.pick([
    '',
    ', binary = true, streaming = true',
    ', two_phase = true, disable_on_error = true',
    ", synchronous_commit = 'remote_apply'",
  ]);
  draw.add(
    `CREATE SUBSCRIPTION ${subscription} CONNECTION 'host=127.0.0.1 port=1 dbname=none password=canary' PUBLICATION "one pub", two
      WITH (connect = false, slot_name = NONE, enabled = false, create_slot = false${more})`,
    `COMMENT ON SUBSCRIPTION ${subscription} IS ${draw.text()}`,
  );
};

export const foreignData = (draw: Draw): void => {
  if (draw.portable) return;
  const [wrapper, server, table] = [draw.name(), draw.name(), draw.ref()];
  draw.add(
    `CREATE FOREIGN DATA WRAPPER ${wrapper} OPTIONS (debug 'true', "odd; name" ${draw.text()})`,
    `CREATE SERVER ${server} TYPE 'a b' VERSION '1' FOREIGN DATA WRAPPER ${wrapper} OPTIONS (host ${draw.text()})`,
    `CREATE USER MAPPING FOR ${draw.role()} SERVER ${server} OPTIONS (secret ${draw.text()})`,
    `CREATE USER MAPPING FOR PUBLIC SERVER ${server}`,
    `CREATE FOREIGN TABLE ${table} (a integer OPTIONS (column_name 'b') NOT NULL, b text DEFAULT 'x' CHECK (b <> ''))
      SERVER ${server} OPTIONS (t 'c')`,
    `GRANT USAGE ON FOREIGN DATA WRAPPER ${wrapper} TO ${draw.role()}`,
    `GRANT USAGE ON FOREIGN SERVER ${server} TO ${draw.role()} WITH GRANT OPTION`,
  );
  draw.made.push(
    { kind: 'FOREIGN DATA WRAPPER', ref: wrapper },
    { kind: 'SERVER', ref: server },
    { kind: 'FOREIGN TABLE', ref: table },
  );
};

export const comments = (draw: Draw): void => {
  for (const { kind, ref } of draw.made)
    if (draw.random.chance(0.35)) draw.add(`COMMENT ON ${kind} ${ref} IS ${draw.text()}`);
};

/** Views and materialized views read with the rights of their owner, who may lack them: those stay with who made them. */
const owned = new Set([
  'TABLE',
  'TYPE',
  'DOMAIN',
  'FUNCTION',
  'PROCEDURE',
  'AGGREGATE',
  'COLLATION',
  'STATISTICS',
  'SEQUENCE',
  'OPERATOR',
]);
const grantable: Readonly<Record<string, readonly string[]>> = {
  TABLE: ['SELECT', 'INSERT, UPDATE', 'ALL', 'TRIGGER, REFERENCES', 'TRUNCATE'],
  VIEW: ['SELECT', 'ALL'],
  SEQUENCE: ['USAGE', 'SELECT, UPDATE'],
  SCHEMA: ['USAGE', 'CREATE', 'ALL'],
  FUNCTION: ['EXECUTE'],
  PROCEDURE: ['EXECUTE'],
  AGGREGATE: ['EXECUTE'],
  TYPE: ['USAGE'],
  DOMAIN: ['USAGE'],
  LANGUAGE: ['USAGE'],
};

export const owners = (draw: Draw): void => {
  if (draw.portable) return;
  for (const { kind, ref } of draw.made)
    if (owned.has(kind) && draw.random.chance(0.3)) draw.add(`ALTER ${kind} ${ref} OWNER TO ${draw.role()}`);
};

export const grants = (draw: Draw): void => {
  const { random } = draw;
  if (draw.portable) return;
  for (const { kind, ref } of draw.made) {
    const rights = grantable[kind];
    if (rights === undefined || !random.chance(0.35)) continue;
    const on = kind === 'VIEW' ? 'TABLE' : kind === 'AGGREGATE' ? 'FUNCTION' : kind;
    draw.add(
      `GRANT ${random.pick(rights)} ON ${on} ${ref} TO ${draw.role()}${random.chance(0.3) ? ' WITH GRANT OPTION' : ''}`,
    );
    if (random.chance(0.3) && kind !== 'SCHEMA') draw.add(`GRANT ${rights[0]} ON ${on} ${ref} TO PUBLIC`);
  }
  grantColumns(draw);
  grantByOthers(draw);
  if (random.chance(0.5)) draw.add(`REVOKE ALL ON SCHEMA public FROM PUBLIC`);
  if (random.chance(0.3))
    draw.add(
      `GRANT SELECT ON pg_catalog.pg_proc TO ${draw.role()}`,
      `REVOKE EXECUTE ON FUNCTION pg_catalog.pg_sleep(double precision) FROM PUBLIC`,
    );
};

const grantColumns = (draw: Draw): void => {
  for (const { ref, key, columns } of draw.tables) {
    if (!draw.random.chance(0.3)) continue;
    draw.add(
      `GRANT SELECT (${[key, ...columns.map(({ name }) => name)].join(', ')}), UPDATE (${key}) ON ${ref} TO ${draw.role()}`,
    );
  }
};

/** What a role was given, it gives to another. */
const grantByOthers = ({ random, tables, roles, ...draw }: Draw): void => {
  if (tables.length === 0) return;
  const chain = random.pick(tables).ref;
  const [one, two] = random.shuffle(roles).map((role) => `"${role.replaceAll('"', '""')}"`);
  if (one !== undefined && two !== undefined && random.chance(0.5)) {
    draw.add(
      `GRANT USAGE ON SCHEMA ${schemaOf(chain)} TO ${one}`,
      `GRANT SELECT ON TABLE ${chain} TO ${one} WITH GRANT OPTION`,
      `SET ROLE ${one}`,
      `GRANT SELECT ON TABLE ${chain} TO ${two}`,
      'RESET ROLE',
    );
  }
};

export const defaultPrivileges = (draw: Draw): void => {
  if (draw.portable) return;
  const [owner, reader] = [draw.role(), draw.role()];
  const schema = draw.random.pick(draw.schemas);
  // A restore in place leaves schema public and its default privileges, and would give those of its own role to what it makes.
  const maker = schema === 'public' ? `FOR ROLE ${owner} ` : '';
  draw.add(
    `ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} IN SCHEMA ${schema} GRANT SELECT ON TABLES TO ${reader} WITH GRANT OPTION`,
    `ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC`,
    `ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} GRANT USAGE ON SCHEMAS TO ${reader}`,
    `ALTER DEFAULT PRIVILEGES ${maker}IN SCHEMA ${schema} GRANT USAGE ON TYPES TO ${reader}`,
  );
};

const settings: readonly (readonly [string, string])[] = [
  ['work_mem', "'7MB'"],
  ['DateStyle', "'German, DMY'"],
  ['IntervalStyle', "'sql_standard'"],
  ['extra_float_digits', '0'],
  ['bytea_output', "'escape'"],
  ['TimeZone', "'Asia/Kolkata'"],
  ['statement_timeout', "'1h'"],
  ['lock_timeout', "'59s'"],
  ['standard_conforming_strings', 'off'],
  ['quote_all_identifiers', 'on'],
  ['array_nulls', 'off'],
  ['default_transaction_read_only', 'on'],
  ['default_transaction_isolation', "'serializable'"],
  ['row_security', 'off'],
  ['xmloption', "'document'"],
  ['transform_null_equals', 'on'],
  ['client_encoding', "'LATIN1'"],
  ['lc_messages', "'C'"],
  ['"app.tenant"', "'a, \"b\" ''c'' \\ d'"],
  ['"Odd.Name"', "''"],
  ['session_replication_role', "'replica'"],
  ['default_text_search_config', "'pg_catalog.german'"],
];

/** Only a superuser may give these to a database. */
const ofSuperusers = new Set(['"app.tenant"', '"Odd.Name"', 'session_replication_role', 'lc_messages']);

/** Of the database itself: owner, grants, settings, limit, comment. Run last, and from another database. */
export const properties = (draw: Draw): string[] => {
  const { random, database, portable } = draw;
  // Kept outside of the database, in the encoding of whoever reads it: one that is not UTF8 has ASCII here.
  const shared = draw.encoding === 'UTF8';
  const lines = random
    .shuffle(settings.filter(([name]) => !portable || !ofSuperusers.has(name)))
    .slice(0, random.int(6))
    .map(
      ([name, value]) => `ALTER DATABASE ${database} SET ${name.startsWith('"') ? name.slice(1, -1) : name} = ${value}`,
    );
  const path = draw.schemas.join(', ');
  if (random.chance(0.5) && shared) lines.push(`ALTER DATABASE ${database} SET search_path = ${path}, "$user"`);
  if (random.chance(0.7)) lines.push(`COMMENT ON DATABASE ${database} IS ${shared ? draw.text() : `'a; "comment"'`}`);
  if (random.chance(0.4)) lines.push(`ALTER DATABASE ${database} CONNECTION LIMIT ${random.between(30, 60)}`);
  if (portable) return lines;
  const [owner, one, two] = random.shuffle(draw.roles).map((role) => `"${role.replaceAll('"', '""')}"`);
  if (random.chance(0.5)) lines.push(`ALTER ROLE ${one} IN DATABASE ${database} SET statement_timeout = '5s'`);
  if (random.chance(0.6)) lines.push(`ALTER DATABASE ${database} OWNER TO ${owner}`);
  if (random.chance(0.5)) lines.push(`REVOKE CONNECT, TEMPORARY ON DATABASE ${database} FROM PUBLIC`);
  if (random.chance(0.5)) lines.push(`GRANT CREATE, CONNECT ON DATABASE ${database} TO ${one} WITH GRANT OPTION`);
  if (random.chance(0.3)) {
    lines.push(`GRANT CONNECT ON DATABASE ${database} TO ${one} WITH GRANT OPTION`, `SET ROLE ${one}`);
    lines.push(`GRANT CONNECT ON DATABASE ${database} TO ${two}`, 'RESET ROLE');
  }
  if (random.chance(0.2))
    lines.push(
      `REVOKE TEMPORARY ON DATABASE ${database} FROM CURRENT_USER`,
      `REVOKE CREATE ON DATABASE ${database} FROM ${owner}`,
    );
  return lines;
};
