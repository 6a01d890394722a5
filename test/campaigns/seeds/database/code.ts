// What a schema is programmed with: functions and what is made of them, views, triggers, rules, policies, text search.
import { type Draw, inBody, schemaOf } from './draw.ts';
import { typeOf } from './values.ts';

export const functions = (draw: Draw): void => {
  const { random } = draw;
  const [plain, body, tricky, table, procedure] = [draw.ref(), draw.ref(), draw.ref(), draw.ref(), draw.ref()];
  draw.add(
    `CREATE FUNCTION ${plain}(a integer, b integer DEFAULT 2, VARIADIC rest integer[] DEFAULT '{}') RETURNS integer
      LANGUAGE sql ${random.pick(['STABLE', 'IMMUTABLE STRICT', 'VOLATILE PARALLEL SAFE'])} COST 7 AS 'SELECT a + b'`,
    `CREATE FUNCTION ${body}(a integer) RETURNS integer LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT a + 1; SELECT a * 2; END`,
    `CREATE FUNCTION ${tricky}() RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, "x y" SET work_mem = '3MB' AS
      ${inBody(`\nBEGIN\n  RETURN ${draw.text()} || 'COPY x FROM stdin;\n1\n\\.\n-- $fn$';\nEND\n`)}`,
    `CREATE FUNCTION ${table}(OUT "a b" text, OUT c integer) RETURNS SETOF record LANGUAGE sql ROWS 3 AS 'SELECT ''x'', 1'`,
    `CREATE PROCEDURE ${procedure}(INOUT n integer, OUT m text) LANGUAGE plpgsql AS ${inBody('BEGIN n := n + 1; COMMIT; END')}`,
    `REVOKE EXECUTE ON FUNCTION ${tricky}() FROM PUBLIC`,
  );
  if (!draw.portable) draw.add(`ALTER FUNCTION ${plain}(integer, integer, integer[]) LEAKPROOF`);
  for (const name of draw.extensions.keys())
    if (random.chance(0.2)) draw.add(`ALTER FUNCTION ${tricky}() DEPENDS ON EXTENSION "${name}"`);
  draw.made.push(
    { kind: 'FUNCTION', ref: `${plain}(integer, integer, integer[])` },
    { kind: 'FUNCTION', ref: `${body}(integer)` },
  );
  draw.made.push({ kind: 'PROCEDURE', ref: `${procedure}(integer)` });
};

export const aggregates = (draw: Draw): void => {
  const refs = [draw.ref(), draw.ref(), draw.ref()] as const;
  draw.add(
    `CREATE AGGREGATE ${refs[0]} (double precision) (SFUNC = float8_accum, STYPE = double precision[], FINALFUNC = float8_avg,
      COMBINEFUNC = float8_combine, INITCOND = '{0,0,0}', PARALLEL = SAFE)`,
    // Only a superuser may keep a state of type internal.
    draw.portable
      ? `CREATE AGGREGATE ${refs[1]} (integer) (SFUNC = int4larger, STYPE = integer, SORTOP = >)`
      : `CREATE AGGREGATE ${refs[1]} (double precision ORDER BY anyelement) (SFUNC = ordered_set_transition, STYPE = internal,
      FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA)`,
    `CREATE AGGREGATE ${refs[2]} (integer) (SFUNC = int4pl, STYPE = integer, MSFUNC = int4pl, MINVFUNC = int4mi, MSTYPE = integer,
      INITCOND = '0', MINITCOND = '7')`,
  );
  draw.made.push(
    { kind: 'AGGREGATE', ref: `${refs[0]}(double precision)` },
    { kind: 'AGGREGATE', ref: `${refs[2]}(integer)` },
  );
};

