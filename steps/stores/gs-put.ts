import { hash, randomUUID } from 'node:crypto';
import { Lc2Error } from '../../core/errors.ts';
import type { ObjectInfo, PutOptions } from '../../core/ports/object-store.ts';
import { chunksOf, throwIfCancelled } from './bodies.ts';
import { failureOf } from './gs-calls.ts';
import {
  call,
  type GsContext,
  isRefused,
  resourceFields,
  type Resource,
  translate,
  uploadPath,
  whereIs,
} from './gs-context.ts';
import { conditionOf, descriptionOf, headResource, type PutTask, written } from './gs-object.ts';
import { uploadInChunks } from './gs-upload.ts';
import type { Tries } from './persist.ts';
import { type Piece, piecesOf } from './s3-multipart.ts';

const mebibyte = 1024 * 1024;
/** Up to this size a body goes with its description in one request, where both are put together in memory. */
const mostAtOnce = mebibyte;

export const putObject = async (
  context: GsContext,
  key: string,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  options: PutOptions,
): Promise<ObjectInfo> => {
  const task: PutTask = { context, key, options };
  if (body instanceof Uint8Array && body.byteLength <= mostAtOnce && isAnnounced(body, options)) {
    throwIfCancelled(context.signal);
    return infoOf(task, await putWhole(task, body));
  }
  const chunks = chunksOf(body, { signal: context.signal, size: options.size, where: whereIs(context, key) });
  const pieces = piecesOf(chunks, context, options.size ?? (body instanceof Uint8Array ? body.byteLength : undefined));
  try {
    const first = await pieces.next();
    if (first.done === true) throw new Lc2Error('BUG', 'a body without a piece', { where: whereIs(context, key) });
    const { isLast, bytes } = first.value;
    const isSmall = isLast && bytes.byteLength <= mostAtOnce;
    return infoOf(task, await (isSmall ? putPiece(task, first.value) : uploadInChunks(task, first.value, pieces)));
  } finally {
    await pieces.return();
  }
};

const isAnnounced = (body: Uint8Array, { size }: PutOptions): boolean => body.byteLength === (size ?? body.byteLength);

const infoOf = ({ key }: PutTask, { info }: Resource): ObjectInfo => ({ key, ...info });

const putPiece = async (task: PutTask, piece: Piece): Promise<Resource> => {
  try {
    return await putWhole(task, piece.bytes);
  } finally {
    piece.release();
  }
};

const putWhole = async (task: PutTask, bytes: Uint8Array): Promise<Resource> => {
  const { context } = task;
  const md5 = hash('md5', bytes, 'base64');
  const boundary = randomUUID();
  const part = (type: string): string => `--${boundary}\r\ncontent-type: ${type}\r\n\r\n`;
  const body = Buffer.concat([
    Buffer.from(`${part('application/json; charset=UTF-8')}${descriptionOf(task, md5)}\r\n`),
    Buffer.from(part(plainType(task.options.contentType))),
    bytes,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
  const tries: Tries = { count: 0 };
  try {
    const answer = await context.calls.ask(
      {
        method: 'POST',
        path: uploadPath(context.bucket),
        query: { uploadType: 'multipart', fields: resourceFields, ...conditionOf(task) },
        headers: { 'content-type': `multipart/related; boundary=${boundary}` },
        body,
        tries,
      },
      context.signal,
    );
    context.state.answered = true;
    return await written(task, answer, md5);
  } catch (error) {
    return await ownOrThrow(task, { error, tries, md5, size: bytes.byteLength });
  }
};

/** A type with a line break in it must not become a header; the description carries it anyway. */
const plainType = (type = 'application/octet-stream'): string =>
  /^[\x20-\x7e]+$/.test(type) ? type : 'application/octet-stream';

interface Doubt {
  readonly error: unknown;
  readonly tries: Tries;
  readonly md5: string;
  readonly size: number;
}

/** A request whose answer was lost is repeated. When the first one had succeeded, the second meets our own object. */
const ownOrThrow = async (task: PutTask, { error, tries, md5, size }: Doubt): Promise<Resource> => {
  const { context, key, options } = task;
  if (error instanceof Lc2Error || context.signal.aborted) throw translate(context, key, error);
  if (options.createOnly === true && (isRefused(error, 412) || failureOf(error).status === undefined)) {
    const standing = await headResource(context, key);
    const wanted = Buffer.from(md5, 'base64').toString('hex');
    if (tries.count > 1 && standing?.size === size && standing.info.checksum?.value === wanted) return standing;
    if (standing !== undefined || isRefused(error, 412))
      throw new Lc2Error('OBJECT_EXISTS', 'the key is taken', { where: whereIs(context, key) });
  }
  return call(context, key, () => Promise.reject(error));
};
