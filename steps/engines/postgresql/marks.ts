import { z } from 'zod';
import type { PreviousDatabase } from '../../../core/ports/database.ts';
import { quoteName, quoteText } from './quote.ts';
import type { Session } from './session.ts';

/**
 * Databases that a restore makes carry a comment that says so: what has no such mark is never dropped, and marked ones
 * are not part of a backup.
 */
const start = 'lc2-backup ';

const markSchema = z.object({
  kind: z.enum(['temporary', 'previous']),
  restoreId: z.string(),
  environment: z.string(),
  /** Name that the database has, or had, when live. */
  database: z.string(),
  keepUntil: z.string().optional(),
  /** The comment that the live database had. */
  comment: z.string().optional(),
});
export type Mark = z.output<typeof markSchema>;

export const setMark = (session: Session, database: string, mark: Mark): Promise<unknown> =>
  session.query(`COMMENT ON DATABASE ${quoteName(database)} IS ${quoteText(`${start}${JSON.stringify(mark)}`)}`);

export const tryParseMark = (comment: string | null | undefined): Mark | undefined => {
  if (!comment?.startsWith(start)) return undefined;
  try {
    return markSchema.safeParse(JSON.parse(comment.slice(start.length))).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
};

export interface NamedDatabase {
  readonly name: string;
  readonly bytes: number;
  readonly owner: string;
  readonly mark: Mark | undefined;
  readonly comment: string | undefined;
}

interface DatabaseRow {
  name: string;
  owner: string;
  bytes: string | null;
  comment: string | null;
}

/** Every database that can be connected to, templates apart. */
export const listDatabases = async (session: Session): Promise<NamedDatabase[]> => {
  const rows = await session.query<DatabaseRow>(`
    SELECT datname::text AS name, pg_catalog.pg_get_userbyid(datdba)::text AS owner,
           CASE WHEN pg_catalog.has_database_privilege(oid, 'CONNECT') THEN pg_catalog.pg_database_size(oid) END::text AS bytes,
           pg_catalog.shobj_description(oid, 'pg_database') AS comment
      FROM pg_catalog.pg_database WHERE NOT datistemplate AND datallowconn ORDER BY datname COLLATE "C"`);
  return rows.map(({ name, owner, bytes, comment }) => ({
    name,
    owner,
    bytes: Number(bytes ?? 0),
    comment: comment ?? undefined,
    mark: tryParseMark(comment),
  }));
};

export const previousOf = (databases: readonly NamedDatabase[], environment: string): PreviousDatabase[] =>
  databases.flatMap(({ name, bytes, mark }) =>
    mark?.kind === 'previous' && mark.environment === environment
      ? [
          {
            database: mark.database,
            previous: name,
            restoreId: mark.restoreId,
            bytes,
            ...(mark.keepUntil === undefined ? {} : { keepUntil: mark.keepUntil }),
          },
        ]
      : [],
  );
