// Types, functions, operators, text search: what a schema is programmed with.
import { aclLines, identity, owner, privileges, roleName, sorted, userMade } from './query.ts';
import type { QueriesFor } from './query.ts';

const typeForm = `CASE t.typtype WHEN 'b' THEN 'type' WHEN 'c' THEN 'type' WHEN 'd' THEN 'domain' WHEN 'e' THEN 'enum' WHEN 'r' THEN 'range'
  ELSE 'shell type' END`;

// Row types of tables, array types and multiranges come and go with what they belong to. The text of a domain's default is written
// as the session that made it liked it: only the expression is the same wherever it is loaded.
const types = (version: number) => `SELECT ${typeForm}, ${identity('pg_type', 't.oid')}, jsonb_build_object(
  'form', t.typtype, 'owner', ${owner('t.typowner')},
  'acl', ${privileges('T', 't.typacl', 't.typowner')},
  'notNull', t.typnotnull, 'default', coalesce(pg_get_expr(t.typdefaultbin, 'pg_type'::regclass), t.typdefault), 'length', t.typlen,
  'byValue', t.typbyval, 'alignment', t.typalign, 'storage',
  t.typstorage,
  'category', t.typcategory, 'preferred', t.typispreferred, 'delimiter', t.typdelim,
  'baseType', CASE WHEN t.typbasetype <> 0 THEN format_type(t.typbasetype, t.typtypmod) END,
  'collation', CASE WHEN t.typcollation <> 0 THEN ${identity('pg_collation', 't.typcollation')} END,
  'input', CASE WHEN t.typtype = 'b' THEN t.typinput::regproc::text END, 'output',
  CASE WHEN t.typtype = 'b' THEN t.typoutput::regproc::text END,
  'binary', CASE WHEN t.typtype = 'b' THEN t.typreceive::text || ' ' || t.typsend::text || ' ' || t.typmodin::text
  || ' ' || t.typmodout::text
  || ' ' || t.typanalyze::text END,
  'labels', (SELECT jsonb_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid),
  'range', (SELECT jsonb_build_object('subtype', format_type(g.rngsubtype, NULL), 'operatorClass',
  ${identity('pg_opclass', 'g.rngsubopc')},
    'collation', CASE WHEN g.rngcollation <> 0 THEN ${identity('pg_collation', 'g.rngcollation')} END,
    ${version >= 140000 ? `'multirange', format_type(g.rngmultitypid, NULL),` : ''}
    'canonical', nullif(g.rngcanonical::oid, 0)::regproc::text, 'difference', nullif(g.rngsubdiff::oid, 0)::regproc::text)
    FROM pg_range g WHERE g.rngtypid = t.oid))
  FROM pg_type t LEFT JOIN pg_class r ON r.oid = t.typrelid
  WHERE (t.typrelid = 0 OR r.relkind = 'c') AND t.typtype <> 'm' AND NOT (t.typelem <> 0 AND t.typlen = -1 AND t.typname LIKE '\\_%'
  AND t.typcategory = 'A')
  AND ${userMade('pg_type', 't.oid')}`;

const functions = `SELECT CASE p.prokind WHEN 'a' THEN 'aggregate' WHEN 'p' THEN 'procedure' ELSE 'function' END,
  ${identity('pg_proc', 'p.oid')}, jsonb_build_object(
  'owner', ${owner('p.proowner')}, 'acl', ${privileges('f', 'p.proacl', 'p.proowner')},
  'definition', CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END,
  'aggregate', CASE WHEN p.prokind = 'a' THEN (SELECT jsonb_build_object('result', pg_get_function_result(p.oid),
    'arguments', pg_get_function_arguments(p.oid), 'parallel', p.proparallel, 'kind', g.aggkind, 'transition', g.aggtransfn::text,
    'final', g.aggfinalfn::text, 'combine', g.aggcombinefn::text, 'serialize', g.aggserialfn::text, 'deserialize', g.aggdeserialfn::text,
    'moving', g.aggmtransfn::text || ' ' || g.aggminvtransfn::text || ' ' || g.aggmfinalfn::text, 'state', format_type(g.aggtranstype,
    NULL),
    'initial', g.agginitval, 'movingInitial', g.aggminitval, 'sort', g.aggsortop::regoperator::text)
    FROM pg_aggregate g WHERE g.aggfnoid = p.oid) END)
  FROM pg_proc p WHERE ${userMade('pg_proc', 'p.oid')}
  AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_proc'::regclass AND x.objid = p.oid AND x.deptype = 'i')`;

