import type { Tools } from './tools.ts';
import { hasCode, Lc2Error } from '../../../core/errors.ts';
import { spawnPipeline } from '../../runtime/children.ts';
import { readAll } from '../../runtime/bytes.ts';
import { decompress, readFailure } from './dump.ts';

/**
 * The table of contents of a dump, for what the restoring user may do. Entries that only a superuser could restore are
 * left out on purpose and named in the preview; everything that is tried must work.
 */
export interface TocRules {
  readonly superuser: boolean;
  readonly sameEnvironment: boolean;
}

/** The contents come first in a dump: this much of it is surely enough at the first, second or third try. */
const headBytes = [4, 64, 1024].map((mebibytes) => mebibytes * 1024 * 1024);

export const readToc = async (
  tools: Tools,
  stored: () => Promise<AsyncIterable<Uint8Array>>,
  signal: AbortSignal,
): Promise<string[]> => {
  for (const limit of headBytes) {
    const head = await readHead(await stored(), limit, signal);
    try {
      return (await listHead(tools, head, signal)).split('\n').filter((line) => line !== '' && !line.startsWith(';'));
    } catch (error) {
      // Cut in the middle of the contents: try with more of it.
      if (!hasCode(error, 'BACKUP_DAMAGED') || head.byteLength < limit) throw error;
    }
  }
  throw new Lc2Error('BACKUP_DAMAGED', 'the table of contents of a dump is larger than 1 GiB', { where: 'dump' });
};

const readHead = async (stored: AsyncIterable<Uint8Array>, limit: number, signal: AbortSignal): Promise<Buffer> => {
  const enough = new AbortController();
  const pipeline = await spawnPipeline({
    stages: [decompress],
    input: stored,
    signal: AbortSignal.any([signal, enough.signal]),
    onFailure: readFailure,
  });
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of pipeline.output) {
    chunks.push(chunk);
    size += chunk.byteLength;
    // Leaving the loop ends the pipeline.
    if (size >= limit) break;
  }
  pipeline.done.catch(() => undefined);
  return Buffer.concat(chunks, size).subarray(0, limit);
};

const listHead = async (tools: Tools, head: Buffer, signal: AbortSignal): Promise<string> => {
  const input = async function* (): AsyncIterable<Uint8Array> {
    yield await Promise.resolve(head);
  };
  const pipeline = await spawnPipeline({
    // It reads no further than the contents go.
    stages: [
      { program: tools.program('pg_restore'), args: ['--list'], name: 'pg_restore --list', mayBeCutShort: true },
    ],
    input: input(),
    signal,
    onFailure: readFailure,
  });
  return (await readAll(pipeline.output, 1024 * 1024 * 1024)).toString('utf8');
};

/** Kinds of entries, as pg_restore --list names them after the two oids, that need a superuser. */
const superuserOnly = [
  /^COMMENT - EXTENSION /,
  /^EVENT TRIGGER /,
  /^SUBSCRIPTION /,
  /^COMMENT - (EVENT TRIGGER|SUBSCRIPTION) /,
];
/** Belongs to the server that was backed up, not to another environment. */
const ownEnvironmentOnly = [/^SUBSCRIPTION /, /^SUBSCRIPTION TABLE /, /^COMMENT - SUBSCRIPTION /];

export const splitToc = (entries: readonly string[], rules: TocRules): { keep: string[]; leave: string[] } => {
  const patterns = [...(rules.superuser ? [] : superuserOnly), ...(rules.sameEnvironment ? [] : ownEnvironmentOnly)];
  const keep: string[] = [];
  const leave: string[] = [];
  for (const entry of entries) {
    (isOneOf(patterns, entry) ? leave : keep).push(entry);
  }
  return { keep, leave };
};

const isOneOf = (patterns: readonly RegExp[], entry: string): boolean => {
  const kind = entry.replace(/^\d+; \d+ \d+ /, '');
  return patterns.some((pattern) => pattern.test(kind));
};

/** What pg_restore does after all else. */
const atTheEnd = [/^(DEFAULT )?ACL /, /^EVENT TRIGGER /, /^COMMENT - EVENT TRIGGER /, /^MATERIALIZED VIEW DATA /];

/**
 * Rights need rights: whoever passed his own on needs those on the schema first, and views are filled with the rights of their
 * owners. Several jobs of pg_restore do not keep that order.
 */
export const splitPasses = (entries: readonly string[]): { atOnce: string[]; inOrder: string[] } => ({
  atOnce: entries.filter((entry) => !isOneOf(atTheEnd, entry)),
  inOrder: entries.filter((entry) => isOneOf(atTheEnd, entry)),
});
