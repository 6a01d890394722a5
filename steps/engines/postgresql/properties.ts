import type { DatabaseProperties, Grant, Setting } from '../../../core/ports/database.ts';
import type { Session } from './session.ts';

/** What PostgreSQL keeps about a database outside of it, and pg_dump therefore leaves out. Asked inside the point's transaction. */
export const readProperties = async (session: Session, major: number): Promise<DatabaseProperties> => {
  const [base] = await session.query<BaseRow>(baseQuery(major));
  if (!base) throw new Error('the current database has no row in pg_database');
  const acl = base.has_acl ? (await session.query<GrantRow>(aclQuery)).map(grantOf) : undefined;
  return {
    owner: base.owner,
    encoding: base.encoding,
    collate: base.collate,
    ctype: base.ctype,
    ...(base.provider === 'c' ? {} : { localeProvider: providers[base.provider] ?? base.provider }),
    ...(base.locale === null ? {} : { locale: base.locale }),
    ...(base.tablespace === 'pg_default' ? {} : { tablespace: base.tablespace }),
    connectionLimit: base.connection_limit,
    ...(base.comment === null ? {} : { comment: base.comment }),
    ...(acl === undefined ? {} : { acl }),
    settings: (await session.query<SettingRow>(settingsQuery)).flatMap(settingsOf),
    extensions: await session.query(
      `SELECT extname AS name, extversion AS version FROM pg_catalog.pg_extension ORDER BY 1`,
    ),
    roles: (await session.query<{ role: string }>(rolesQuery)).map(({ role }) => role),
    bytes: Number(base.bytes),
  };
};

const providers: Readonly<Record<string, string>> = { i: 'icu', b: 'builtin', c: 'libc' };

interface BaseRow {
  owner: string;
  encoding: string;
  collate: string;
  ctype: string;
  provider: string;
  locale: string | null;
  tablespace: string;
  connection_limit: number;
  comment: string | null;
  has_acl: boolean;
  bytes: string;
}

const localeColumn = (major: number): string =>
  major >= 17 ? 'datlocale' : major >= 15 ? 'daticulocale' : 'NULL::text';

const baseQuery = (major: number): string => `
  SELECT pg_catalog.pg_get_userbyid(datdba) AS owner, pg_catalog.pg_encoding_to_char(encoding) AS encoding,
         datcollate AS collate, datctype AS ctype, ${major >= 15 ? 'datlocprovider::text' : `'c'`} AS provider,
         ${localeColumn(major)} AS locale, datconnlimit AS connection_limit,
         (SELECT spcname::text FROM pg_catalog.pg_tablespace t WHERE t.oid = dattablespace) AS tablespace,
         pg_catalog.shobj_description(oid, 'pg_database') AS comment, datacl IS NOT NULL AS has_acl,
         pg_catalog.pg_database_size(oid)::text AS bytes
    FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()`;

const aclQuery = `
  SELECT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(a.grantee)::text END AS grantee,
         a.privilege_type AS privilege, a.is_grantable AS grantable,
         CASE WHEN a.grantor <> d.datdba THEN pg_catalog.pg_get_userbyid(a.grantor)::text END AS grantor
    FROM pg_catalog.pg_database d, pg_catalog.aclexplode(d.datacl) a
   WHERE d.datname = pg_catalog.current_database() ORDER BY 1, 2, 3, 4`;

type GrantRow = Omit<Grant, 'grantor'> & { readonly grantor: string | null };

const grantOf = ({ grantor, ...grant }: GrantRow): Grant => ({ ...grant, ...(grantor === null ? {} : { grantor }) });

interface SettingRow {
  role: string | null;
  settings: string[];
}

const settingsQuery = `
  SELECT CASE WHEN s.setrole = 0 THEN NULL ELSE pg_catalog.pg_get_userbyid(s.setrole)::text END AS role, s.setconfig AS settings
    FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
   WHERE d.datname = pg_catalog.current_database() ORDER BY 1 NULLS FIRST`;

const settingsOf = ({ role, settings }: SettingRow): Setting[] =>
  settings.map((entry) => {
    const cut = entry.indexOf('=');
    return { ...(role === null ? {} : { role }), name: entry.slice(0, cut), value: entry.slice(cut + 1) };
  });

/** Everything in this database that refers to a role does so through pg_shdepend. */
const rolesQuery = `
  SELECT DISTINCT r.rolname::text AS role
    FROM pg_catalog.pg_shdepend s
    JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()
    JOIN pg_catalog.pg_roles r ON r.oid = s.refobjid
   WHERE s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
     AND (s.dbid = d.oid OR (s.dbid = 0 AND s.classid = 'pg_catalog.pg_database'::pg_catalog.regclass AND s.objid = d.oid))
     AND r.rolname !~ '^pg_'
   UNION SELECT pg_catalog.pg_get_userbyid(datdba)::text FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()
   ORDER BY 1`;
