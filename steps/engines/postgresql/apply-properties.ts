import { Lc2Error } from '../../../core/errors.ts';
import type { DatabaseProperties, Grant, LoadOrder, Setting } from '../../../core/ports/database.ts';
import { quoteName, quoteText } from './quote.ts';
import type { Session } from './session.ts';

/** An empty database like the given one. Always from template0: nothing of the target's habits gets in. */
export const createDatabase = async (
  session: Session,
  name: string,
  options: { readonly properties: DatabaseProperties; readonly owner: string | undefined; readonly major: number },
): Promise<void> => {
  const { properties, owner, major } = options;
  const clauses = [
    'TEMPLATE template0',
    `ENCODING ${quoteText(properties.encoding)}`,
    `LC_COLLATE ${quoteText(properties.collate)}`,
    `LC_CTYPE ${quoteText(properties.ctype)}`,
    ...localeClauses(properties, major),
    ...(await tablespaceClause(session, properties)),
    ...(owner === undefined ? [] : [`OWNER ${quoteName(owner)}`]),
  ];
  await session.query(`CREATE DATABASE ${quoteName(name)} WITH ${clauses.join(' ')}`);
};

/** Tablespaces belong to the server: where it has none of this name, or none for us, its default does. */
const tablespaceClause = async (session: Session, { tablespace }: DatabaseProperties): Promise<string[]> => {
  if (tablespace === undefined) return [];
  const found = await session.query(
    `SELECT FROM pg_catalog.pg_tablespace WHERE spcname = $1 AND pg_catalog.has_tablespace_privilege(oid, 'CREATE')`,
    [tablespace],
  );
  return found.length === 0 ? [] : [`TABLESPACE ${quoteName(tablespace)}`];
};

const localeClauses = ({ localeProvider, locale }: DatabaseProperties, major: number): string[] => {
  if (localeProvider === undefined) return [];
  if (major < 15)
    throw new Lc2Error('TARGET_LACKS', `the target cannot have databases with locale provider ${localeProvider}`);
  const clause = localeProvider === 'builtin' ? 'BUILTIN_LOCALE' : 'ICU_LOCALE';
  return [`LOCALE_PROVIDER ${localeProvider}`, ...(locale === undefined ? [] : [`${clause} ${quoteText(locale)}`])];
};

type Shape = Pick<LoadOrder, 'properties' | 'sameEnvironment'>;

/** The settings that a load is to find: what it computes anew, as materialized views, depends on them as it did at the source. */
export const applyFillSettings = async (
  session: Session,
  name: string,
  order: { readonly shape: Shape; readonly reads: Readonly<Record<string, unknown>> },
): Promise<void> => {
  for (const setting of order.shape.properties.settings)
    if (setting.role === undefined && !(setting.name.toLowerCase() in order.reads))
      await session.query(`ALTER DATABASE ${quoteName(name)} SET ${assignment(setting)}`);
};

/** What the dump does not carry: settings, grants, limit. Owner and comment are set where the name is decided. */
export const applyProperties = async (session: Session, name: string, shape: Shape): Promise<void> => {
  const { properties, sameEnvironment } = shape;
  const target = quoteName(name);
  const roles = new Set(
    (await session.query<{ rolname: string }>('SELECT rolname FROM pg_catalog.pg_roles')).map(({ rolname }) => rolname),
  );
  for (const setting of properties.settings) {
    if (setting.role !== undefined && !(sameEnvironment && roles.has(setting.role))) continue;
    const subject =
      setting.role === undefined ? `DATABASE ${target}` : `ROLE ${quoteName(setting.role)} IN DATABASE ${target}`;
    await session.query(`ALTER ${subject} SET ${assignment(setting)}`);
  }
  if (properties.connectionLimit !== -1)
    await session.query(`ALTER DATABASE ${target} CONNECTION LIMIT ${properties.connectionLimit}`);
  if (sameEnvironment && properties.acl) await applyGrants(session, name, properties.acl);
};

/** As they were, and by whom: what somebody granted on goes away again when it is taken from him. */
const applyGrants = async (session: Session, name: string, acl: readonly Grant[]): Promise<void> => {
  const target = quoteName(name);
  const [self] = await session.query<{ owner: string; others: boolean }>(
    `SELECT pg_catalog.pg_get_userbyid(d.datdba)::text AS owner, r.rolsuper AS others
       FROM pg_catalog.pg_database d, pg_catalog.pg_roles r WHERE d.datname = $1 AND r.rolname = current_user`,
    [name],
  );
  await session.query(`REVOKE ALL ON DATABASE ${target} FROM PUBLIC`);
  if (self) await session.query(`REVOKE ALL ON DATABASE ${target} FROM ${quoteName(self.owner)}`);
  for (const { grantee, privilege, grantable, grantor } of inOrder(acl)) {
    const who = grantee === 'PUBLIC' ? 'PUBLIC' : quoteName(grantee);
    const grant = `GRANT ${privilegeName(privilege)} ON DATABASE ${target} TO ${who}${grantable ? ' WITH GRANT OPTION' : ''}`;
    // Without the right to be anybody else the grant comes from us.
    const other = self?.others === true ? grantor : undefined;
    if (other !== undefined) await session.query(`SET ROLE ${quoteName(other)}`);
    try {
      await session.query(grant);
    } finally {
      if (other !== undefined) await session.query('RESET ROLE');
    }
  }
};

/** Nobody grants before he was granted. */
const inOrder = (acl: readonly Grant[]): Grant[] => {
  const done = acl.filter(({ grantor }) => grantor === undefined);
  let left = acl.filter(({ grantor }) => grantor !== undefined);
  while (left.length > 0) {
    const may = (grant: Grant): boolean =>
      done.some(
        ({ grantee, privilege, grantable }) => grantable && grantee === grant.grantor && privilege === grant.privilege,
      );
    const next = left.filter(may);
    // Round in a circle there is no first one: the server says what is wrong.
    if (next.length === 0) return [...done, ...left];
    done.push(...next);
    left = left.filter((grant) => !next.includes(grant));
  }
  return done;
};

const assignment = (setting: Setting): string => `${settingName(setting.name)} TO ${settingValue(setting)}`;

/** Settings may have a prefix, as in `app.tenant`; each part is a name. */
const settingName = (name: string): string => name.split('.').map(quoteName).join('.');

/** The server keeps these as lists of quoted names, and would take the list as a whole for one name. */
const listSettings = new Set([
  'search_path',
  'session_preload_libraries',
  'shared_preload_libraries',
  'local_preload_libraries',
  'temp_tablespaces',
  'unix_socket_directories',
]);
const settingValue = ({ name, value }: Setting): string =>
  listSettings.has(name.toLowerCase()) && value.trim() !== ''
    ? listItems(value).map(quoteText).join(', ')
    : quoteText(value);

/** `app, "Odd; ""name"""` as its names. */
const listItems = (list: string): string[] =>
  [...list.matchAll(/"((?:[^"]|"")*)"|[^,\s"][^,"]*/g)].map(([item, quoted]) =>
    quoted === undefined ? item.trimEnd() : quoted.replaceAll('""', '"'),
  );

const privilegeName = (privilege: string): string => {
  if (['CREATE', 'CONNECT', 'TEMPORARY'].includes(privilege)) return privilege;
  throw new Lc2Error('BACKUP_DAMAGED', `unknown privilege ${privilege} on a database`);
};