const operators = `SELECT 'operator', ${identity('pg_operator', 'o.oid')}, jsonb_build_object('owner', ${owner('o.oprowner')},
  'function', o.oprcode::text, 'result', format_type(o.oprresult, NULL), 'merges', o.oprcanmerge, 'hashes', o.oprcanhash,
  'commutator', o.oprcom::regoperator::text, 'negator', o.oprnegate::regoperator::text, 'restriction', o.oprrest::text, 'join',
  o.oprjoin::text)
  FROM pg_operator o WHERE ${userMade('pg_operator', 'o.oid')}`;

const operatorClasses = `SELECT 'operator class', ${identity('pg_opclass', 'c.oid')}, jsonb_build_object('owner', ${owner('c.opcowner')},
  'family', ${identity('pg_opfamily', 'c.opcfamily')}, 'type', format_type(c.opcintype, NULL), 'default', c.opcdefault,
  'storage', CASE WHEN c.opckeytype <> 0 THEN format_type(c.opckeytype, NULL) END)
  FROM pg_opclass c WHERE ${userMade('pg_opclass', 'c.oid')}`;

const operatorFamilies = `SELECT 'operator family', ${identity('pg_opfamily', 'f.oid')}, jsonb_build_object('owner',
  ${owner('f.opfowner')},
  'operators', (SELECT jsonb_agg(a.amopstrategy || ' ' || a.amopopr::regoperator::text || ' ' || a.amoppurpose::text
    ORDER BY a.amopstrategy, a.amopopr::regoperator::text COLLATE "C") FROM pg_amop a WHERE a.amopfamily = f.oid),
  'functions', (SELECT jsonb_agg(a.amprocnum || ' ' || a.amproc::regprocedure::text
    ORDER BY a.amprocnum, a.amproc::regprocedure::text COLLATE "C") FROM pg_amproc a WHERE a.amprocfamily = f.oid))
  FROM pg_opfamily f WHERE ${userMade('pg_opfamily', 'f.oid')}`;

const casts = `SELECT 'cast', ${identity('pg_cast', 'c.oid')}, jsonb_build_object('function', nullif(c.castfunc, 0)::regprocedure::text,
  'context', c.castcontext, 'method', c.castmethod) FROM pg_cast c WHERE ${userMade('pg_cast', 'c.oid')}
  AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_cast'::regclass AND x.objid = c.oid AND x.deptype = 'i')`;

const conversions = `SELECT 'conversion', ${identity('pg_conversion', 'c.oid')}, jsonb_build_object('owner', ${owner('c.conowner')},
  'from', pg_encoding_to_char(c.conforencoding), 'to', pg_encoding_to_char(c.contoencoding), 'function', c.conproc::text,
  'default', c.condefault) FROM pg_conversion c WHERE ${userMade('pg_conversion', 'c.oid')}`;

// The locale of ICU collations moved between columns twice.
function collationLocale(version: number): string {
  if (version >= 170000) return 'c.colllocale';
  return version >= 150000 ? 'c.colliculocale' : `CASE WHEN c.collprovider = 'i' THEN c.collcollate END`;
}

const collations = (version: number) => `SELECT 'collation', ${identity('pg_collation', 'c.oid')}, jsonb_build_object(
  'owner', ${owner('c.collowner')}, 'provider', c.collprovider, 'locale', ${collationLocale(version)},
  'collate', CASE WHEN c.collprovider <> 'i' THEN c.collcollate END, 'ctype', CASE WHEN c.collprovider <> 'i' THEN c.collctype END,
  'deterministic', c.collisdeterministic, 'encoding', c.collencoding ${version >= 160000 ? `, 'rules', c.collicurules` : ''})
  FROM pg_collation c WHERE ${userMade('pg_collation', 'c.oid')}`;

