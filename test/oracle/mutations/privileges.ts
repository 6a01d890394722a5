// Damage to owners, privileges and settings.
import type { Mutation } from './mutation.ts';

export const privilegeMutations: readonly Mutation[] = [
  {
    what: 'owner of a table',
    sql: 'ALTER TABLE app.hostile OWNER TO seed_writer',
    reported: ['table app.hostile: owner', 'table app.hostile: acl', 'sequence app.hostile_id_seq: owner'],
  },
  {
    what: 'owner of a function',
    sql: 'ALTER FUNCTION app.touch() OWNER TO seed_writer',
    reported: ['function app.touch(): owner'],
  },
  {
    what: 'owner of a schema',
    sql: 'ALTER SCHEMA "select" OWNER TO seed_owner',
    reported: ['schema "select": owner', 'schema "select": acl'],
  },
  {
    what: 'owner of a large object',
    sql: 'ALTER LARGE OBJECT 900004 OWNER TO seed_owner',
    reported: ['large object 900004: owner'],
  },
  { what: 'owner of a type', sql: 'ALTER TYPE app.point3 OWNER TO seed_writer', reported: ['type app.point3: owner'] },
  {
    what: 'owner of a publication',
    sql: 'GRANT CREATE ON DATABASE everything TO seed_owner; ALTER PUBLICATION some_tables OWNER TO seed_owner',
    reported: ['publication some_tables: owner'],
  },
  { what: 'one grant', sql: 'GRANT DELETE ON app.employee TO seed_reader', reported: ['table app.employee: acl'] },
  {
    what: 'a grant option',
    sql: 'GRANT SELECT ON app.employee TO seed_reader WITH GRANT OPTION',
    reported: ['table app.employee: acl'],
  },
  {
    what: 'a column grant',
    sql: 'REVOKE UPDATE (name) ON app.department FROM seed_auditor',
    reported: ['column app.department.name: acl'],
  },
  {
    what: 'a grant on a sequence',
    sql: 'REVOKE USAGE ON SEQUENCE app.big FROM seed_reader',
    reported: ['sequence app.big: acl'],
  },
  {
    what: 'a grant on a function',
    sql: 'GRANT EXECUTE ON FUNCTION app.tricky() TO PUBLIC',
    reported: ['function app.tricky(): acl'],
  },
  { what: 'a grant on a type', sql: 'GRANT USAGE ON TYPE app.mood TO PUBLIC', reported: ['enum app.mood: acl'] },
  {
    what: 'a grant on a large object',
    sql: 'REVOKE SELECT ON LARGE OBJECT 900003 FROM seed_reader',
    reported: ['large object 900003: acl'],
  },
  {
    what: 'a grant on the database',
    sql: 'GRANT CONNECT ON DATABASE everything TO PUBLIC',
    reported: ['database the database: acl'],
  },
  {
    what: 'a default privilege',
    sql: 'ALTER DEFAULT PRIVILEGES FOR ROLE seed_owner IN SCHEMA app REVOKE SELECT ON TABLES FROM seed_reader',
    reported: ['default privileges of seed_owner for r in app: missing'],
  },
  {
    what: 'a grant on a built-in function',
    sql: 'REVOKE EXECUTE ON FUNCTION pg_catalog.version() FROM PUBLIC',
    reported: ['built-in privileges function pg_catalog.version(): not in the original'],
  },
  {
    what: 'a database setting',
    sql: `ALTER DATABASE everything SET work_mem = '8MB'`,
    reported: ['database setting work_mem: value'],
  },
  {
    what: 'a setting of a role in the database',
    sql: 'ALTER ROLE seed_reader IN DATABASE everything RESET statement_timeout',
    reported: ['database setting statement_timeout of role seed_reader: missing'],
  },
  {
    what: 'the connection limit',
    sql: 'ALTER DATABASE everything CONNECTION LIMIT 41',
    reported: ['database the database: connectionLimit'],
  },
  {
    what: 'the owner of the database',
    sql: 'ALTER DATABASE everything OWNER TO seed_writer',
    reported: ['database the database: owner', 'database the database: acl'],
  },
];
