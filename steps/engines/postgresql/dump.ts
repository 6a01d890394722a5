import { type ErrorCode, Lc2Error } from '../../../core/errors.ts';
import type { DatabasePoint, RowCounts } from '../../../core/ports/database.ts';
import { spawnPipeline, type Stage, type StageExit } from '../../runtime/children.ts';
import { isConnectionLoss } from './errors.ts';
import { createRowCounter } from './row-counter.ts';
import { addressOf, type ServerAccess } from './session.ts';
import type { Tools } from './tools.ts';

/**
 * One frame, whole or refused: zstd checks length and content itself when it reads back. Level 3 takes a fifth more of the
 * processor than 2, and makes rows no smaller.
 */
const compress: Stage = { program: 'zstd', args: ['-q', '-c', '-2', '-T2', '--check'], name: 'zstd' };
export const decompress: Stage = { program: 'zstd', args: ['-q', '-d', '-c'], name: 'zstd -d' };

export interface ToolRun {
  readonly access: ServerAccess;
  readonly tools: Tools;
}

/** Takes the password out of what a tool wrote. */
export const redactor =
  ({ password }: ServerAccess) =>
  (text: string): string =>
    password.length < 4 ? text : text.replaceAll(password, '***');

export const exitText = (stage: Stage, exit: StageExit, tail: string): string => {
  const how = exit.signal === undefined ? `exited with ${exit.code ?? 'unknown'}` : `was killed by ${exit.signal}`;
  return tail.trim() === '' ? `${stage.name} ${how}` : `${stage.name} ${how}: ${tail.trim()}`;
};

const dumpFailure =
  (where: string) =>
  (stage: Stage, exit: StageExit, tail: string): Lc2Error =>
    new Lc2Error(dumpCode(tail), exitText(stage, exit, tail), { where });

const dumpCode = (tail: string): ErrorCode => {
  if (isConnectionLoss(tail)) return 'DATABASE_FAILED';
  return /permission denied/i.test(tail) ? 'DATABASE_PRIVILEGE' : 'DUMP_FAILED';
};

/** pg_dump writes money as the locale of the database does, which another server may not have, or read otherwise. */
export const writtenWith = { lc_monetary: 'C' } as const;

export const dumpDatabase = async function* (
  { access, tools }: ToolRun,
  point: DatabasePoint,
): AsyncIterable<Uint8Array> {
  const { signal, spec } = access;
  const args = [
    '--format=custom',
    '--compress=0',
    '--no-password',
    `--snapshot=${point.snapshot}`,
    `--lock-wait-timeout=${spec.lockTimeout}s`,
    // Bytes of no known encoding cannot be made into another one.
    ...(point.properties.encoding === 'SQL_ASCII' ? ['--encoding=SQL_ASCII'] : []),
  ];
  const env = access.toolEnv(point.database, writtenWith);
  const pipeline = await spawnPipeline({
    stages: [{ program: tools.program('pg_dump'), args, env, name: 'pg_dump' }, compress],
    signal,
    redact: redactor(access),
    onFailure: dumpFailure(addressOf(spec, point.database)),
  });
  yield* pipeline.output;
};

/** Roles, their memberships and settings, tablespaces; never passwords. Kept for reference: a restore does not apply it. */
export const dumpGlobals = async function* ({ access, tools }: ToolRun): AsyncIterable<Uint8Array> {
  const { signal, spec } = access;
  const args = ['--globals-only', '--no-role-passwords', '--no-password', `--database=${spec.maintenanceDatabase}`];
  const env = access.toolEnv(undefined);
  const pipeline = await spawnPipeline({
    stages: [{ program: tools.program('pg_dumpall'), args, env, name: 'pg_dumpall' }, compress],
    signal,
    redact: redactor(access),
    onFailure: dumpFailure(addressOf(spec)),
  });
  yield* pipeline.output;
};

/** What a reader of a dump ended with. One that was killed says nothing about the dump: nobody shall throw it away. */
export const readFailure = (stage: Stage, exit: StageExit, tail: string): Lc2Error => {
  const code = exit.signal === 'SIGKILL' || exit.signal === 'SIGTERM' ? 'STEP_FAILED' : 'BACKUP_DAMAGED';
  return new Lc2Error(code, exitText(stage, exit, tail), { where: 'dump' });
};

/** Reads the whole dump with the tool that would restore it; a truncated or foreign file does not come through. */
export const countDumpRows = async (
  tools: Tools,
  stored: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<RowCounts> => {
  const read: Stage = { program: tools.program('pg_restore'), args: ['--data-only', '--file=-'], name: 'pg_restore' };
  const pipeline = await spawnPipeline({ stages: [decompress, read], signal, input: stored, onFailure: readFailure });
  const counter = createRowCounter();
  for await (const chunk of pipeline.output) counter.add(chunk);
  return counter.end();
};

/** The dump, or one table of it, as SQL. */
export const extractSql = async function* (
  tools: Tools,
  stored: AsyncIterable<Uint8Array>,
  options: { readonly table?: { readonly schema: string; readonly table: string }; readonly signal: AbortSignal },
): AsyncIterable<Uint8Array> {
  const { table, signal } = options;
  const only = table === undefined ? [] : [`--schema=${table.schema}`, `--table=${table.table}`];
  const read: Stage = {
    program: tools.program('pg_restore'),
    args: ['--file=-', '--no-owner', '--no-acl', ...only],
    name: 'pg_restore',
  };
  // With its table written, pg_restore reads no further.
  const unpack: Stage = table === undefined ? decompress : { ...decompress, mayBeCutShort: true };
  const pipeline = await spawnPipeline({ stages: [unpack, read], signal, input: stored, onFailure: readFailure });
  yield* pipeline.output;
};
