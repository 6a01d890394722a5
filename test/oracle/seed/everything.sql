-- A database with (nearly) every kind of thing that a backup must bring back. Deterministic; needs roles.sql and a superuser.
-- psql variables: seed (a number), version (server_version_num). Load into an empty database.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET check_function_bodies = off;
SET TimeZone = 'UTC';
BEGIN;

CREATE EXTENSION pgcrypto;
CREATE EXTENSION hstore;
CREATE EXTENSION citext;
CREATE EXTENSION pg_trgm;
CREATE EXTENSION btree_gist;
COMMENT ON EXTENSION hstore IS 'changed by a user';

CREATE SCHEMA app AUTHORIZATION seed_owner;
CREATE SCHEMA "Odd Schema; ""quoted"", ünï" AUTHORIZATION "Seed ""Odd"" Röle, ;";
CREATE SCHEMA "select";
COMMENT ON SCHEMA app IS 'line one
line two with ''quotes'' and \ backslash';
COMMENT ON SCHEMA public IS 'a public schema of our own';
GRANT USAGE ON SCHEMA app TO seed_reader;
GRANT USAGE, CREATE ON SCHEMA app TO seed_writer WITH GRANT OPTION;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO seed_reader;

ALTER DEFAULT PRIVILEGES FOR ROLE seed_owner IN SCHEMA app GRANT SELECT ON TABLES TO seed_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE seed_owner GRANT EXECUTE ON FUNCTIONS TO seed_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE seed_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- Types
CREATE TYPE app.mood AS ENUM ('sad', 'ok', 'it''s "fine"', 'Ünhappy', '');
CREATE DOMAIN app.positive AS integer DEFAULT 1 CHECK (VALUE > 0) CONSTRAINT "not seven" CHECK (VALUE <> 7);
CREATE DOMAIN app.email AS citext NOT NULL CHECK (VALUE ~ '@');
CREATE TYPE app.point3 AS (x double precision, y double precision, "z z" numeric(10, 3));
CREATE TYPE app.nested AS (label text, points app.point3[], mood app.mood);
CREATE TYPE app.floatrange AS RANGE (subtype = float8, subtype_diff = float8mi);
COMMENT ON TYPE app.mood IS 'a mood';
COMMENT ON COLUMN app.point3.x IS 'first coordinate';
ALTER TYPE app.mood OWNER TO seed_owner;
REVOKE USAGE ON TYPE app.mood FROM PUBLIC;
GRANT USAGE ON TYPE app.mood TO seed_writer;
CREATE COLLATION app.posix_like (locale = 'C');
CREATE COLLATION app.numeric_order (provider = icu, locale = 'und-u-kn-true', deterministic = false);

