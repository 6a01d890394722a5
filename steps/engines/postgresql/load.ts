import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Lc2Error } from '../../../core/errors.ts';
import type { LoadOrder } from '../../../core/ports/database.ts';
import { spawnPipeline, type Stage, type StageExit } from '../../runtime/children.ts';
import { decompress, exitText, redactor, writtenWith } from './dump.ts';
import { plainScriptFor } from './plain.ts';
import { loadable } from './script.ts';
import { isConnectionLoss } from './errors.ts';
import { databaseConnection } from './quote.ts';
import { scratchRoom, tryStage } from './scratch.ts';
import { addressOf, type ServerAccess } from './session.ts';
import { readToc, splitPasses, splitToc } from './toc.ts';
import type { Tools } from './tools.ts';

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
  const { tools, order, into, stored } = task;
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
    env: loadEnv(task),
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
  const { tools, order, into, stored } = task;
  // In place there is no second database to throw away: all or nothing is the server's.
  const atomic = order.mode === 'in-place' ? ['--single-transaction'] : ['--exit-on-error'];
  const restore: Stage = {
    program: tools.program('pg_restore'),
    args: [...args, ...atomic, `--dbname=${databaseConnection(into)}`],
    env: loadEnv(task),
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
  const { tools, order, into } = task;
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
    env: loadEnv(task),
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

/**
 * How the sessions of a load read a dump, whatever the database prefers. Others, as those of a service that loads, have only the
 * settings of the database: these names are not among them until it is filled.
 */
export const readSettings = ({
  access: { spec },
  major,
  order,
}: Pick<LoadTask, 'access' | 'major' | 'order'>): Record<string, string | number> => ({
  default_transaction_read_only: 'off',
  // Two jobs that read what the other writes would end each other.
  default_transaction_isolation: 'read committed',
  // As in pg_dump; intervals with a minus mean another thing in another style.
  datestyle: 'ISO',
  intervalstyle: 'postgres',
  array_nulls: 'on',
  transform_null_equals: 'off',
  // Options of dictionaries are kept as the session writes names.
  quote_all_identifiers: 'off',
  // As our dumps are written; whoever wrote a plain one had the settings of the database.
  ...(order.format === 'plain' ? {} : writtenWith),
  statement_timeout: spec.statementTimeout * 1000,
  lock_timeout: spec.lockTimeout * 1000,
  idle_in_transaction_session_timeout: 0,
  // A job waits while the other makes what it needs.
  ...(major < 14 ? {} : { idle_session_timeout: 0 }),
});

const loadEnv = (task: LoadTask) => task.access.toolEnv(undefined, readSettings(task));

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
