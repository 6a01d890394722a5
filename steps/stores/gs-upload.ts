import { createHash } from 'node:crypto';
import { Lc2Error } from '../../core/errors.ts';
import { type GsAnswer, mayPass } from './gs-calls.ts';
import { call, isRefused, type Resource, resourceFields, uploadPath, whereIs } from './gs-context.ts';
import { conditionOf, descriptionOf, type PutTask, written } from './gs-object.ts';
import { defaultAttempts, persist } from './persist.ts';
import type { Piece } from './s3-multipart.ts';

/** «Not finished»: how far Google has got stands beside it. */
const unfinished = 308;

/**
 * A body in chunks, one after the other, in a session that Google forgets after a week. There is no object before the
 * last chunk is there and has the announced md5; the session's condition is judged again then.
 */
export const uploadInChunks = async (task: PutTask, first: Piece, rest: AsyncIterator<Piece>): Promise<Resource> => {
  const md5 = createHash('md5');
  let piece: Piece | undefined = first;
  try {
    const session = await begin(task);
    for (let offset = 0; ;) {
      md5.update(piece.bytes);
      const end: number = offset + piece.bytes.byteLength;
      const digest = piece.isLast ? md5.copy().digest('base64') : undefined;
      const chunk: Chunk = { bytes: piece.bytes, offset, total: piece.isLast ? end : undefined, md5: digest };
      const answer = await sendChunk(task, session, chunk);
      if (answer !== undefined) return await written(task, answer, digest ?? '');
      if (piece.isLast) throw lost(task);
      piece.release();
      piece = undefined;
      offset = end;
      const next = await rest.next();
      if (next.done === true) throw lost(task);
      piece = next.value;
    }
  } finally {
    piece?.release();
  }
};

const lost = ({ context, key }: PutTask): Lc2Error =>
  new Lc2Error('STORE_FAILED', 'the store forgot a part of an upload', { where: whereIs(context, key) });

/** Path and query of the session. Its host is ours: credentials go nowhere that an answer names. */
const begin = async (task: PutTask): Promise<string> => {
  const { context, key } = task;
  const answer = await guard(task, () =>
    context.calls.ask(
      {
        method: 'POST',
        path: uploadPath(context.bucket),
        query: { uploadType: 'resumable', fields: resourceFields, ...conditionOf(task) },
        headers: { 'content-type': 'application/json; charset=UTF-8' },
        body: Buffer.from(descriptionOf(task)),
      },
      context.signal,
    ),
  );
  const session = URL.parse(answer.header('location') ?? '');
  if (session === null)
    throw new Lc2Error('STORE_FAILED', 'the store began an upload without an address', {
      where: whereIs(context, key),
    });
  return `${session.pathname}${session.search}`;
};

const guard = async <T>(task: PutTask, send: () => Promise<T>): Promise<T> => {
  const { context, key, options } = task;
  return call(context, key, async () => {
    try {
      return await send();
    } catch (error) {
      if (isRefused(error, 412) && options.createOnly === true)
        throw new Lc2Error('OBJECT_EXISTS', 'the key is taken', { where: whereIs(context, key) });
      throw error;
    }
  });
};

interface Chunk {
  readonly bytes: Uint8Array;
  readonly offset: number;
  /** Of the whole body, once it is known. */
  readonly total: number | undefined;
  readonly md5: string | undefined;
}

/**
 * The final answer, or undefined when Google holds this chunk and waits for more. After a failure nobody knows what
 * arrived: Google is asked, and gets what it lacks.
 */
const sendChunk = (task: PutTask, session: string, chunk: Chunk): Promise<GsAnswer | undefined> => {
  const { signal, tuning } = task.context;
  let held: number | undefined = chunk.offset;
  const advance = async (): Promise<GsAnswer | undefined> => {
    const from = held;
    held = undefined;
    const asked = from === undefined ? ask(task, session, chunk.total) : put(task, session, { chunk, from });
    const answer = await asked.catch(forgotten(task));
    if (answer.status !== unfinished) return answer;
    held = heldOf(task, answer, chunk);
    if (held === chunk.offset + chunk.bytes.byteLength && chunk.total === undefined) return undefined;
    throw Object.assign(new Error('the store took a part of a chunk'), { code: 'EPARTIAL' });
  };
  // Every second one asks only.
  const attempts = 2 * (tuning.attempts ?? defaultAttempts);
  return guard(task, () => persist({ signal, attempts, mayPass }, advance));
};

const heldOf = (task: PutTask, answer: GsAnswer, { offset, bytes }: Chunk): number => {
  const held = Number(/^bytes=0-(\d+)$/.exec(answer.header('range') ?? '')?.[1] ?? -1) + 1;
  if (held < offset || held > offset + bytes.byteLength) throw lost(task);
  return held;
};

/** A session that is not known any more: nothing was written, and a new upload may work. */
const forgotten =
  (task: PutTask) =>
  (error: unknown): never => {
    throw isRefused(error, 404) || isRefused(error, 410) ? lost(task) : error;
  };

const put = (
  { context }: PutTask,
  session: string,
  { chunk, from }: { readonly chunk: Chunk; readonly from: number },
): Promise<GsAnswer> => {
  const { bytes, offset, total, md5 } = chunk;
  const body = bytes.subarray(from - offset);
  const range = body.byteLength === 0 ? '*' : `${from}-${from + body.byteLength - 1}`;
  return context.calls.ask(
    {
      method: 'PUT',
      path: session,
      headers: { 'content-range': `bytes ${range}/${total ?? '*'}`, 'x-goog-hash': md5 && `md5=${md5}` },
      body,
      accept: unfinished,
      attempts: 1,
    },
    context.signal,
  );
};

const ask = ({ context }: PutTask, session: string, total: number | undefined): Promise<GsAnswer> =>
  context.calls.ask(
    {
      method: 'PUT',
      path: session,
      headers: { 'content-range': `bytes */${total ?? '*'}` },
      accept: unfinished,
      attempts: 1,
    },
    context.signal,
  );
