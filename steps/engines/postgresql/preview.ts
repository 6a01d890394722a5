import { postgresql } from '../../../core/engines/postgresql.ts';
import { derivedName } from '../../../core/plan/restore-plan.ts';
import type { LoadOrder, LoadPreview, Problem, RestoreMark } from '../../../core/ports/database.ts';
import { utf8Length } from '../../../core/utf8.ts';
import { sha256 } from '../../runtime/bytes.ts';
import { identify, type ServerIdentity } from './inspect.ts';
import { busyDatabases } from './locks.ts';
import { listDatabases, type NamedDatabase } from './marks.ts';
import { addressOf, type ServerAccess, type Session, withSession } from './session.ts';

/** What a restore meets on the target: everything that would fail later is found here. */

export const temporaryName = (as: string, restoreId: string): string =>
  derivedName({ database: as, word: 'restore', restoreId }, postgresql.nameBytes, sha256);
export const previousName = (as: string, restoreId: string): string =>
  derivedName({ database: as, word: 'before', restoreId }, postgresql.nameBytes, sha256);

interface Target {
  readonly access: ServerAccess;
  readonly session: Session;
  readonly identity: ServerIdentity;
  readonly present: readonly NamedDatabase[];
  readonly orders: readonly LoadOrder[];
  readonly restore: RestoreMark;
}

export const previewTarget = (
  access: ServerAccess,
  orders: readonly LoadOrder[],
  restore: RestoreMark,
): Promise<LoadPreview> =>
  withSession(access, access.spec.maintenanceDatabase, async (session) => {
    const identity = await identify(session);
    const present = await listDatabases(session);
    const target: Target = { access, session, identity, present, orders, restore };
    const live = orders.map(({ as }) => as);
    return {
      problems: [
        ...serverProblems(target),
        ...orders.flatMap(({ as }) => oddNameProblems(as)),
        ...orders.flatMap((order) => nameProblems(target, order)),
        ...(await busyDatabases(session, live)).map((name) =>
          error('TARGET_BUSY', `a backup or restore of database ${name} is running`),
        ),
        ...(await roleProblems(target)),
        ...(await extensionProblems(target)),
      ],
      sessions: await session.query(
        `SELECT datname::text AS database, coalesce(usename, '')::text AS user, coalesce(application_name, '') AS application,
                pg_catalog.count(*)::int AS count
           FROM pg_catalog.pg_stat_activity WHERE datname = ANY ($1::text[]) AND backend_type = 'client backend'
          GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`,
        [live],
      ),
      databases: orders.map(({ database, as, mode, properties }) => ({
        database,
        as,
        exists: present.some(({ name }) => name === as),
        bytesNeeded: properties.bytes,
        ...(mode === 'in-place' ? {} : { temporary: temporaryName(as, restore.restoreId) }),
        ...(mode === 'swap' ? { previous: previousName(as, restore.restoreId) } : {}),
      })),
      replicationSlots: await names(
        session,
        `SELECT slot_name::text AS name FROM pg_catalog.pg_replication_slots WHERE database = ANY ($1::text[]) ORDER BY 1`,
        live,
      ),
      subscriptions: await names(
        session,
        `SELECT s.subname::text AS name FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid
          WHERE d.datname = ANY ($1::text[]) ORDER BY 1`,
        live,
        identity.superuser,
      ),
      publications: await publications(target),
    };
  });

const names = async (session: Session, sql: string, databases: readonly string[], allowed = true): Promise<string[]> =>
  allowed ? (await session.query<{ name: string }>(sql, [databases])).map(({ name }) => name) : [];

const publications = async ({ access, orders, present }: Target): Promise<string[]> => {
  const found: string[] = [];
  for (const { as } of orders) {
    if (!present.some(({ name }) => name === as)) continue;
    const rows = await withSession(access, as, (session) =>
      session.query<{ name: string }>('SELECT pubname::text AS name FROM pg_catalog.pg_publication ORDER BY 1'),
    );
    found.push(...rows.map(({ name }) => `${as}.${name}`));
  }
  return found;
};

