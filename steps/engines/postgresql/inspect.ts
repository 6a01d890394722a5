import { Lc2Error } from '../../../core/errors.ts';
import { postgresql } from '../../../core/engines/postgresql.ts';
import type { Problem, RowCounts, ServerFacts } from '../../../core/ports/database.ts';
import { listDatabases } from './marks.ts';
import { quoteName, tableKey } from './quote.ts';
import { addressOf, type ServerAccess, type Session, withSession } from './session.ts';

/** Read-only questions to a server. */

export interface ServerIdentity {
  readonly version: string;
  readonly major: number;
  readonly standby: boolean;
  readonly superuser: boolean;
  readonly createDatabases: boolean;
  readonly systemId: string | undefined;
  readonly position: string | undefined;
  readonly now: string;
}

interface IdentityRow {
  version: string;
  number: string;
  standby: boolean;
  superuser: boolean;
  create_databases: boolean;
  position: string | null;
  now: Date;
}

/** Of a query: how far the log is. */
export const logPosition = `(CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
                          ELSE pg_catalog.pg_current_wal_lsn() END)`;

export const identify = async (session: Session): Promise<ServerIdentity> => {
  const [row] = await session.query<IdentityRow>(`
    SELECT pg_catalog.current_setting('server_version') AS version, pg_catalog.current_setting('server_version_num') AS number,
           pg_catalog.pg_is_in_recovery() AS standby, rolsuper AS superuser, rolcreatedb OR rolsuper AS create_databases,
           ${logPosition}::text AS position, pg_catalog.clock_timestamp() AS now
      FROM pg_catalog.pg_roles WHERE rolname = current_user`);
  if (!row) throw new Lc2Error('DATABASE_FAILED', 'the server does not know its own user');
  return {
    version: row.version,
    major: Math.floor(Number(row.number) / 10_000),
    standby: row.standby,
    superuser: row.superuser,
    createDatabases: row.create_databases,
    systemId: await systemIdentifier(session),
    position: row.position ?? undefined,
    now: row.now.toISOString(),
  };
};

/** Whether the log has come to this place. */
export const reaches = (access: ServerAccess, position: string): Promise<boolean> =>
  withSession(access, access.spec.maintenanceDatabase, async (session) => {
    const [row] = await session.query<{ reached: boolean }>(
      `SELECT coalesce(${logPosition} >= $1::pg_catalog.pg_lsn, false) AS reached`,
      [position],
    );
    return row?.reached === true;
  });

/** Tells clusters apart; a managed service may keep it to itself. */
const systemIdentifier = async (session: Session): Promise<string | undefined> => {
  try {
    const [row] = await session.query<{ id: string }>(
      'SELECT system_identifier::text AS id FROM pg_catalog.pg_control_system()',
    );
    return row?.id;
  } catch (error) {
    if (error instanceof Lc2Error && error.code === 'DATABASE_PRIVILEGE') return undefined;
    throw error;
  }
};

export const inspectServer = async (access: ServerAccess): Promise<ServerFacts> => {
  const { spec } = access;
  return withSession(access, spec.maintenanceDatabase, async (session) => {
    const identity = await identify(session);
    if (!(postgresql.majors as readonly number[]).includes(identity.major)) {
      throw new Lc2Error(
        'DATABASE_VERSION_UNSUPPORTED',
        `PostgreSQL ${identity.version} is not one of ${postgresql.majors.join(', ')}`,
        {
          where: addressOf(spec),
        },
      );
    }
    if (identity.standby) await assertStandby(session, addressOf(spec));
    const databases = chooseDatabases(spec, await listDatabases(session));
    const { version, major, standby, now, systemId, position } = identity;
    return {
      version,
      major,
      standby,
      now,
      databases,
      ...(systemId === undefined ? {} : { systemId }),
      ...(position === undefined ? {} : { position }),
    };
  });
};

/** Without feedback a long dump on a standby is cancelled by the primary's vacuum, sooner or later. */
const assertStandby = async (session: Session, where: string): Promise<void> => {
  const [row] = await session.query<{ feedback: string }>(
    `SELECT pg_catalog.current_setting('hot_standby_feedback') AS feedback`,
  );
  if (row?.feedback !== 'on')
    throw new Lc2Error('DATABASE_STANDBY', 'the server is a standby without hot_standby_feedback', { where });
};

/** The databases of a backup: those named, or all but templates, the maintenance database and what restores keep. */
const chooseDatabases = (
  spec: ServerAccess['spec'],
  present: Awaited<ReturnType<typeof listDatabases>>,
): { name: string; bytes: number }[] => {
  const missing = spec.databases.find((name) => !present.some((database) => database.name === name));
  if (missing !== undefined)
    throw new Lc2Error('DATABASE_NOT_FOUND', `database ${JSON.stringify(missing)} does not exist`, {
      where: addressOf(spec),
    });
  const wanted = present.filter(({ name, mark }) => {
    if (spec.ignoreDatabases.includes(name)) return false;
    return spec.databases.length > 0
      ? spec.databases.includes(name)
      : mark === undefined && name !== spec.maintenanceDatabase;
  });
  if (wanted.length === 0) {
    throw new Lc2Error('DATABASE_NOT_FOUND', 'there is no database to back up', {
      where: addressOf(spec),
      remedy: 'name the databases of the environment (the maintenance database is only taken when it is named)',
    });
  }
  const odd = wanted.find(({ name }) => /[\u0000-\u001f\u007f{}]/.test(name));
  if (odd)
    throw new Lc2Error('DATABASE_NAME_UNSUPPORTED', 'a database name holds control characters or braces', {
      where: odd.name,
    });
  return wanted.map(({ name, bytes }) => ({ name, bytes }));
};

