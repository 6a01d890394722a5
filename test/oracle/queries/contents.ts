// Rows and sequence values: queries that write queries, run by psql's \gexec.
import { identity, userMade } from './query.ts';

// Rows are compared as sets with multiplicity: the two halves of each row's md5 are summed, which needs no sort, no memory,
// and no order of columns but that of their names.
const configured = `(SELECT e.extcondition[array_position(e.extconfig, r.oid)] FROM pg_extension e WHERE r.oid = ANY (e.extconfig))`;

const columns = `(SELECT string_agg('t.' || quote_ident(a.attname), ', ' ORDER BY a.attname COLLATE "C") FROM pg_attribute a
  WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped)`;

/** psql prints NULL and no row alike, so each generated query yields exactly one fact. */
export const contentQueries = `
SELECT format($query$SELECT jsonb_build_array('rows', %L::text, jsonb_build_object('count', count(*)::text, 'digest',
  coalesce(sum(('x' || substr(h, 1, 16))::bit(64)::bigint), 0)::text || ' ' || coalesce(sum(('x' || substr(h, 17))::bit(64)::bigint),
  0)::text))
  FROM (SELECT md5(ROW(%s)::text) AS h FROM ONLY %s AS t %s) rows$query$, ${identity('pg_class', 'r.oid')}, coalesce(${columns}, ''),
  ${identity('pg_class', 'r.oid')}, ${configured})
FROM pg_class r WHERE (r.relkind = 'r' OR (r.relkind = 'm' AND r.relispopulated)) AND r.relpersistence <> 't'
  AND ((${userMade('pg_class', 'r.oid')}) OR EXISTS (SELECT FROM pg_extension e WHERE r.oid = ANY (e.extconfig)))
ORDER BY r.oid
\\gexec
SELECT format($query$SELECT jsonb_build_array('sequence value', %L::text, jsonb_build_object('last', last_value::text, 'called',
  is_called)) FROM %s$query$,
  ${identity('pg_class', 'r.oid')}, ${identity('pg_class', 'r.oid')})
FROM pg_class r WHERE r.relkind = 'S' AND r.relpersistence <> 't' AND ${userMade('pg_class', 'r.oid')} ORDER BY r.oid
\\gexec
`;
