// Tables, views, sequences and what hangs on them: columns, constraints, indexes, triggers, rules, policies.
import { columnNames, identity, owner, privileges, sorted, userMade } from './query.ts';
import type { QueriesFor } from './query.ts';

const relationKind = `CASE r.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
  WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' WHEN 'c' THEN 'composite type' END`;

const relations = `SELECT ${relationKind}, ${identity('pg_class', 'r.oid')}, jsonb_build_object(
  'form', r.relkind, 'owner', ${owner('r.relowner')},
  'acl', CASE WHEN r.relkind = 'S' THEN ${privileges('s', 'r.relacl', 'r.relowner')}
  ELSE ${privileges('r', 'r.relacl', 'r.relowner')} END,
  'persistence', r.relpersistence, 'options', ${sorted('r.reloptions')},
  'toastOptions', (SELECT ${sorted('t.reloptions')} FROM pg_class t WHERE t.oid = r.reltoastrelid AND t.reloptions IS NOT NULL),
  'tablespace', (SELECT spcname FROM pg_tablespace WHERE oid = r.reltablespace),
  'accessMethod', (SELECT amname FROM pg_am WHERE oid = r.relam),
  'rowSecurity', r.relrowsecurity, 'forceRowSecurity', r.relforcerowsecurity, 'replicaIdentity', r.relreplident,
  'ofType', CASE WHEN r.reloftype <> 0 THEN format_type(r.reloftype, NULL) END,
  'partitionKey', CASE WHEN r.relkind = 'p' THEN pg_get_partkeydef(r.oid) END,
  'partitionBound', pg_get_expr(r.relpartbound, r.oid),
  'parents', (SELECT jsonb_agg(${identity('pg_class', 'h.inhparent')} ORDER BY h.inhseqno) FROM pg_inherits h WHERE h.inhrelid = r.oid),
  'definition', CASE WHEN r.relkind IN ('v', 'm') THEN pg_get_viewdef(r.oid) END,
  'populated', CASE WHEN r.relkind = 'm' THEN r.relispopulated END)
  FROM pg_class r WHERE r.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND r.relpersistence <> 't' AND ${userMade('pg_class', 'r.oid')}`;

// Restoring a child of ordinary inheritance may put its columns in another order, so the place counts elsewhere only.
const place = `CASE WHEN EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = r.oid) AND NOT r.relispartition THEN NULL
  ELSE (SELECT count(*) FROM pg_attribute p WHERE p.attrelid = r.oid AND p.attnum BETWEEN 1 AND a.attnum AND NOT p.attisdropped) END`;

// Some servers (15.20 was seen) keep a version of their own among the options; it is no property that anybody gave the column.
const attributeOptions = `ARRAY(SELECT x FROM unnest(a.attoptions) x WHERE NOT starts_with(x, 'pg_attver='))`;

const columns = (version: number) => `SELECT CASE WHEN r.relkind = 'c' THEN 'composite type column' ELSE 'column' END,
  ${identity('pg_class', 'r.oid', 'a.attnum::int')}, jsonb_build_object(
  'place', ${place}, 'inherited', nullif(a.attinhcount, 0), 
  'local', CASE WHEN a.attinhcount > 0 AND NOT r.relispartition THEN a.attislocal END,
  'type', format_type(a.atttypid, a.atttypmod), 'notNull', a.attnotnull,
  'default', pg_get_expr(d.adbin, d.adrelid), 'generated', nullif(a.attgenerated, ''), 'identity', nullif(a.attidentity, ''),
  'collation', CASE WHEN a.attcollation <> 0 THEN ${identity('pg_collation', 'a.attcollation')} END,
  'storage', a.attstorage, 'statistics', nullif(a.attstattarget, -1), 'options', ${sorted(attributeOptions)},
  'foreignOptions', ${sorted('a.attfdwoptions')}, ${version >= 140000 ? `'compression', nullif(a.attcompression, ''),` : ''}
  'acl', ${privileges('c', 'a.attacl', 'r.relowner')})
  FROM pg_attribute a JOIN pg_class r ON r.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attnum > 0 AND NOT a.attisdropped AND r.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND r.relpersistence <> 't'
  AND ${userMade('pg_class', 'r.oid')}
  AND NOT EXISTS (SELECT FROM pg_depend x JOIN pg_type t ON t.oid = x.objid WHERE t.typrelid = r.oid
  AND x.classid = 'pg_type'::regclass AND x.deptype = 'e')`;

// NOT NULL is a column's attribute; from version 18 it is a constraint as well, under names that older dumps do not have.
const constraints = `SELECT 'constraint', ${identity('pg_constraint', 'c.oid')}, jsonb_build_object(
  'type', c.contype, 'definition', pg_get_constraintdef(c.oid), 'validated', c.convalidated, 'inherited', nullif(c.coninhcount, 0))
  FROM pg_constraint c WHERE c.contype <> 'n' AND ${userMade('pg_constraint', 'c.oid')}
  AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.deptype = 'e' AND x.objid IN (c.conrelid, c.contypid))`;

