import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasCode } from '../../../core/errors.ts';
import { type PipelineOptions, spawnPipeline, type Stage, type StageExit } from '../../runtime/children.ts';
import { decompress } from './dump.ts';

/** Memory in the disguise of a disk: what is written there counts against the step's memory. */
const memoryFileSystems = new Set([0x01021994, 0x858458f6]);

/** Bytes that may be written to the scratch volume: at most `limit`, and a fifth of its file system stays free. */
export const scratchRoom = async (limit: number): Promise<number> => {
  // Elsewhere a descriptor that is opened by its name shares its position.
  if (process.platform !== 'linux' || !(limit > 0)) return 0;
  const { type, bsize, bavail, blocks } = await statfs(tmpdir());
  return memoryFileSystems.has(type) ? 0 : Math.max(0, Math.min(limit, Math.floor(bsize * (bavail - blocks / 5))));
};

/**
 * A dump unpacked into a file of the scratch volume, for programs that must seek in it. The file has no name, so nothing is
 * left of it however we end: programs get its descriptor. Undefined when it did not fit into `room` after all.
 */
export const tryStage = async (
  stored: AsyncIterable<Uint8Array>,
  room: number,
  options: Pick<PipelineOptions, 'signal' | 'redact' | 'onFailure'>,
): Promise<FileHandle | undefined> => {
  const file = await openUnnamed();
  let full = false;
  const onFailure = (_: Stage, exit: StageExit, tail: string) => {
    full = exit.signal === 'SIGXFSZ' || /File too large|No space left|quota exceeded/i.test(tail);
    return options.onFailure(decompress, exit, tail);
  };
  try {
    await (
      await spawnPipeline({
        ...options,
        onFailure,
        stages: [limited(decompress, room)],
        input: stored,
        outputFile: file.fd,
      })
    ).done;
    return file;
  } catch (error) {
    await file.close();
    // Without prlimit nothing would bound the file.
    if (full || hasCode(error, 'TOOL_MISSING')) return undefined;
    throw error;
  }
};

/** The kernel ends it when a file of its gets larger: how much comes out of a stream is not known before. */
const limited = (stage: Stage, bytes: number): Stage => ({
  ...stage,
  program: 'prlimit',
  args: [`--fsize=${bytes}`, '--core=0', '--', stage.program, ...stage.args],
});

const openUnnamed = async (): Promise<FileHandle> => {
  const path = join(tmpdir(), `lc2-dump-${randomUUID()}`);
  const file = await open(path, 'wx+', 0o600);
  await rm(path);
  return file;
};
