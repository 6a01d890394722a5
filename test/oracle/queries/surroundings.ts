// The database itself, schemas, extensions, large objects, comments, changed privileges of built-in things, foreign data.
import {
  aclLines,
  firstUserOid,
  identity,
  owner,
  privileges,
  roleName,
  secretDigest,
  sorted,
  userMade,
} from './query.ts';
import type { QueriesFor } from './query.ts';

function databaseLocale(version: number): string {
  if (version >= 170000) return `, 'provider', nullif(d.datlocprovider, 'c'), 'locale', d.datlocale`;
  return version >= 150000 ? `, 'provider', nullif(d.datlocprovider, 'c'), 'locale', d.daticulocale` : '';
}

// The comment and the privileges of a database are kept beside it, not among those of what is in it.
const database = (
  version: number,
) => `SELECT 'database', 'the database', jsonb_build_object('name', d.datname, 'owner', ${owner('d.datdba')},
  'acl', ${privileges('d', 'd.datacl', 'd.datdba')}, 'encoding', pg_encoding_to_char(d.encoding), 'collate', d.datcollate, 'ctype',
  d.datctype,
  'connectionLimit', d.datconnlimit, 'allowsConnections', d.datallowconn, 'template', d.datistemplate,
  'tablespace', (SELECT spcname FROM pg_tablespace WHERE oid = d.dattablespace),
  'comment', shobj_description(d.oid, 'pg_database') ${databaseLocale(version)})
  FROM pg_database d WHERE d.datname = current_database()`;

const settings = `SELECT 'database setting', split_part(c, '=', 1) || CASE WHEN s.setrole = 0 THEN '' ELSE ' of role '
  || ${roleName('s.setrole')} END,
  jsonb_build_object('value', substr(c, strpos(c, '=') + 1)) FROM pg_db_role_setting s CROSS JOIN unnest(s.setconfig) c
  WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())`;

const schemas = `SELECT 'schema', quote_ident(n.nspname), jsonb_build_object('owner', ${owner('n.nspowner')},
  'acl', to_jsonb(${aclLines(`coalesce(n.nspacl, acldefault('n', n.nspowner))`)}))
  FROM pg_namespace n WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_namespace'::regclass AND x.objid = n.oid AND x.deptype = 'e')`;

const extensions = `SELECT 'extension', quote_ident(e.extname), jsonb_build_object('version', e.extversion,
  'schema', quote_ident(n.nspname), 'owner', ${owner('e.extowner')}) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace`;

// lo_get of a whole object ends at 1 GiB, so its digest is one over the digests of its mebibytes.
const largeObjects = `SELECT 'large object', m.oid::text, jsonb_build_object('owner', ${owner('m.lomowner')},
  'acl', ${privileges('L', 'm.lomacl', 'm.lomowner')}, 'size', s.size::text,
  'digest', (SELECT md5(coalesce(string_agg(md5(lo_get(m.oid, n * 1048576, 1048576)), '' ORDER BY n), ''))
    FROM generate_series(0, (s.size - 1) / 1048576) n))
  FROM pg_largeobject_metadata m
  CROSS JOIN LATERAL (SELECT lo_lseek64(f, 0, 2) + 0 * lo_close(f) AS size FROM lo_open(m.oid, 262144) f OFFSET 0) s`;

// Comments that extensions and initdb brought come back with them; those on schema public are users' own. DROP SUBSCRIPTION leaves
// the comment behind, of an object that is no more.
const comments = `SELECT 'comment', i.type || ' ' || i.identity, jsonb_build_object('text', d.description)
  FROM pg_description d CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) i
  WHERE (d.objoid >= ${firstUserOid} OR (d.classoid = 'pg_namespace'::regclass AND d.objoid = 'public'::regnamespace)
    OR d.classoid = 'pg_largeobject'::regclass)
  AND (d.classoid <> 'pg_subscription'::regclass OR EXISTS (SELECT FROM pg_subscription s WHERE s.oid = d.objoid))
  AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = d.classoid AND x.objid = d.objoid AND x.deptype = 'e')`;

const securityLabels = `SELECT 'security label', l.provider || ' on ' || i.type || ' ' || i.identity, jsonb_build_object('label', l.label)
  FROM pg_seclabel l CROSS JOIN LATERAL pg_identify_object(l.classoid, l.objoid, l.objsubid) i`;