export const backupProblems = async (access: ServerAccess): Promise<Problem[]> => {
  const problems: Problem[] = [];
  const facts = await inspectServer(access);
  for (const { name } of facts.databases) {
    const unreadable = await withSession(access, name, (session) =>
      session.query<{ table: string }>(`
        SELECT c.oid::pg_catalog.regclass::text AS table FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p', 'S') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
           AND NOT (pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT'))
         ORDER BY 1 LIMIT 5`),
    );
    if (unreadable.length === 0) continue;
    const tables = unreadable.map(({ table }) => table).join(', ');
    problems.push({
      code: 'DATABASE_PRIVILEGE',
      severity: 'error',
      message: `user ${access.username} cannot read ${tables} in ${name}`,
    });
  }
  return problems;
};

/** Unlogged tables are emptied when a server starts from a copy, and a copy that subscribes takes changes in the live one's name. */
export const copyProblems = async (access: ServerAccess): Promise<Problem[]> => {
  const problems: Problem[] = [];
  const add = (message: string): void => void problems.push({ code: 'COPY_UNFIT', message, severity: 'warning' });
  for (const { name } of (await inspectServer(access)).databases) {
    const [found] = await withSession(access, name, (session) =>
      session.query<{ unlogged: string | null; subscriptions: string | null }>(`
        SELECT (SELECT pg_catalog.string_agg(c.oid::pg_catalog.regclass::text, ', ' ORDER BY 1) FROM pg_catalog.pg_class c
                 WHERE c.relkind = 'r' AND c.relpersistence = 'u') AS unlogged,
               (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(s.subname), ', ' ORDER BY 1) FROM pg_catalog.pg_subscription s
                 JOIN pg_catalog.pg_database d ON d.oid = s.subdbid
                 WHERE d.datname = pg_catalog.current_database() AND s.subenabled) AS subscriptions`),
    );
    if (found?.unlogged)
      add(`dumps of a copy of the server have no rows of the unlogged tables ${found.unlogged} in ${name}`);
    if (found?.subscriptions)
      add(`a copy of the server would subscribe as the live one does: ${found.subscriptions} in ${name}`);
  }
  return problems;
};

/** What a restore will need, as far as it can be known without a backup. */
export const restoreProblems = async (access: ServerAccess): Promise<Problem[]> =>
  withSession(access, access.spec.maintenanceDatabase, async (session) => {
    const { spec, username } = access;
    const problems: Problem[] = [];
    const identity = await identify(session);
    const add = (code: string, message: string, severity: Problem['severity'] = 'error'): void =>
      void problems.push({ code, message, severity });
    if (identity.standby) add('DATABASE_STANDBY', `${addressOf(spec)} is a standby and cannot be restored into`);
    if (!identity.createDatabases) add('DATABASE_PRIVILEGE', `user ${username} may not create databases (CREATEDB)`);
    if (spec.role !== undefined) {
      const [role] = await session.query<{ member: boolean }>(
        `SELECT pg_catalog.pg_has_role(current_user, oid, 'MEMBER') AS member FROM pg_catalog.pg_roles WHERE rolname = $1`,
        [spec.role],
      );
      if (!role) add('TARGET_LACKS', `role ${JSON.stringify(spec.role)} does not exist`);
      else if (!role.member)
        add('DATABASE_PRIVILEGE', `user ${username} is no member of role ${JSON.stringify(spec.role)}`);
    }
    for (const { name, mark } of await listDatabases(session)) {
      if (mark?.kind === 'temporary')
        add('NAME_TAKEN', `database ${name} is left of a restore that died; the next restore removes it`, 'warning');
    }
    return problems;
  });

interface TableRow {
  schema: string;
  name: string;
  partial: boolean;
}

/** Tables that a dump carries rows of; of those that belong to an extension it may carry only some. */
const tablesQuery = `
  SELECT n.nspname::text AS schema, c.relname::text AS name,
         EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                                                          AND d.objid = c.oid AND d.deptype = 'e') AS partial
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind = 'r' AND c.relpersistence <> 't'
     AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
   ORDER BY 1, 2`;

export const countTableRows = async (session: Session): Promise<{ rows: RowCounts; partial: string[] }> => {
  const rows: Record<string, number> = Object.create(null);
  const partial: string[] = [];
  await session.query('SET row_security = off');
  for (const table of await session.query<TableRow>(tablesQuery)) {
    const key = tableKey(table.schema, table.name);
    const name = `${quoteName(table.schema)}.${quoteName(table.name)}`;
    const [counted] = await session.query<{ rows: string }>(`SELECT pg_catalog.count(*) AS rows FROM ONLY ${name}`);
    rows[key] = Number(counted?.rows ?? Number.NaN);
    if (table.partial) partial.push(key);
  }
  return { rows: { ...rows }, partial };
};