-- Every built-in type
CREATE TABLE app.every_type (
  id integer PRIMARY KEY, c_smallint smallint, c_bigint bigint, c_numeric numeric, c_numeric2 numeric(12, 4), c_real real,
  c_double double precision,
  c_money money, c_char char(5), c_varchar varchar(20), c_text text, c_name name, c_internal "char", c_bytea bytea, c_bool boolean,
  c_date date,
  c_time time(3), c_timetz timetz, c_timestamp timestamp, c_timestamptz timestamptz, c_interval interval, c_point point, c_line line,
  c_lseg lseg,
  c_box box, c_path path, c_polygon polygon, c_circle circle, c_cidr cidr, c_inet inet, c_macaddr macaddr, c_macaddr8 macaddr8,
  c_bit bit(5),
  c_varbit varbit, c_tsvector tsvector, c_tsquery tsquery, c_uuid uuid, c_xml xml, c_json json, c_jsonb jsonb, c_jsonpath jsonpath,
  c_int4range int4range, c_int8range int8range, c_numrange numrange, c_tsrange tsrange, c_tstzrange tstzrange, c_daterange daterange,
  c_oid oid, c_regclass regclass, c_regtype regtype, c_lsn pg_lsn, c_snapshot txid_snapshot, c_tid tid, c_xid xid,
  c_ints integer[], c_texts text[][], c_bounds integer[], c_mood app.mood, c_moods app.mood[], c_positive app.positive, c_email citext,
  c_composite app.point3, c_nested app.nested, c_floatrange app.floatrange, c_hstore hstore, c_jsons json[], c_byteas bytea[]
);
INSERT INTO app.every_type (id, c_smallint, c_bigint, c_numeric, c_numeric2, c_real, c_double, c_money, c_char, c_varchar, c_text,
  c_name, c_internal,
  c_bytea, c_bool, c_date, c_time, c_timetz, c_timestamp, c_timestamptz, c_interval, c_point, c_line, c_lseg, c_box, c_path, c_polygon,
  c_circle, c_cidr,
  c_inet, c_macaddr, c_macaddr8, c_bit, c_varbit, c_tsvector, c_tsquery, c_uuid, c_xml, c_json, c_jsonb, c_jsonpath, c_int4range,
  c_int8range, c_numrange,
  c_tsrange, c_tstzrange, c_daterange, c_oid, c_regclass, c_regtype, c_lsn, c_snapshot, c_tid, c_xid, c_ints, c_texts, c_bounds,
  c_mood, c_moods,
  c_positive, c_email, c_composite, c_nested, c_floatrange, c_hstore, c_jsons, c_byteas) VALUES
 (1, -32768, 9223372036854775807, 'NaN', 12345678.9012, 'NaN', 'Infinity', '-92233720368547758.08', 'ab', E'tab\there',
 E'line\nbreak \\. \\N \r end',
  'name', 'x', '\x00ff5c27', true, 'infinity', '24:00:00', '04:05:06.789+05:30', '-infinity', 'infinity',
  '178000000 years -3 days 04:05:06.789',
  '(1.5,-2)', '{1,2,3}', '[(0,0),(1,1)]', '((0,0),(2,2))', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(2,0))', '<(1,1),2>', '10.1.0.0/16',
  '2001:db8::1/64',
  '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', B'10101', B'1', '''a b'':1A fat:2B', '''fat'' & !rat:*',
  'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  '<r a="1">ünï &amp; </r>', '{"b":1,  "a":[1, 2],"b":2}', '{"b": 1.10, "a": null, "e": "\u00e9\n"}', '$.a[*] ? (@ > 1)', '[1,5)',
  '(,)', 'empty',
  '[2020-01-01 00:00,)', '[2020-01-01 00:00+02,infinity]', '(-infinity,2020-01-01)', 4294967295, 'pg_class', 'integer', '16/B374D848',
  '10:20:10,14,15',
  '(1,2)', '42', '{1,NULL,3}', '{{"a","NULL"},{"",null}}', '[-1:1]={7,8,9}', 'it''s "fine"', '{sad,""}', 3, 'A@b.example', '(1,2,3.5)',
  ROW('n', ARRAY[ROW(1, 'NaN', 2.125)::app.point3, NULL], 'Ünhappy')::app.nested, '[1.5,2.5)', 'a=>1, "b c"=>NULL, ""=>"\"q\""',
  ARRAY['{"x" : 1}', 'null']::json[], ARRAY['\x00', '\xdeadbeef']::bytea[]),
 (2, 32767, -9223372036854775808, '123456789012345678901234567890.123456789012345678901234567890', -0.0001, '1e-45', '-Infinity',
 '0.01', '', '', '', '', '', '', false,
  '-infinity', '00:00:00.001', '23:59:59-15:59', '294276-12-31 23:59:59.999999', '4714-11-24 00:00:00+00 BC', '-1 mons',
  '(NaN,Infinity)', '{0,1,0}', '[(0,0),(0,0)]',
  '((0,0),(0,0))', '((0,0))', '((0,0))', '<(0,0),0>', '::/0', '192.168.0.1', '00:00:00:00:00:00', '00:00:00:00:00:00:00:00', B'00000',
  B'', '', '', '00000000-0000-0000-0000-000000000000',
  '', '""', '[]', '$', 'empty', '[-9223372036854775808,0)', '[1.10,1.100]', 'empty', 'empty', '[0001-01-01 BC,9999-12-31]', 0, 0, 0,
  '0/0', '1:1:', '(0,0)', '0',
  '{}', '{}', '{}', 'sad', '{}', 1, '@', '(,,)', ROW('', '{}', NULL)::app.nested, 'empty', '', '{}', '{}');
INSERT INTO app.every_type (id) VALUES (3);
INSERT INTO app.every_type (id, c_real, c_double, c_numeric) VALUES (4, '3.4028235e38', '5e-324', 0.000), (5, '-0', '-0', 1e-40),
  (6, 0.1, 0.1, 1.50),
  (7, 16777217, 0.30000000000000004, -0.0);