// initdb and extensions hand out privileges of their own; what users changed since then belongs to a backup. (pg_dump leaves
// information_schema out, and initdb does not remember its first privileges.)
const builtIn = [
  { catalogue: 'pg_class', acl: 'relacl', owner: 'relowner', name: 'relation' },
  { catalogue: 'pg_proc', acl: 'proacl', owner: 'proowner', name: 'function' },
  { catalogue: 'pg_type', acl: 'typacl', owner: 'typowner', name: 'type' },
  { catalogue: 'pg_language', acl: 'lanacl', owner: 'lanowner', name: 'language' },
];

const kindOf: Readonly<Record<string, string>> = { pg_class: 'r', pg_proc: 'f', pg_type: 'T', pg_language: 'l' };

const changedPrivileges = builtIn.map(({ catalogue, acl, owner: ownerColumn, name }) => {
  const initial = `coalesce((SELECT p.initprivs FROM pg_init_privs p WHERE p.classoid = '${catalogue}'::regclass AND p.objoid = o.oid
  AND p.objsubid = 0),
    acldefault('${kindOf[catalogue]}', o.${ownerColumn}))`;
  return `SELECT 'built-in privileges', '${name} ' || ${identity(catalogue, 'o.oid')}, jsonb_build_object('acl',
  to_jsonb(${aclLines(`o.${acl}`)}))
    FROM ${catalogue} o WHERE o.${acl} IS NOT NULL AND ${identity(catalogue, 'o.oid')} NOT LIKE 'information_schema.%'
    AND NOT (${userMade(catalogue, 'o.oid')})
    AND ${aclLines(`o.${acl}`)} <> ${aclLines(initial)}`;
});

const foreign = [
  `SELECT 'foreign data wrapper', quote_ident(w.fdwname), jsonb_build_object('owner', ${owner('w.fdwowner')},
    'acl', ${privileges('F', 'w.fdwacl', 'w.fdwowner')}, 'options', ${secretDigest('w.fdwoptions')},
    'handler', nullif(w.fdwhandler, 0)::regproc::text, 'validator', nullif(w.fdwvalidator, 0)::regproc::text)
    FROM pg_foreign_data_wrapper w WHERE ${userMade('pg_foreign_data_wrapper', 'w.oid')}`,
  `SELECT 'foreign server', quote_ident(s.srvname), jsonb_build_object('owner', ${owner('s.srvowner')},
    'acl', ${privileges('S', 's.srvacl', 's.srvowner')}, 'type', s.srvtype, 'version', s.srvversion, 'options', ${sorted('s.srvoptions')})
    FROM pg_foreign_server s WHERE ${userMade('pg_foreign_server', 's.oid')}`,
  `SELECT 'foreign table options', ${identity('pg_class', 't.ftrelid')}, jsonb_build_object('options', ${sorted('t.ftoptions')},
    'server', (SELECT quote_ident(srvname) FROM pg_foreign_server WHERE oid = t.ftserver)) FROM pg_foreign_table t`,
  `SELECT 'user mapping', ${roleName('u.umuser')} || ' on ' || quote_ident(u.srvname), jsonb_build_object('options',
  ${secretDigest('u.umoptions')})
    FROM pg_user_mappings u`,
];

// Only superusers may read the connection of a subscription.
const subscriptionFlags = (version: number) =>
  [
    ...(version >= 140000 ? [`'binary', s.subbinary, 'stream', s.substream`] : []),
    ...(version >= 150000 ? [`'twoPhase', s.subtwophasestate <> 'd', 'disableOnError', s.subdisableonerr`] : []),
  ].map((flags) => `, ${flags}`);

const subscriptions = (
  version: number,
) => `SELECT 'subscription', quote_ident(s.subname), jsonb_build_object('owner', ${owner('s.subowner')}, 'enabled',
  s.subenabled,
  'slot', s.subslotname, 'synchronousCommit', s.subsynccommit, 'publications', ${sorted('s.subpublications')}
  ${subscriptionFlags(version).join('')} %CONNECTION%) FROM pg_subscription s
  WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`;

export const surroundingQueries =
  (superuser: boolean): QueriesFor =>
  (version) => [
    ...[
      database(version),
      settings,
      schemas,
      extensions,
      largeObjects,
      comments,
      securityLabels,
      ...changedPrivileges,
      ...foreign,
    ].map((sql) => ({ sql })),
    {
      sql: subscriptions(version).replace(
        '%CONNECTION%',
        superuser ? `, 'connection', ${secretDigest('s.subconninfo')}` : '',
      ),
    },
  ];