export const operators = (draw: Draw): void => {
  const [type, less, equal, compare, number] = [draw.ref(), draw.ref(), draw.ref(), draw.ref(), draw.ref()];
  const schema = draw.random.pick(draw.schemas);
  const both = `(a ${type}, b ${type})`;
  const symbol = (text: string): string => `${schema}.${text}`;
  draw.add(
    `CREATE TYPE ${type} AS (x integer)`,
    `CREATE FUNCTION ${less}${both} RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT (a).x < (b).x'`,
    `CREATE FUNCTION ${equal}${both} RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT (a).x = (b).x'`,
    `CREATE FUNCTION ${compare}${both} RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT btint4cmp((a).x, (b).x)'`,
    `CREATE FUNCTION ${number}(m ${type}) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT (m).x'`,
    `CREATE OPERATOR ${symbol('#<#')} (LEFTARG = ${type}, RIGHTARG = ${type}, FUNCTION = ${less}, COMMUTATOR = OPERATOR(${symbol('#>#')}),
      RESTRICT = scalarltsel, JOIN = scalarltjoinsel)`,
    `CREATE OPERATOR ${symbol('#>#')} (LEFTARG = ${type}, RIGHTARG = ${type}, FUNCTION = ${less}, COMMUTATOR = OPERATOR(${symbol('#<#')}))`,
    `CREATE OPERATOR ${symbol('#=#')} (LEFTARG = ${type}, RIGHTARG = ${type}, FUNCTION = ${equal}, COMMUTATOR = OPERATOR(${symbol('#=#')}),
      RESTRICT = eqsel, MERGES, HASHES)`,
    `CREATE OPERATOR ${symbol('!@')} (RIGHTARG = ${type}, FUNCTION = ${number})`,
    `CREATE CAST (${type} AS integer) WITH FUNCTION ${number}(${type}) AS ASSIGNMENT`,
  );
  draw.made.push({ kind: 'TYPE', ref: type }, { kind: 'OPERATOR', ref: `${symbol('#<#')} (${type}, ${type})` });
  if (draw.portable) return;
  const [family, byFamily] = [draw.ref(), draw.ref()];
  draw.add(
    `CREATE OPERATOR FAMILY ${family} USING btree`,
    `CREATE OPERATOR CLASS ${byFamily} FOR TYPE ${type} USING btree FAMILY ${family} AS OPERATOR 1 ${symbol('#<#')},
      OPERATOR 3 ${symbol('#=#')}, FUNCTION 1 ${compare}(${type}, ${type})`,
    `ALTER OPERATOR FAMILY ${family} USING btree ADD OPERATOR 1 < (integer, bigint), OPERATOR 3 = (integer, bigint),
      FUNCTION 1 btint48cmp(integer, bigint)`,
  );
  draw.made.push(
    { kind: 'OPERATOR CLASS', ref: `${byFamily} USING btree` },
    { kind: 'OPERATOR FAMILY', ref: `${family} USING btree` },
  );
};

export const views = (draw: Draw): void => {
  const { random } = draw;
  const [source] = random.shuffle(draw.tables);
  if (!source) return;
  const [first, second, third, recursive, checked] = [draw.ref(), draw.ref(), draw.ref(), draw.ref(), draw.ref()];
  const { ref, key } = source;
  const options = random.pick([
    '',
    'WITH (security_barrier)',
    'WITH (security_invoker = true)',
    'WITH (security_barrier = false)',
  ]);
  draw.add(
    `CREATE VIEW ${first} ${options} AS SELECT t.${key} AS id, t.*::text AS "whole; row", ${draw.text()} AS "text" FROM ${ref} t`,
    `CREATE VIEW ${second} ("a b", n) AS SELECT id % 3, count(*) OVER (PARTITION BY id % 3 ORDER BY id
      ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
      FROM ${first} f JOIN LATERAL (SELECT f.id AS again) l ON true WHERE EXISTS (SELECT FROM ${ref})`,
    `CREATE VIEW ${third} AS SELECT * FROM ${second} UNION ALL (SELECT 1, 2 EXCEPT SELECT 3, 4) ORDER BY 1, 2 LIMIT 100`,
    `CREATE RECURSIVE VIEW ${recursive} (n) AS VALUES (1) UNION ALL SELECT n + 1
      FROM ${recursive.slice(schemaOf(recursive).length + 1)} WHERE n < 5`,
    `CREATE VIEW ${checked} AS SELECT ${key} AS k FROM ${ref} WHERE ${key} IN (1, 2, 3)
      WITH ${random.pick(['CASCADED', 'LOCAL'])} CHECK OPTION`,
    `ALTER VIEW ${checked} ALTER k SET DEFAULT 3`,
  );
  draw.views.push(first, second, third);
  draw.made.push({ kind: 'VIEW', ref: first }, { kind: 'VIEW', ref: third }, { kind: 'COLUMN', ref: `${first}.id` });
};

