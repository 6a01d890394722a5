import { quoteName } from './quote.ts';
import { type ServerAccess, withSession } from './session.ts';

/** What ANALYZE without names would take of a fresh database; partitions go with their table. The largest first. */
const tablesQuery = `
  SELECT n.nspname::text AS schema, c.relname::text AS name
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'm', 'p') AND NOT c.relispartition AND n.nspname !~ '^pg_(toast|temp)'
     AND n.nspname NOT IN ('pg_catalog', 'information_schema')
   ORDER BY pg_catalog.pg_relation_size(c.oid) DESC`;

/** Statistics of a database that was just loaded, of several tables at a time. */
export const analyzeDatabase = async (access: ServerAccess, database: string, sessions: number): Promise<void> => {
  const tables = await withSession(access, database, (session) =>
    session.query<{ schema: string; name: string }>(tablesQuery),
  );
  const left = tables.values();
  const work = (): Promise<void> =>
    withSession(access, database, async (session) => {
      for (const { schema, name } of left) await session.query(`ANALYZE ${quoteName(schema)}.${quoteName(name)}`);
    });
  await Promise.all(Array.from({ length: Math.min(sessions, tables.length) }, work));
};
