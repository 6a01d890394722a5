import { hash, randomUUID } from 'node:crypto';
import { Lc2Error } from '../../core/errors.ts';
import type { ObjectInfo, PutOptions } from '../../core/ports/object-store.ts';
import { chunksOf, throwIfCancelled } from './bodies.ts';
import { failureOf, type GsAnswer, jsonOf } from './gs-calls.ts';
import {
  call,
  type GsContext,
  isRefused,
  objectPath,
  resourceFields,
  type Resource,
  resourceOf,
  translate,
  uploadPath,
  whereIs,
} from './gs-context.ts';
import type { Tries } from './persist.ts';
import { type Piece, piecesOf } from './s3-multipart.ts';
import { uploadInChunks } from './gs-upload.ts';

const mebibyte = 1024 * 1024;
/** Up to this size a body goes with its description in one request, where both are put together in memory. */
const mostAtOnce = mebibyte;

export interface PutTask {
  readonly context: GsContext;
  readonly key: string;
  readonly options: PutOptions;
}

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

/** What goes with the bytes. Google compares the md5 before there is an object. */
export const descriptionOf = ({ context, key, options }: PutTask, md5?: string): string =>
  JSON.stringify({
    name: context.prefix + key,
    contentType: options.contentType ?? 'application/octet-stream',
    ...(options.metadata !== undefined && { metadata: options.metadata }),
    ...(md5 !== undefined && { md5Hash: md5 }),
  });

/** Decided by Google: 0 is the generation of what does not exist. */
export const conditionOf = ({ options }: PutTask): Record<string, string> =>
  options.createOnly === true ? { ifGenerationMatch: '0' } : {};

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

/** The answer to an upload; what Google holds under the key must have the md5 of what was sent. */
export const written = async ({ context, key }: PutTask, answer: GsAnswer, md5: string): Promise<Resource> => {
  const resource = resourceOf(await jsonOf(answer));
  if (resource === undefined)
    throw new Lc2Error('STORE_FAILED', 'the store does not say what it took', { where: whereIs(context, key) });
  const { checksum } = resource.info;
  if (checksum?.algorithm !== 'md5' || checksum.value === Buffer.from(md5, 'base64').toString('hex')) return resource;
  // Not what was sent: gone again, unless somebody else has replaced it.
  await deleteVersion(context, key, resource.generation);
  throw new Lc2Error('STORE_FAILED', 'the store holds other bytes than were sent', { where: whereIs(context, key) });
};

/** Gone already, or replaced by somebody else, is as good. */
export const deleteVersion = async (context: GsContext, key: string, generation: string): Promise<void> => {
  const path = objectPath(context.bucket, context.prefix + key);
  try {
    await context.calls.ask({ method: 'DELETE', path, query: { ifGenerationMatch: generation } }, context.signal);
  } catch (error) {
    if (!isRefused(error, 404) && !isRefused(error, 412)) throw translate(context, key, error);
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

/** The object as it is now, or of one version: OBJECT_CHANGED when it is another. */
export const headResource = async (
  context: GsContext,
  key: string,
  generation?: string,
): Promise<Resource | undefined> => {
  throwIfCancelled(context.signal);
  try {
    const value = await context.calls.json(
      {
        method: 'GET',
        path: objectPath(context.bucket, context.prefix + key),
        query: { fields: resourceFields, ifGenerationMatch: generation },
      },
      context.signal,
    );
    context.state.answered = true;
    const resource = resourceOf(value);
    if (resource !== undefined) return resource;
  } catch (error) {
    if (isRefused(error, 404)) return undefined;
    if (isRefused(error, 412))
      throw new Lc2Error('OBJECT_CHANGED', 'the object is no longer the version that was listed', {
        where: whereIs(context, key),
      });
    throw translate(context, key, error);
  }
  throw new Lc2Error('STORE_FAILED', 'the answer lacks size, time or generation', { where: whereIs(context, key) });
};