const serverProblems = ({ access, identity, orders }: Target): Problem[] => {
  const problems: Problem[] = [];
  const newest = Math.max(0, ...orders.map(({ major }) => major));
  if (identity.standby)
    problems.push(error('DATABASE_STANDBY', `${addressOf(access.spec)} is a standby and cannot be written to`));
  if (newest > identity.major) {
    problems.push(
      error('DATABASE_VERSION_UNSUPPORTED', `the dump is of PostgreSQL ${newest}, the target is ${identity.major}`),
    );
  }
  if (!identity.createDatabases && orders.some(({ mode }) => mode !== 'in-place')) {
    problems.push(error('DATABASE_PRIVILEGE', `user ${access.username} may not create databases (CREATEDB)`));
  }
  return problems;
};

/** The server would cut a longer name off, and the next backup refuses odd ones. */
const oddNameProblems = (as: string): Problem[] =>
  utf8Length(as) <= postgresql.nameBytes && !/[\u0000-\u001f\u007f{}]/.test(as)
    ? []
    : [error('DATABASE_NAME_UNSUPPORTED', `a database cannot be named ${JSON.stringify(as)}`)];

const nameProblems = (target: Target, order: LoadOrder): Problem[] =>
  order.mode === 'in-place' ? inPlaceProblems(target, order) : swapProblems(target, order);

const inPlaceProblems = ({ present }: Target, { as, format }: LoadOrder): Problem[] => [
  ...(present.some(({ name }) => name === as)
    ? []
    : [error('DATABASE_NOT_FOUND', `database ${as} does not exist; in-place needs it`)]),
  // It does not know what it would have to remove first.
  ...(format === 'plain'
    ? [error('INPUT_INVALID', `the dump of ${as} is plain SQL, which is not restored in-place`)]
    : []),
];

const swapProblems = ({ access, identity, present, restore }: Target, { as }: LoadOrder): Problem[] => {
  const problems: Problem[] = [];
  if (as === access.spec.maintenanceDatabase) {
    problems.push(error('NAME_TAKEN', `${as} is the maintenance database and can only be restored in-place`));
  }
  const live = present.find(({ name }) => name === as);
  if (live && !identity.superuser && live.owner !== access.username) {
    const message = `user ${access.username} must be a member of ${live.owner}, who owns ${as}`;
    problems.push(warning('DATABASE_PRIVILEGE', message));
  }
  for (const name of [temporaryName(as, restore.restoreId), previousName(as, restore.restoreId)]) {
    const stands = present.find((database) => database.name === name);
    if (stands && stands.mark?.restoreId !== restore.restoreId)
      problems.push(error('NAME_TAKEN', `database ${name} exists`));
  }
  return problems;
};

const roleProblems = async ({ access, session, orders }: Target): Promise<Problem[]> => {
  const present = new Set(
    (await session.query<{ name: string }>('SELECT rolname::text AS name FROM pg_catalog.pg_roles')).map(
      ({ name }) => name,
    ),
  );
  const { role } = access.spec;
  const wanted = new Set(
    orders.flatMap(({ sameEnvironment, properties }) =>
      sameEnvironment ? properties.roles : role === undefined ? [] : [role],
    ),
  );
  const missing = [...wanted].filter((name) => !present.has(name));
  return missing.map((name) => error('TARGET_LACKS', `role ${JSON.stringify(name)} does not exist on the target`));
};

const extensionProblems = async ({ session, identity, orders }: Target): Promise<Problem[]> => {
  const trusted = identity.major >= 13 ? 'bool_or(v.trusted)' : 'false';
  const available = await session.query<{ name: string; trusted: boolean }>(
    `SELECT v.name::text AS name, ${trusted} AS trusted FROM pg_catalog.pg_available_extension_versions v GROUP BY 1`,
  );
  const known = new Map(available.map(({ name, trusted: free }) => [name, free]));
  const wanted = new Set(orders.flatMap(({ properties }) => properties.extensions.map(({ name }) => name)));
  return [...wanted].flatMap((name) => {
    if (!known.has(name)) return [error('TARGET_LACKS', `extension ${name} is not installed on the target`)];
    const allowed = identity.superuser || known.get(name) === true || name === 'plpgsql';
    return allowed ? [] : [error('DATABASE_PRIVILEGE', `extension ${name} can only be created by a superuser`)];
  });
};

const error = (code: string, message: string): Problem => ({ code, message, severity: 'error' });
const warning = (code: string, message: string): Problem => ({ code, message, severity: 'warning' });
