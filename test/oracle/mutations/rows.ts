// Damage to what is in tables, sequences and large objects.
import type { Mutation } from './mutation.ts';

export const rowMutations: readonly Mutation[] = [
  {
    what: 'one value of one row',
    sql: `UPDATE "select"."table" SET "where" = 'Group' WHERE "from" = 1`,
    reported: ['rows "select"."table": digest'],
  },
  {
    what: 'NULL becomes an empty string',
    sql: `UPDATE app.hostile SET v = '' WHERE id = 3`,
    reported: ['rows app.hostile: digest'],
  },
  {
    what: 'the last bit of a float',
    sql: `UPDATE app.every_type SET c_double = 0.1 + 1.5e-17 WHERE id = 6`,
    reported: ['rows app.every_type: digest'],
  },
  {
    what: 'minus zero becomes zero',
    sql: `UPDATE app.every_type SET c_double = 0 WHERE id = 5`,
    reported: ['rows app.every_type: digest'],
  },
  {
    what: 'NaN becomes NULL',
    sql: `UPDATE app.every_type SET c_real = NULL WHERE id = 1`,
    reported: ['rows app.every_type: digest'],
  },
  {
    what: 'the scale of a numeric',
    sql: `UPDATE app.every_type SET c_numeric = 1.5 WHERE id = 6`,
    reported: ['rows app.every_type: digest'],
  },
  {
    what: 'the lower bound of an array',
    sql: `UPDATE app.every_type SET c_bounds = '{7,8,9}' WHERE id = 1`,
    reported: ['rows app.every_type: digest'],
  },
  {
    what: 'white space in json',
    sql: `UPDATE app.every_type SET c_json = '{"b":1, "a":[1, 2],"b":2}' WHERE id = 1`,
    reported: ['rows app.every_type: digest'],
  },
  {
    what: 'one byte of bytea',
    sql: `UPDATE app.toasted SET raw = set_byte(raw, 20000, 7) WHERE id = 3`,
    reported: ['rows app.toasted: digest'],
  },
  {
    what: 'infinity becomes a date',
    sql: `UPDATE app.every_type SET c_date = '9999-12-31' WHERE id = 1`,
    reported: ['rows app.every_type: digest'],
  },
  {
    what: 'the bound of a range',
    sql: `UPDATE app.every_type SET c_numrange = '[1.10,1.10]' WHERE id = 2`,
    reported: ['rows app.every_type: digest'],
  },
  {
    what: 'two values change places',
    sql: `UPDATE "select"."table" SET "from" = -"from"; UPDATE "select"."table" SET "from" = 3 + "from"`,
    reported: ['rows "select"."table": digest'],
  },
  {
    what: 'a duplicate row becomes another duplicate',
    sql: 'UPDATE app.doubles SET a = 1 WHERE ctid = (SELECT max(ctid) FROM app.doubles WHERE a IS NULL)',
    reported: ['rows app.doubles: digest'],
  },
  {
    what: 'a missing duplicate',
    sql: 'DELETE FROM app.doubles WHERE ctid = (SELECT max(ctid) FROM app.doubles WHERE a = 1)',
    reported: ['rows app.doubles: count', 'rows app.doubles: digest'],
  },
  {
    what: 'a row in an empty table',
    sql: 'INSERT INTO app.empty VALUES (NULL, NULL)',
    reported: ['rows app.empty: count', 'rows app.empty: digest'],
  },
  {
    what: 'a row of a table with no columns',
    sql: 'INSERT INTO app.no_columns DEFAULT VALUES',
    reported: ['rows app.no_columns: count', 'rows app.no_columns: digest'],
  },
  {
    what: 'a row of one partition',
    sql: `UPDATE app.events SET body = 'x' WHERE at = '2025-06-01 00:00+00'`,
    reported: ['rows app.events_2025: digest'],
  },
  {
    what: 'a row of a parent only',
    sql: `UPDATE ONLY app.parent SET name = 'P1' WHERE name = 'p1'`,
    reported: ['rows app.parent: digest'],
  },
  {
    what: 'a stale materialized view',
    sql: 'REFRESH MATERIALIZED VIEW app.unfilled',
    reported: ['materialized view app.unfilled: populated', 'rows app.unfilled: not in the original'],
  },
  {
    what: 'a row under a hostile name',
    sql: `UPDATE "Odd Schema; ""quoted"", ünï"."tab\tle\nwith newline" SET "$1" = 'x'`,
    reported: ['rows "Odd Schema; ""quoted"", ünï"."tab\tle\nwith newline": digest'],
  },
  { what: 'a sequence value', sql: `SELECT nextval('app.big')`, reported: ['sequence value app.big: called'] },
  {
    what: 'a sequence value behind an identity column',
    sql: `SELECT setval(pg_get_serial_sequence('app.events', 'id'), 5)`,
    reported: ['sequence value app.events_id_seq: last'],
  },
  {
    what: 'one byte of a large object',
    sql: `SELECT lo_put(900004, 1200000, '\\x77')`,
    reported: ['large object 900004: digest'],
  },
  {
    what: 'a byte added to a large object',
    sql: `SELECT lo_put(900002, 3, '\\x77')`,
    reported: ['large object 900002: size', 'large object 900002: digest'],
  },
  { what: 'a large object removed', sql: 'SELECT lo_unlink(900001)', reported: ['large object 900001: missing'] },
  {
    what: 'a large object added',
    sql: 'SELECT lo_create(900009)',
    reported: ['large object 900009: not in the original'],
  },
];
