import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Lc2Error } from '../../../core/errors.ts';
import type { DatabaseProperties, Grant, LoadOrder } from '../../../core/ports/database.ts';
import { spawnPipeline, type Stage, type StageExit } from '../../runtime/children.ts';
import { decompress, exitText, redactor } from './dump.ts';
import { plainScriptFor } from './plain.ts';
import { loadable } from './script.ts';
import { isConnectionLoss } from './errors.ts';
import { databaseConnection, quoteName, quoteText } from './quote.ts';
import { scratchRoom, tryStage } from './scratch.ts';
import { addressOf, type ServerAccess, type Session } from './session.ts';
import { readToc, splitPasses, splitToc } from './toc.ts';
import type { Tools } from './tools.ts';

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

/** What the dump does not carry: settings, grants, limit. Owner and comment are set where the name is decided. */
export const applyProperties = async (
  session: Session,
  name: string,
  order: Pick<LoadOrder, 'properties' | 'sameEnvironment'>,
): Promise<void> => {
  const { properties, sameEnvironment } = order;
  const target = quoteName(name);
  const roles = new Set(
    (await session.query<{ rolname: string }>('SELECT rolname FROM pg_catalog.pg_roles')).map(({ rolname }) => rolname),
  );
  for (const setting of properties.settings) {
    if (setting.role !== undefined && !(sameEnvironment && roles.has(setting.role))) continue;
    const subject =
      setting.role === undefined ? `DATABASE ${target}` : `ROLE ${quoteName(setting.role)} IN DATABASE ${target}`;
    await session.query(`ALTER ${subject} SET ${settingName(setting.name)} TO ${settingValue(setting)}`);
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
const settingValue = ({ name, value }: { name: string; value: string }): string =>
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

export interface LoadTask {
  readonly access: ServerAccess;
  readonly tools: Tools;
  /** Major version of the target. */
  readonly major: number;
  readonly superuser: boolean;
  readonly order: LoadOrder;
  /** Database that is written to. */
  readonly into: string;
  readonly stored: () => Promise<AsyncIterable<Uint8Array>>;
  /** Bytes of the scratch volume that may be used. */
  readonly scratch: number;
}

/** Loads a dump into a database; the first error of the server ends it. */
export const loadDump = async (task: LoadTask): Promise<void> => {
  const { access, tools, order, stored } = task;
  const { keep } = splitToc(await readToc(tools, stored, access.signal), {
    // Whoever loads as a role has no more rights than that.
    superuser: task.superuser && (order.sameEnvironment || access.spec.role === undefined),
    sameEnvironment: order.sameEnvironment,
  });
  if (tools.major >= 17 && task.major < 17)
    return withList(keep, (list) => loadByScript(task, restoreArgs(task, list)));
  if (order.mode !== 'in-place' && !keep.some(isAttachment) && (await loadSideBySide(task, keep))) return;
  await withList(keep, (list) => loadDirectly(task, restoreArgs(task, list)));
};

/** pg_restore reads what it is to restore out of a file. */
const withList = async (entries: readonly string[], work: (list: string) => Promise<void>): Promise<void> => {
  const list = join(tmpdir(), `lc2-toc-${randomUUID()}`);
  writeFileSync(list, `${entries.join('\n')}\n`, { mode: 0o600 });
  try {
    await work(list);
  } finally {
    rmSync(list, { force: true });
  }
};

/**
 * Indexes of partitions are attached one by one, and with the last of them that of the whole table becomes valid. Two jobs that
 * attach at the same time do not see each other: it then stays invalid, and nobody says so.
 */
const isAttachment = (entry: string): boolean => / INDEX ATTACH /.test(entry);

const restoreArgs = ({ access, order }: LoadTask, list: string): string[] => [
  '--no-password',
  `--use-list=${list}`,
  ...(order.mode === 'in-place' ? ['--clean', '--if-exists'] : []),
  ...(order.sameEnvironment ? [] : ['--no-owner', '--no-acl', '--no-tablespaces']),
  ...(order.sameEnvironment || access.spec.role === undefined ? [] : [`--role=${access.spec.role}`]),
];

/** Two cores are busy where one would be; more jobs take more of a server that others use too. */
export const jobs = 2;

/** Several tables and indexes at a time, out of a file: false, and nothing is done, where the dump does not fit on scratch. */
const loadSideBySide = async (task: LoadTask, entries: readonly string[]): Promise<boolean> => {
  const { access, tools, order, into, stored } = task;
  const room = await scratchRoom(task.scratch);
  // What the database took with its indexes is nearly always more than its rows as text.
  if (order.properties.bytes > room) return false;
  const staged = await tryStage(await stored(), room, loadPipeline(task));
  if (!staged) return false;
  const restore = (list: string, parallel: number): Stage => ({
    program: tools.program('pg_restore'),
    args: [
      ...restoreArgs(task, list),
      '--exit-on-error',
      `--jobs=${parallel}`,
      `--dbname=${databaseConnection(into)}`,
      '/proc/self/fd/3',
    ],
    env: loadEnv(access),
    name: 'pg_restore',
    files: [staged.fd],
    hasWorkers: true,
  });
  const run = async (list: string, parallel: number): Promise<void> => {
    const stages = [restore(list, parallel)];
    await (
      await spawnPipeline({ ...loadPipeline(task), stages, discardOutput: true })
    ).done;
  };
  const { atOnce, inOrder } = splitPasses(entries);
  try {
    await withList(atOnce, (list) => run(list, jobs));
    if (inOrder.length > 0) await withList(inOrder, (list) => run(list, 1));
    return true;
  } finally {
    await staged.close();
  }
};

const loadDirectly = async (task: LoadTask, args: readonly string[]): Promise<void> => {
  const { access, tools, order, into, stored } = task;
  // In place there is no second database to throw away: all or nothing is the server's.
  const atomic = order.mode === 'in-place' ? ['--single-transaction'] : ['--exit-on-error'];
  const restore: Stage = {
    program: tools.program('pg_restore'),
    args: [...args, ...atomic, `--dbname=${databaseConnection(into)}`],
    env: loadEnv(access),
    name: 'pg_restore',
  };
  const pipeline = await spawnPipeline({
    ...loadPipeline(task),
    stages: [decompress, restore],
    input: await stored(),
    discardOutput: true,
  });
  await pipeline.done;
};

/** A plain script, by one psql: it cannot be read from two places at a time. */
export const loadPlain = async (task: LoadTask): Promise<void> => {
  const { access, order, stored } = task;
  const rules = {
    superuser: task.superuser && (order.sameEnvironment || access.spec.role === undefined),
    sameEnvironment: order.sameEnvironment,
    role: access.spec.role,
    major: task.major,
  };
  await runScript(task, plainScriptFor(await stored(), rules));
};

/** Newer tools set an option that older servers do not know, so the script goes through us. */
const loadByScript = async (task: LoadTask, args: readonly string[]): Promise<void> => {
  const { tools, stored } = task;
  const write: Stage = { program: tools.program('pg_restore'), args: [...args, '--file=-'], name: 'pg_restore' };
  const script = await spawnPipeline({ ...loadPipeline(task), stages: [decompress, write], input: await stored() });
  await runScript(task, loadable(script.output));
};

const runScript = async (task: LoadTask, script: AsyncIterable<Uint8Array>): Promise<void> => {
  const { access, tools, order, into } = task;
  const run: Stage = {
    program: tools.program('psql'),
    args: [
      '--no-psqlrc',
      '--quiet',
      '--set=ON_ERROR_STOP=1',
      '--no-password',
      ...(order.mode === 'in-place' ? ['--single-transaction'] : []),
      `--dbname=${databaseConnection(into)}`,
      '--file=-',
    ],
    env: loadEnv(access),
    name: 'psql',
  };
  const load = await spawnPipeline({
    ...loadPipeline(task),
    stages: [run],
    input: script,
    discardOutput: true,
  });
  await load.done;
};

const loadEnv = (access: ServerAccess): Record<string, string> => {
  const { statementTimeout, lockTimeout } = access.spec;
  // A database may have other settings for its sessions, which a load in place would meet.
  const settings = {
    default_transaction_read_only: 'off',
    // As in pg_dump; intervals with a minus mean another thing in another style.
    datestyle: 'ISO',
    intervalstyle: 'postgres',
    array_nulls: 'on',
    transform_null_equals: 'off',
    statement_timeout: statementTimeout * 1000,
    lock_timeout: lockTimeout * 1000,
    idle_in_transaction_session_timeout: 0,
  };
  const options = Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ');
  return { ...access.toolEnv(undefined), PGOPTIONS: options };
};

const loadPipeline = ({ access, into }: LoadTask) => ({
  signal: access.signal,
  redact: redactor(access),
  onFailure: (stage: Stage, exit: StageExit, tail: string): Lc2Error => {
    const where = addressOf(access.spec, into);
    if (stage.name === decompress.name && exit.signal === undefined && !isConnectionLoss(tail))
      return new Lc2Error('BACKUP_DAMAGED', exitText(stage, exit, tail), { where });
    if (/permission denied|must be (owner|superuser|member)/i.test(tail)) {
      return new Lc2Error('DATABASE_PRIVILEGE', exitText(stage, exit, tail), { where });
    }
    if (/could not extend file|No space left/i.test(tail))
      return new Lc2Error('SPACE_LOW', exitText(stage, exit, tail), { where });
    return new Lc2Error(isConnectionLoss(tail) ? 'DATABASE_FAILED' : 'LOAD_FAILED', exitText(stage, exit, tail), {
      where,
    });
  },
});