export const materialized = (draw: Draw): void => {
  const { random } = draw;
  const source = draw.views.length > 0 ? random.pick(draw.views) : '(SELECT 1 AS one)';
  const [full, above, unfilled] = [draw.ref(), draw.ref(), draw.ref()];
  draw.add(
    `CREATE MATERIALIZED VIEW ${full} WITH (fillfactor = 55) AS
      SELECT row_number() OVER (ORDER BY s.*::text COLLATE "C") AS n, s.*::text AS line FROM ${source} s`,
    `CREATE UNIQUE INDEX ON ${full} (n)`,
    `CREATE MATERIALIZED VIEW ${above} AS SELECT max(n) AS most, ${draw.text()} AS note FROM ${full}`,
    `CREATE MATERIALIZED VIEW ${unfilled} AS SELECT * FROM ${above} WITH NO DATA`,
    `CREATE INDEX ON ${unfilled} (most)`,
  );
  draw.filled.push(full, above);
  draw.made.push({ kind: 'MATERIALIZED VIEW', ref: full }, { kind: 'MATERIALIZED VIEW', ref: unfilled });
};

const triggerBody = inBody('BEGIN RETURN coalesce(NEW, OLD); END');

export const triggers = (draw: Draw): void => {
  const { random } = draw;
  const run = draw.ref();
  draw.add(`CREATE FUNCTION ${run}() RETURNS trigger LANGUAGE plpgsql AS ${triggerBody}`);
  for (const { ref, key, partitioned } of random.shuffle(draw.tables).slice(0, 2)) {
    const [before, statement, off, late, moved] = [draw.name(), draw.name(), draw.name(), draw.name(), draw.name()];
    draw.add(
      `CREATE TRIGGER ${before} BEFORE INSERT OR UPDATE OF ${key} ON ${ref} FOR EACH ROW WHEN (NEW.${key} > 0)
        EXECUTE FUNCTION ${run}(${draw.text()}, '1')`,
      `CREATE TRIGGER ${statement} AFTER INSERT OR DELETE OR TRUNCATE ON ${ref} FOR EACH STATEMENT EXECUTE FUNCTION ${run}()`,
      `CREATE TRIGGER ${off} AFTER DELETE ON ${ref} FOR EACH ROW EXECUTE FUNCTION ${run}()`,
      `CREATE CONSTRAINT TRIGGER ${late} AFTER UPDATE ON ${ref} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ${run}()`,
      `ALTER TABLE ${ref} ${random.pick(['DISABLE', 'ENABLE ALWAYS', 'ENABLE REPLICA'])} TRIGGER ${off}`,
      `CREATE TRIGGER ${moved} AFTER INSERT ON ${ref} REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION ${run}()`,
    );
    if (partitioned !== true && random.chance(0.3)) draw.add(`ALTER TABLE ${ref} DISABLE TRIGGER ${before}`);
    draw.made.push({ kind: 'TRIGGER', ref: `${before} ON ${ref}` });
  }
  const [view] = draw.views;
  if (view !== undefined)
    draw.add(`CREATE TRIGGER ${draw.name()} INSTEAD OF INSERT ON ${view} FOR EACH ROW EXECUTE FUNCTION ${run}()`);
};

/** They fire while a restore runs, too: these leave no trace. */
export const eventTriggers = (draw: Draw): void => {
  if (draw.portable) return;
  const run = draw.ref();
  const [all, some, off] = [draw.name(), draw.name(), draw.name()];
  draw.add(
    `CREATE FUNCTION ${run}() RETURNS event_trigger LANGUAGE plpgsql AS ${inBody('BEGIN PERFORM 1; END')}`,
    `CREATE EVENT TRIGGER ${all} ON ddl_command_end EXECUTE FUNCTION ${run}()`,
    `CREATE EVENT TRIGGER ${some} ON ddl_command_start WHEN TAG IN ('CREATE INDEX', 'CREATE VIEW') EXECUTE FUNCTION ${run}()`,
    `CREATE EVENT TRIGGER ${off} ON sql_drop EXECUTE FUNCTION ${run}()`,
    `ALTER EVENT TRIGGER ${off} ${draw.random.pick(['DISABLE', 'ENABLE ALWAYS', 'ENABLE REPLICA'])}`,
    `COMMENT ON EVENT TRIGGER ${some} IS ${draw.text()}`,
  );
};

export const rules = (draw: Draw): void => {
  const [ref, other] = [draw.ref(), draw.ref()];
  const [log, off] = [draw.name(), draw.name()];
  draw.add(
    `CREATE TABLE ${ref} (a integer, b text)`,
    `CREATE TABLE ${other} (LIKE ${ref} INCLUDING ALL)`,
    `CREATE RULE ${log} AS ON UPDATE TO ${ref} DO ALSO (INSERT INTO ${other} VALUES (old.a, ${draw.text()}); NOTIFY "a b")`,
    `CREATE RULE ${off} AS ON DELETE TO ${ref} DO INSTEAD NOTHING`,
    `ALTER TABLE ${ref} DISABLE RULE ${off}`,
    `INSERT INTO ${ref} VALUES (1, ${draw.text()})`,
  );
  const [view] = draw.views;
  if (view !== undefined)
    draw.add(`CREATE RULE ${draw.name()} AS ON DELETE TO ${view} DO INSTEAD DELETE FROM ${ref} WHERE a = old.id`);
  draw.made.push({ kind: 'RULE', ref: `${log} ON ${ref}` }, { kind: 'TABLE', ref });
};

