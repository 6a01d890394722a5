import { Lc2Error } from '../../../core/errors.ts';
import type { Database, DatabasePoint, LoadOrder, RestoreMark, StoredDump } from '../../../core/ports/database.ts';
import { countDumpRows, dumpDatabase, dumpGlobals, extractSql } from './dump.ts';
import {
  backupProblems,
  copyProblems,
  countTableRows,
  identify,
  inspectServer,
  logPosition,
  reaches,
  restoreProblems,
} from './inspect.ts';
import { analyzeDatabase } from './analyze.ts';
import { applyFillSettings, applyProperties, createDatabase } from './apply-properties.ts';
import { jobs, loadDump, loadPlain, readSettings } from './load.ts';
import { countPlainRows, unpackPlain } from './plain.ts';
import { lockDatabases } from './locks.ts';
import { listDatabases, type Mark, previousOf, setMark } from './marks.ts';
import { previewTarget, previousName, temporaryName } from './preview.ts';
import { readProperties } from './properties.ts';
import { quoteName, tryParseTable } from './quote.ts';
import { accessServer, connect, type ServerAccess, type Session, withSession } from './session.ts';
import { dropDatabase, swapAll } from './swap.ts';
import { removeDead, sweepTemporary } from './sweep.ts';
import { newestTools, toolsFor } from './tools.ts';
import type { ServerSpec } from '../../../core/services/server-shape.ts';
import { scratchBytes } from '../../../core/steps/load-database.ts';

const problemsFor = { backup: backupProblems, restore: restoreProblems, copy: copyProblems } as const;