const indexes = `SELECT 'index', ${identity('pg_class', 'r.oid')}, jsonb_build_object(
  'table', ${identity('pg_class', 'i.indrelid')}, 'definition', pg_get_indexdef(r.oid), 'options', ${sorted('r.reloptions')},
  'valid', i.indisvalid, 'unique', i.indisunique, 'primary', i.indisprimary, 'immediate', i.indimmediate,
  'clustered', i.indisclustered, 'replicaIdentity', i.indisreplident,
  'tablespace', (SELECT spcname FROM pg_tablespace WHERE oid = r.reltablespace),
  'parent', (SELECT ${identity('pg_class', 'h.inhparent')} FROM pg_inherits h WHERE h.inhrelid = r.oid),
  'statistics', (SELECT jsonb_object_agg(a.attnum, a.attstattarget) FROM pg_attribute a WHERE a.attrelid = r.oid
  AND a.attstattarget >= 0))
  FROM pg_index i JOIN pg_class r ON r.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
  WHERE t.relkind <> 't' AND t.relpersistence <> 't' AND ${userMade('pg_class', 't.oid')}`;

const sequences = `SELECT 'sequence definition', ${identity('pg_class', 's.seqrelid')}, jsonb_build_object(
  'type', format_type(s.seqtypid, NULL), 'start', s.seqstart::text, 'increment', s.seqincrement::text, 'minimum', s.seqmin::text,
  'maximum', s.seqmax::text, 'cache', s.seqcache::text, 'cycle', s.seqcycle,
  'ownedBy', (SELECT ${identity('pg_class', 'd.refobjid', 'd.refobjsubid')} FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
    AND d.objid = s.seqrelid AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')))
  FROM pg_sequence s WHERE ${userMade('pg_class', 's.seqrelid')}`;

const triggers = `SELECT 'trigger', ${identity('pg_trigger', 't.oid')}, jsonb_build_object(
  'definition', pg_get_triggerdef(t.oid), 'enabled', t.tgenabled)
  FROM pg_trigger t WHERE NOT t.tgisinternal AND ${userMade('pg_trigger', 't.oid')}`;

const rules = `SELECT 'rule', ${identity('pg_rewrite', 'w.oid')}, jsonb_build_object(
  'definition', pg_get_ruledef(w.oid), 'enabled', w.ev_enabled)
  FROM pg_rewrite w WHERE w.rulename <> '_RETURN' AND ${userMade('pg_rewrite', 'w.oid')}`;

const policies = `SELECT 'policy', ${identity('pg_policy', 'p.oid')}, jsonb_build_object(
  'command', p.polcmd, 'permissive', p.polpermissive, 'using', pg_get_expr(p.polqual, p.polrelid),
  'check', pg_get_expr(p.polwithcheck, p.polrelid),
  'roles', ${sorted(`ARRAY(SELECT CASE WHEN m = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(m)) END FROM unnest(p.polroles) m)`)})
  FROM pg_policy p WHERE ${userMade('pg_policy', 'p.oid')}`;

const statistics = (
  version: number,
) => `SELECT 'statistics', ${identity('pg_statistic_ext', 's.oid')}, jsonb_build_object(
  'definition', pg_get_statisticsobjdef(s.oid), 'owner', ${owner('s.stxowner')}${
    version >= 130000 ? `, 'target', nullif(s.stxstattarget, -1)` : ''
  })
  FROM pg_statistic_ext s WHERE ${userMade('pg_statistic_ext', 's.oid')}`;

const publicationFlags = (version: number) =>
  [
    `'allTables', p.puballtables, 'insert', p.pubinsert, 'update', p.pubupdate, 'delete', p.pubdelete, 'truncate', p.pubtruncate`,
    ...(version >= 130000 ? [`'viaRoot', nullif(p.pubviaroot, false)`] : []),
    ...(version >= 180000 ? [`'generatedColumns', nullif(p.pubgencols, 'n')`] : []),
  ].join(', ');

const publications = (
  version: number,
) => `SELECT 'publication', ${identity('pg_publication', 'p.oid')}, jsonb_build_object(
  'owner', ${owner('p.pubowner')}, ${publicationFlags(version)})
  FROM pg_publication p WHERE ${userMade('pg_publication', 'p.oid')}`;

const publicationTables = (
  version: number,
) => `SELECT 'publication table', ${identity('pg_publication_rel', 'p.oid')}, jsonb_build_object(
  'included', true${
    version >= 150000
      ? `, 'where', pg_get_expr(p.prqual, p.prrelid), 'columns',
      CASE WHEN p.prattrs IS NOT NULL THEN ${columnNames('p.prrelid', 'p.prattrs::int2[]')} END`
      : ''
  }) FROM pg_publication_rel p`;

export const relationQueries: QueriesFor = (version) => [
  { sql: relations },
  { sql: columns(version) },
  { sql: constraints },
  { sql: indexes },
  { sql: sequences },
  { sql: triggers },
  { sql: rules },
  { sql: policies },
  { sql: statistics(version) },
  { sql: publications(version) },
  { sql: publicationTables(version) },
  {
    from: 150000,
    sql: `SELECT 'publication schema', ${identity('pg_publication_namespace', 'p.oid')}, jsonb_build_object('included', true)
      FROM pg_publication_namespace p`,
  },
];