const textSearch = [
  `SELECT 'text search configuration', ${identity('pg_ts_config', 'c.oid')}, jsonb_build_object('owner', ${owner('c.cfgowner')},
    'parser', ${identity('pg_ts_parser', 'c.cfgparser')}, 'mappings', (SELECT jsonb_agg(m.maptokentype || ' ' || m.mapseqno || ' ' ||
    m.mapdict::regdictionary::text ORDER BY m.maptokentype, m.mapseqno) FROM pg_ts_config_map m WHERE m.mapcfg = c.oid))
    FROM pg_ts_config c WHERE ${userMade('pg_ts_config', 'c.oid')}`,
  `SELECT 'text search dictionary', ${identity('pg_ts_dict', 'd.oid')}, jsonb_build_object('owner', ${owner('d.dictowner')},
    'template', ${identity('pg_ts_template', 'd.dicttemplate')}, 'options', d.dictinitoption)
    FROM pg_ts_dict d WHERE ${userMade('pg_ts_dict', 'd.oid')}`,
  `SELECT 'text search parser', ${identity('pg_ts_parser', 'p.oid')}, jsonb_build_object('functions', p.prsstart::text || ' ' ||
    p.prstoken::text || ' ' || p.prsend::text || ' ' || p.prsheadline::text || ' ' || p.prslextype::text)
    FROM pg_ts_parser p WHERE ${userMade('pg_ts_parser', 'p.oid')}`,
  `SELECT 'text search template', ${identity('pg_ts_template', 't.oid')}, jsonb_build_object('functions', t.tmplinit::text || ' ' ||
    t.tmpllexize::text) FROM pg_ts_template t WHERE ${userMade('pg_ts_template', 't.oid')}`,
];

const languages = `SELECT 'language', ${identity('pg_language', 'l.oid')}, jsonb_build_object('owner', ${owner('l.lanowner')},
  'acl', ${privileges('l', 'l.lanacl', 'l.lanowner')}, 'trusted', l.lanpltrusted, 'handler', nullif(l.lanplcallfoid, 0)::regproc::text,
  'inline', nullif(l.laninline, 0)::regproc::text,
  'validator', nullif(l.lanvalidator, 0)::regproc::text)
  FROM pg_language l WHERE ${userMade('pg_language', 'l.oid')}`;

const transforms = `SELECT 'transform', ${identity('pg_transform', 't.oid')}, jsonb_build_object('fromSql', t.trffromsql::text,
  'toSql', t.trftosql::text)
  FROM pg_transform t WHERE ${userMade('pg_transform', 't.oid')}`;

const accessMethods = `SELECT 'access method', ${identity('pg_am', 'a.oid')}, jsonb_build_object('handler', a.amhandler::text, 'type',
  a.amtype)
  FROM pg_am a WHERE ${userMade('pg_am', 'a.oid')}`;

// Declared by users with DEPENDS ON EXTENSION: the thing goes when the extension goes.
const extensionDependencies = `SELECT 'depends on extension', i.type || ' ' || i.identity || ' on ' || quote_ident(e.extname),
  jsonb_build_object('declared', true) FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
  CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) i
  WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'x'`;

const eventTriggers = `SELECT 'event trigger', ${identity('pg_event_trigger', 'e.oid')}, jsonb_build_object('owner',
  ${owner('e.evtowner')},
  'event', e.evtevent, 'function', e.evtfoid::regproc::text, 'enabled', e.evtenabled, 'tags', ${sorted('e.evttags')})
  FROM pg_event_trigger e WHERE ${userMade('pg_event_trigger', 'e.oid')}`;

const defaultPrivileges = `SELECT 'default privileges', 'of ' || ${roleName('d.defaclrole')} || ' for ' || d.defaclobjtype::text
  || coalesce(' in ' || quote_ident(n.nspname), ''), jsonb_build_object('acl', to_jsonb(${aclLines('d.defaclacl')}))
  FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace`;

export const codeQueries: QueriesFor = (version) => {
  const programs = [types(version), functions, operators, operatorClasses, operatorFamilies, casts, conversions];
  const others = [languages, transforms, accessMethods, extensionDependencies, eventTriggers, defaultPrivileges];
  return [...programs, collations(version), ...textSearch, ...others].map((sql) => ({ sql }));
};