SELECT current_setting('server_version_num')::int >= 140000 AS modern \gset
\if :modern
ALTER TABLE app.every_type ADD c_multirange int4multirange, ADD c_floatmultirange app.floatmultirange, ADD c_numeric_inf numeric;
UPDATE app.every_type SET c_multirange = '{[1,3),[5,9)}', c_floatmultirange = '{[1.5,2),(4,)}', c_numeric_inf = 'Infinity' WHERE id = 1;
UPDATE app.every_type SET c_multirange = '{}', c_floatmultirange = '{}', c_numeric_inf = '-Infinity' WHERE id = 2;
ALTER TABLE app.every_type ALTER c_text SET COMPRESSION pglz;
CREATE FUNCTION app.sql_body(a integer) RETURNS integer LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT a + 1; END;
\endif
COMMENT ON COLUMN app.every_type.c_text IS 'text, with '' and \ ';
ALTER TABLE app.every_type ALTER c_text SET STORAGE EXTERNAL, ALTER c_varchar SET STATISTICS 321, ALTER c_bigint SET (n_distinct = -0.5);
ALTER TABLE app.every_type SET (fillfactor = 70, autovacuum_enabled = false, toast.autovacuum_enabled = false);

-- Rows that look like the end of COPY data, and odd text
CREATE TABLE app.hostile (id serial PRIMARY KEY, v text COLLATE "C", w text COLLATE app.numeric_order);
INSERT INTO app.hostile (v, w) VALUES (E'\\.', E'\\.'), (E'\\N', NULL), (NULL, ''), (E'a\tb\nc\rd\\e\bf\fg\vh', 'x'),
  (E'COPY x FROM stdin;\n\\.\n', E'-- \n;\n'),
  ('ünïcödé 漢字 😀 e' || chr(769), U&'\FEFF'), (E'\x01\x7f', '$$'), ('''; DROP TABLE app.hostile; --', '"'), (repeat(E'\\', 1000),
  repeat(E'\n', 1000));
-- TOAST: long and hard to compress, inside and outside of the main table
CREATE TABLE app.toasted (id integer PRIMARY KEY, compressible text, random text, raw bytea);
ALTER TABLE app.toasted ALTER raw SET STORAGE EXTERNAL;
INSERT INTO app.toasted SELECT n, repeat('compress me ', 20000), (SELECT string_agg(md5(:seed || '-' || n || '-' || i), '')
  FROM generate_series(1, 1500) i),
  (SELECT string_agg(decode(md5(:seed || '/' || n || '/' || i), 'hex'), '') FROM generate_series(1, 2000) i) FROM generate_series(1, 5) n;
CREATE TABLE app.empty (a integer, b text);
CREATE TABLE app.no_columns ();
INSERT INTO app.no_columns DEFAULT VALUES;
CREATE UNLOGGED TABLE app.unlogged (a integer);
INSERT INTO app.unlogged VALUES (1);
CREATE TABLE app.doubles (a integer);
INSERT INTO app.doubles VALUES (1), (1), (NULL), (NULL), (NULL);

-- Names
CREATE TABLE "Odd Schema; ""quoted"", ünï"."tab	le
with newline" (" " integer, "se""lect" text DEFAULT 'it''s', "a.b" text, "$1" text, "%s %L" text, "-- c" text, "/*" text, ":seed" text,
  "__proto__" text);
INSERT INTO "Odd Schema; ""quoted"", ünï"."tab	le
with newline" VALUES (1, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
CREATE TABLE "select"."table" ("from" integer PRIMARY KEY, "where" text CHECK ("where" <> 'x'),
  "order" varchar(10) CHECK ("order" IN ('asc', 'desc', 'it''s')));
INSERT INTO "select"."table" VALUES (1, 'group', 'asc'), (2, NULL, NULL);
CREATE TABLE "select"."__proto__" ("constructor" integer);
CREATE TABLE app.a23456789012345678901234567890123456789012345678901234567890123
  (b23456789012345678901234567890123456789012345678901234567890123 integer);
CREATE TABLE app."UPPER" (id integer); CREATE TABLE app."upper" (id integer);
INSERT INTO app."UPPER" VALUES (1); INSERT INTO app."upper" VALUES (2);
COMMENT ON TABLE "select"."table" IS 'a keyword';
ALTER TABLE app.hostile OWNER TO seed_owner;
ALTER TABLE "select"."table" OWNER TO "Seed ""Odd"" Röle, ;";

-- Partitions: range over list over hash, a default, an attached one with another order of columns
CREATE TABLE app.events (id bigint GENERATED BY DEFAULT AS IDENTITY, at timestamptz NOT NULL, region text NOT NULL, body text,
  PRIMARY KEY (id, at, region)) PARTITION BY RANGE (at);
CREATE TABLE app.events_2024 PARTITION OF app.events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY LIST (region);
CREATE TABLE app.events_2024_eu PARTITION OF app.events_2024 FOR VALUES IN ('eu', 'it''s') PARTITION BY HASH (id);
CREATE TABLE app.events_2024_eu_0 PARTITION OF app.events_2024_eu FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE app.events_2024_eu_1 PARTITION OF app.events_2024_eu FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE app.events_2024_rest PARTITION OF app.events_2024 DEFAULT;
CREATE TABLE app.events_2025 (body text, region text NOT NULL, dropped integer, at timestamptz NOT NULL, id bigint NOT NULL);
ALTER TABLE app.events_2025 DROP COLUMN dropped;
ALTER TABLE app.events ATTACH PARTITION app.events_2025 FOR VALUES FROM ('2025-01-01') TO (MAXVALUE);
CREATE TABLE app.events_before PARTITION OF app.events FOR VALUES FROM (MINVALUE) TO ('2024-01-01');
CREATE INDEX events_body ON app.events (lower(body)) WHERE body IS NOT NULL;
INSERT INTO app.events (at, region, body) SELECT timestamptz '2023-06-01 00:00+00' + n * interval '1 day', (ARRAY['eu', 'us',
  'it''s'])[1 + n % 3], md5(:seed || n::text)
  FROM generate_series(1, 1000) n;

-- Inheritance; generated and identity columns
CREATE TABLE app.parent (id integer GENERATED ALWAYS AS IDENTITY (START 100 INCREMENT 10), name text);
CREATE TABLE app.child (extra text DEFAULT 'more') INHERITS (app.parent);
ALTER TABLE app.parent ADD added integer DEFAULT 5;
INSERT INTO app.parent (name) VALUES ('p1'), ('p2');
INSERT INTO app.child (id, name, extra) VALUES (7, 'c1', NULL);
CREATE TABLE app.computed (id bigserial PRIMARY KEY, a integer, b integer GENERATED ALWAYS AS (a * 2) STORED,
  label text GENERATED ALWAYS AS ('#' || a::text) STORED,
  key uuid DEFAULT gen_random_uuid(), made timestamptz DEFAULT now());
INSERT INTO app.computed (a, key, made) SELECT n, md5(:seed || n::text)::uuid,
  timestamptz '2024-02-29 12:00+00' + n * interval '1 hour' FROM generate_series(1, 50) n;

-- Sequences
CREATE SEQUENCE app.down INCREMENT -3 MINVALUE -1000 MAXVALUE 10 START 7 CACHE 5 CYCLE;
CREATE SEQUENCE app.untouched AS smallint START 12;
CREATE SEQUENCE app.big MAXVALUE 9223372036854775807;
SELECT nextval('app.down'), setval('app.big', 9007199254740993, false) \g /dev/null
ALTER SEQUENCE app.big OWNER TO seed_owner;
GRANT USAGE ON SEQUENCE app.big TO seed_reader;

-- Circular and deferred references, an exclusion, a constraint that is not valid yet
CREATE TABLE app.department (id integer PRIMARY KEY, head integer, name citext UNIQUE);
CREATE TABLE app.employee (id integer PRIMARY KEY, department integer NOT NULL
  REFERENCES app.department ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED,
  manager integer REFERENCES app.employee ON DELETE SET NULL, email app.email);
INSERT INTO app.department VALUES (1, 2, 'Sales'), (2, 1, 'Ops');
INSERT INTO app.employee VALUES (1, 1, NULL, 'a@example.org'), (2, 2, 1, 'B@example.org');
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE app.department ADD CONSTRAINT head_exists FOREIGN KEY (head) REFERENCES app.employee DEFERRABLE;
ALTER TABLE app.employee ADD CONSTRAINT later CHECK (id < 1000) NOT VALID;
COMMENT ON CONSTRAINT later ON app.employee IS 'to be validated';
CREATE TABLE app.booking (room integer, during tstzrange, EXCLUDE USING gist (room WITH =, during WITH &&));
INSERT INTO app.booking VALUES (1, '[2024-01-01 00:00+00,2024-01-02 00:00+00)'), (2, '[2024-01-01 00:00+00,2024-01-02 00:00+00)');
CREATE INDEX department_trgm ON app.department USING gin (name gin_trgm_ops);
CREATE UNIQUE INDEX employee_mail ON app.employee (lower(email::text) COLLATE "C" DESC NULLS LAST) INCLUDE (department)
  WITH (fillfactor = 80);
COMMENT ON INDEX app.employee_mail IS 'an index';
ALTER TABLE app.department REPLICA IDENTITY FULL;
ALTER TABLE app.employee CLUSTER ON employee_pkey;
CREATE STATISTICS app.every_stat (dependencies, ndistinct) ON a, made FROM app.computed;
ALTER STATISTICS app.every_stat OWNER TO seed_owner;
COMMENT ON STATISTICS app.every_stat IS 'correlated';

-- Functions whose bodies look like a dump
CREATE FUNCTION app.tricky() RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $body$
BEGIN
  RETURN 'text
COPY x FROM stdin;
1	2
\.
-- end $$ $fn$
';
END
$body$;
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := NEW.name; RETURN NEW; END $$;
CREATE FUNCTION app.add(a integer, b integer DEFAULT 2, VARIADIC rest integer[] DEFAULT '{}') RETURNS integer
  LANGUAGE sql STABLE COST 7 AS 'SELECT a + b';
CREATE FUNCTION app."it's (odd)"(OUT "a b" text, OUT c integer) LANGUAGE sql AS $$ SELECT 'x', 1 $$;
CREATE PROCEDURE app.work(INOUT n integer) LANGUAGE plpgsql AS $$ BEGIN n := n + 1; END $$;
CREATE AGGREGATE app.sum_of_squares (double precision) (SFUNC = float8_accum, STYPE = double precision[], FINALFUNC = float8_avg,
  INITCOND = '{0,0,0}');
CREATE FUNCTION app.same(a app.point3, b app.point3) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT (a).x = (b).x';
CREATE OPERATOR app.=== (LEFTARG = app.point3, RIGHTARG = app.point3, FUNCTION = app.same, COMMUTATOR = OPERATOR(app.===));
CREATE FUNCTION app.mood_number(m app.mood) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT length(m::text) $$;
CREATE CAST (app.mood AS integer) WITH FUNCTION app.mood_number(app.mood);
COMMENT ON FUNCTION app.add(integer, integer, integer[]) IS 'adds';
ALTER FUNCTION app.add(integer, integer, integer[]) OWNER TO seed_owner;
REVOKE EXECUTE ON FUNCTION app.tricky() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.tricky() TO seed_writer;
GRANT EXECUTE ON PROCEDURE app.work(integer) TO seed_reader WITH GRANT OPTION;
CREATE TEXT SEARCH DICTIONARY app.plain (TEMPLATE = simple, STOPWORDS = english);
CREATE TEXT SEARCH CONFIGURATION app.search (COPY = english);
ALTER TEXT SEARCH CONFIGURATION app.search ALTER MAPPING FOR asciiword WITH app.plain, english_stem;

-- Triggers, rules, views, policies
CREATE TRIGGER touch BEFORE INSERT OR UPDATE OF name ON app.department FOR EACH ROW WHEN (NEW.id > 0) EXECUTE FUNCTION app.touch();
CREATE TRIGGER "disabled one" BEFORE DELETE ON app.department FOR EACH ROW EXECUTE FUNCTION app.touch();
ALTER TABLE app.department DISABLE TRIGGER "disabled one";
CREATE TRIGGER replica_only AFTER INSERT ON app.department FOR EACH STATEMENT EXECUTE FUNCTION app.touch();
ALTER TABLE app.department ENABLE REPLICA TRIGGER replica_only;
CREATE CONSTRAINT TRIGGER deferred_one AFTER UPDATE ON app.department DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION app.touch();
COMMENT ON TRIGGER touch ON app.department IS 'touches';
CREATE RULE no_delete AS ON DELETE TO app.computed DO INSTEAD NOTHING;
CREATE VIEW app.people AS SELECT e.id, e.email, d.name AS department FROM app.employee e JOIN app.department d ON d.id = e.department;
CREATE VIEW app.people_count WITH (security_barrier) AS SELECT department, count(*) AS n FROM app.people GROUP BY department;
CREATE VIEW app.checked AS SELECT * FROM app.employee WHERE id IN (1, 2, 3) WITH CASCADED CHECK OPTION;
CREATE RULE insert_people AS ON INSERT TO app.people DO INSTEAD INSERT INTO app.employee VALUES (NEW.id, 1, NULL, NEW.email);
ALTER VIEW app.people ALTER email SET DEFAULT 'nobody@example.org';
CREATE MATERIALIZED VIEW app.totals AS SELECT region, count(*) AS n FROM app.events GROUP BY region;
CREATE UNIQUE INDEX totals_region ON app.totals (region);
CREATE MATERIALIZED VIEW app.unfilled AS SELECT * FROM app.totals WITH NO DATA;
COMMENT ON VIEW app.people IS 'people';
ALTER VIEW app.people OWNER TO seed_owner;
CREATE POLICY own_rows ON app.employee FOR SELECT TO seed_reader, "Seed ""Odd"" Röle, ;" USING (email = CURRENT_USER);
CREATE POLICY "writers; check" ON app.employee AS RESTRICTIVE FOR INSERT TO PUBLIC WITH CHECK (id > 0);
COMMENT ON POLICY own_rows ON app.employee IS 'own rows only';
ALTER TABLE app.employee ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.department FORCE ROW LEVEL SECURITY;

-- Privileges
GRANT SELECT ON app.employee TO seed_reader;
GRANT INSERT, UPDATE ON app.employee TO seed_writer WITH GRANT OPTION;
GRANT SELECT (id, name), UPDATE (name) ON app.department TO seed_auditor;
GRANT SELECT ON app.people TO PUBLIC;
GRANT ALL ON "select"."table" TO "Seed ""Odd"" Röle, ;";
SET ROLE seed_owner;
GRANT SELECT ON app.hostile TO seed_reader;
RESET ROLE;

-- Publications
CREATE PUBLICATION some_tables FOR TABLE app.employee, app.department WITH (publish = 'insert, update');
CREATE PUBLICATION "all; tables" FOR ALL TABLES WITH (publish = 'insert, truncate');
COMMENT ON PUBLICATION some_tables IS 'published';
SELECT current_setting('server_version_num')::int >= 150000 AS filters \gset
\if :filters
CREATE PUBLICATION filtered FOR TABLE app.computed (id, a) WHERE (a > 10) WITH (publish = 'insert');
CREATE PUBLICATION schemas FOR TABLES IN SCHEMA "select" WITH (publish = 'insert');
\endif

-- Foreign data
CREATE FOREIGN DATA WRAPPER seed_wrapper OPTIONS (debug 'true');
CREATE SERVER seed_server TYPE 'none' VERSION '1' FOREIGN DATA WRAPPER seed_wrapper OPTIONS (host 'nowhere');
CREATE USER MAPPING FOR seed_reader SERVER seed_server OPTIONS (secret 'x');
CREATE FOREIGN TABLE app.far_away (a integer OPTIONS (column_name 'b')) SERVER seed_server OPTIONS (table_name 'c');

-- Large objects: empty, small, larger than one page, more than a mebibyte, with a hole
SELECT lo_create(900001), lo_from_bytea(900002, '\x00ff0a'), lo_from_bytea(900003, decode(repeat(md5(:seed || 'lo'), 8000), 'hex')),
  lo_from_bytea(900004, decode(repeat('00ff10', 500000), 'hex')), lo_create(900005) \g /dev/null
SELECT lo_put(900005, 100000, '\xabcdef') \g /dev/null
ALTER LARGE OBJECT 900002 OWNER TO seed_owner;
GRANT SELECT ON LARGE OBJECT 900003 TO seed_reader;
COMMENT ON LARGE OBJECT 900004 IS 'a large object';
CREATE TABLE app.attachment (id integer PRIMARY KEY, content oid);
INSERT INTO app.attachment VALUES (1, 900002), (2, 900003);

COMMIT;

SELECT current_database() AS database \gset
COMMENT ON DATABASE :"database" IS 'seeded with everything';
ALTER DATABASE :"database" SET work_mem = '7MB';
ALTER DATABASE :"database" SET search_path = app, "Odd Schema; ""quoted"", ünï", public;
ALTER DATABASE :"database" SET DateStyle = 'German, DMY';
ALTER DATABASE :"database" SET extra_float_digits = 0;
ALTER DATABASE :"database" SET bytea_output = 'escape';
ALTER DATABASE :"database" SET TimeZone = 'Asia/Kolkata';
ALTER ROLE seed_reader IN DATABASE :"database" SET statement_timeout = '5s';
GRANT CONNECT ON DATABASE :"database" TO seed_reader;
REVOKE CONNECT ON DATABASE :"database" FROM PUBLIC;
GRANT CREATE, TEMPORARY ON DATABASE :"database" TO seed_writer WITH GRANT OPTION;
ALTER DATABASE :"database" OWNER TO seed_owner;
ALTER DATABASE :"database" CONNECTION LIMIT 40;