export const policies = (draw: Draw): void => {
  for (const { ref, key } of draw.random.shuffle(draw.tables).slice(0, 2)) {
    const [own, writers] = [draw.name(), draw.name()];
    const to = draw.portable ? 'PUBLIC' : `${draw.role()}, CURRENT_USER`;
    draw.add(
      `CREATE POLICY ${own} ON ${ref} FOR SELECT TO ${to} USING (${key}::text <> current_user AND ${draw.text()} <> 'x')`,
      `CREATE POLICY ${writers} ON ${ref} AS RESTRICTIVE FOR INSERT WITH CHECK (${key} > 0)`,
      `ALTER TABLE ${ref} ENABLE ROW LEVEL SECURITY`,
    );
    // The owner is held back, too: only a superuser or BYPASSRLS could count the rows after a restore.
    if (!draw.portable && draw.random.chance(0.5)) draw.add(`ALTER TABLE ${ref} FORCE ROW LEVEL SECURITY`);
    draw.made.push({ kind: 'POLICY', ref: `${own} ON ${ref}` });
  }
};

export const textSearch = (draw: Draw): void => {
  const [dictionary, configuration, copied] = [draw.ref(), draw.ref(), draw.ref()];
  draw.add(
    `CREATE TEXT SEARCH DICTIONARY ${dictionary} (TEMPLATE = simple, STOPWORDS = english, ACCEPT = false)`,
    `CREATE TEXT SEARCH CONFIGURATION ${configuration} (PARSER = "default")`,
    `ALTER TEXT SEARCH CONFIGURATION ${configuration} ADD MAPPING FOR asciiword, email WITH ${dictionary}, english_stem`,
    `CREATE TEXT SEARCH CONFIGURATION ${copied} (COPY = english)`,
    `ALTER TEXT SEARCH CONFIGURATION ${copied} DROP MAPPING FOR url`,
  );
  draw.made.push(
    { kind: 'TEXT SEARCH DICTIONARY', ref: dictionary },
    { kind: 'TEXT SEARCH CONFIGURATION', ref: configuration },
  );
  if (draw.portable) return;
  const [template, parser] = [draw.ref(), draw.ref()];
  draw.add(
    `CREATE TEXT SEARCH TEMPLATE ${template} (INIT = dsimple_init, LEXIZE = dsimple_lexize)`,
    `CREATE TEXT SEARCH PARSER ${parser} (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype,
      HEADLINE = prsd_headline)`,
  );
  draw.made.push({ kind: 'TEXT SEARCH TEMPLATE', ref: template }, { kind: 'TEXT SEARCH PARSER', ref: parser });
};

/** Languages, access methods, conversions: of a superuser, and rare. */
export const machinery = (draw: Draw): void => {
  const number = typeOf(draw, 'number');
  if (draw.portable) return;
  const [language, method, table] = [draw.name(), draw.name(), draw.ref()];
  // A handler that belongs to an extension is left out by pg_dump, and the language then is no more.
  const [call, inline, validator] = [draw.ref(), draw.ref(), draw.ref()];
  draw.add(
    `CREATE FUNCTION ${call}() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler'`,
    `CREATE FUNCTION ${inline}(internal) RETURNS void STRICT LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_inline_handler'`,
    `CREATE FUNCTION ${validator}(oid) RETURNS void STRICT LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_validator'`,
    `CREATE TRUSTED LANGUAGE ${language} HANDLER ${call} INLINE ${inline} VALIDATOR ${validator}`,
    `CREATE FUNCTION ${draw.ref()}() RETURNS integer LANGUAGE ${language} AS 'BEGIN RETURN 1; END'`,
    `CREATE ACCESS METHOD ${method} TYPE TABLE HANDLER heap_tableam_handler`,
    `CREATE TABLE ${table} (v ${number.sql}) USING ${method}`,
    `INSERT INTO ${table} VALUES (${number.value()})`,
    `CREATE ${draw.random.chance(0.3) ? 'DEFAULT ' : ''}CONVERSION ${draw.ref()} FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8`,
  );
  draw.made.push({ kind: 'LANGUAGE', ref: language }, { kind: 'ACCESS METHOD', ref: method });
};