export interface PostgresqlOptions {
  readonly spec: ServerSpec;
  readonly secrets: Readonly<Record<string, string>>;
  readonly environment: string;
  readonly signal: AbortSignal;
  /** For LC2_PG_BIN and LC2_SCRATCH_BYTES. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** PostgreSQL 12 to 18 by its own tools. */
export const openPostgresql = ({ spec, secrets, environment, signal, env }: PostgresqlOptions): Database => {
  let opened: ServerAccess | undefined;
  /** Secrets are asked for when the server is: reading a dump back needs none. */
  const access = (): ServerAccess => (opened ??= accessServer({ spec, secrets, signal }));
  let admin: Promise<Session> | undefined;
  /** One session for everything administrative: it holds the locks until close. */
  const maintenance = (): Promise<Session> => (admin ??= connect(access(), spec.maintenanceDatabase));
  const targetMajor = async (): Promise<number> => (await identify(await maintenance())).major;
  const locked = new Set<string>();
  const lockTarget = async (database: string): Promise<void> => {
    if (locked.has(database)) return;
    await lockDatabases(await maintenance(), [database], 'exclusive');
    locked.add(database);
  };

  const load = async (order: LoadOrder, dump: StoredDump, restore: RestoreMark): Promise<{ name: string }> => {
    const session = await maintenance();
    await lockTarget(order.as);
    const identity = await identify(session);
    const present = await listDatabases(session);
    const tools = toolsFor(Math.max(identity.major, order.major), env);
    const { major, superuser } = identity;
    const scratch = Number(env['LC2_SCRATCH_BYTES'] ?? scratchBytes);
    const base = { access: access(), tools, major, superuser, order, stored: dump.bytes, scratch };
    const fill = order.format === 'plain' ? loadPlain : loadDump;
    if (order.mode === 'in-place') {
      await fill({ ...base, into: order.as });
      return { name: order.as };
    }
    const into = temporaryName(order.as, restore.restoreId);
    // Somebody else may be filling the one of an earlier attempt, which then is not dead.
    await removeDead(access(), session, {
      live: order.as,
      present: dump.fill ? present.filter(({ name }) => name !== into) : present,
    });
    const live = present.find(({ name }) => name === order.as);
    const shape = live
      ? { ...order, properties: await liveProperties(access(), order, identity.major), sameEnvironment: true }
      : order;
    const owner = live?.owner ?? (order.sameEnvironment ? order.properties.owner : spec.role);
    const mark: Mark = { kind: 'temporary', restoreId: restore.restoreId, environment, database: order.as };
    const create = async (): Promise<void> => {
      await createDatabase(session, into, { properties: shape.properties, owner, major: identity.major });
      await setMark(session, into, mark);
      await applyFillSettings(session, into, { shape, reads: readSettings(base) });
    };
    if (dump.fill)
      await dump.fill(into, async () => {
        await dropDatabase(access(), session, into);
        await create();
      });
    else {
      await create();
      await fill({ ...base, into });
    }
    await applyProperties(session, into, shape);
    await analyzeDatabase(access(), into, jobs);
    return { name: into };
  };

  return {
    inspect: () => inspectServer(access()),
    reaches: (position) => reaches(access(), position),
    problems: (purpose) => problemsFor[purpose](access()),
    withPoints: async (databases, use) => {
      await lockDatabases(await maintenance(), databases, 'shared');
      const major = await targetMajor();
      const sessions: Session[] = [];
      try {
        for (const database of databases) sessions.push(await connect(access(), database));
        const points = await Promise.all(
          sessions.map((session, index) => openPoint(session, databases[index] ?? '', major)),
        );
        return await use(points);
      } finally {
        await Promise.allSettled(sessions.map((session) => session.end()));
      }
    },
    dump: async function* (point) {
      yield* dumpDatabase({ access: access(), tools: toolsFor(await targetMajor(), env) }, point);
    },
    globals: async function* () {
      yield* dumpGlobals({ access: access(), tools: toolsFor(await targetMajor(), env) });
    },
    readDump: (stored, format) =>
      format === 'plain' ? countPlainRows(stored) : countDumpRows(newestTools(env), stored, signal),
    extract: (stored, { table, format }) => {
      const parsed = table === undefined ? undefined : tryParseTable(table);
      if (table !== undefined && !parsed)
        throw new Lc2Error('INPUT_INVALID', 'a table is given as schema.table', { where: table });
      if (format === 'plain') {
        if (parsed === undefined) return unpackPlain(stored);
        throw new Lc2Error('INPUT_INVALID', 'no single table can be taken out of a dump of plain SQL', {
          where: table ?? '',
          remedy: 'leave out --table and take what you need from the whole',
        });
      }
      return extractSql(newestTools(env), stored, { signal, ...(parsed === undefined ? {} : { table: parsed }) });
    },
    previewLoad: (orders, restore) => previewTarget(access(), orders, restore),
    load,
    countRows: (database) =>
      withSession(access(), database, async (session) => {
        const { superuser } = await identify(session);
        if (!superuser && spec.role !== undefined) await session.query(`SET ROLE ${quoteName(spec.role)}`);
        return countTableRows(session);
      }),
    commit: async (orders, restore) => {
      const session = await maintenance();
      for (const { as } of orders) await lockTarget(as);
      const present = await listDatabases(session);
      const swapped = orders.filter(({ mode }) => mode !== 'in-place');
      const swaps = swapped.map(({ as, properties, mode }) => ({
        loaded: temporaryName(as, restore.restoreId),
        live: as,
        previous: previousName(as, restore.restoreId),
        comment: present.find(({ name }) => name === as)?.comment ?? properties.comment,
        keep: mode !== 'recreate',
      }));
      const kept = await swapAll(session, swaps, restore);
      const recreated = new Set(swapped.filter(({ mode }) => mode === 'recreate').map(({ as }) => as));
      for (const { database, previous } of kept)
        if (recreated.has(database)) await dropDatabase(access(), session, previous);
      return kept.filter(({ database }) => !recreated.has(database));
    },
    previous: async () => previousOf(await listDatabases(await maintenance()), environment),
    swapBack: async ({ database, previous, restoreId }, restore) => {
      const session = await maintenance();
      await lockTarget(database);
      const found = (await listDatabases(session)).find(({ name }) => name === previous);
      if (found?.mark?.kind !== 'previous')
        throw new Lc2Error('DATABASE_NOT_FOUND', 'there is no such kept database', { where: previous });
      const { comment } = found.mark;
      await setMark(session, previous, { ...found.mark, kind: 'temporary', restoreId: restore.restoreId });
      const swap = {
        loaded: previous,
        live: database,
        previous: previousName(database, restore.restoreId),
        comment,
        keep: true,
      };
      try {
        await swapAll(session, [swap], restore);
      } catch (error) {
        await setMark(session, previous, { ...found.mark, restoreId });
        throw error;
      }
    },
    dropPrevious: async ({ previous }) => {
      const session = await maintenance();
      const found = (await listDatabases(session)).find(({ name }) => name === previous);
      if (found?.mark?.kind !== 'previous')
        throw new Lc2Error('DATABASE_NOT_FOUND', 'there is no such kept database', { where: previous });
      await dropDatabase(access(), session, previous);
    },
    sweep: async (of, restoreId) => sweepTemporary(access(), await maintenance(), { environment: of, restoreId }),
    close: async () => {
      await (await admin?.catch(() => undefined))?.end();
      opened?.close();
    },
  };
};

interface PointRow {
  snapshot: string;
  time: Date;
  position: string | null;
}

/** Opens the point: everything that is read later through its snapshot is of this moment. */
const openPoint = async (session: Session, database: string, major: number): Promise<DatabasePoint> => {
  await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const [row] = await session.query<PointRow>(`
    SELECT pg_catalog.pg_export_snapshot() AS snapshot, pg_catalog.clock_timestamp() AS time,
           ${logPosition}::text AS position`);
  if (!row) throw new Lc2Error('DATABASE_FAILED', 'the server exported no snapshot', { where: database });
  return {
    database,
    time: row.time.toISOString(),
    snapshot: row.snapshot,
    properties: await readProperties(session, major),
    ...(row.position === null ? {} : { position: row.position }),
  };
};

/** A database that is replaced keeps its own settings and grants. */
const liveProperties = (access: ServerAccess, order: LoadOrder, major: number): Promise<LoadOrder['properties']> =>
  withSession(access, order.as, (session) => readProperties(session, major));
