import { createHash, hash } from 'node:crypto';
import { hasCode, Lc2Error } from '../../core/errors.ts';
import type { Mover, MoverEnds, MoveOrder, MoveResult } from '../../core/ports/mover.ts';
import type { ObjectBody } from '../../core/ports/object-store.ts';
import { readAll } from '../runtime/bytes.ts';
import { ordered } from '../runtime/ordered.ts';
import type { MoverOptions } from './mover-options.ts';
import { adopt, outcomeOf } from './same-object.ts';

const defaultConcurrency = 16;
/** Bytes from which a look at the target comes before the bytes are sent there for nothing. */
const worthALook = 8 * 1024 * 1024;

/** Our own get and put: for every key and every pair of stores. */
export const openStreamMover = (options: MoverOptions): Promise<Mover> => {
  const { tuning = {} } = options;
  return Promise.resolve({
    name: 'stream',
    takes: () => true,
    move: (orders) =>
      ordered(orders, { concurrency: tuning.concurrency ?? defaultConcurrency }, (order, signal) =>
        moveOne(options, order, signal),
      ),
  });
};

const moveOne = async (ends: MoverEnds, order: MoveOrder, signal: AbortSignal): Promise<MoveResult> => {
  if (order.createOnly && order.from.size >= worthALook) {
    const standing = await ends.target.head(order.to);
    if (standing !== undefined) return adopt(ends, order, standing, signal);
  }
  let body: ObjectBody;
  let checked: CheckedBytes;
  try {
    body = await ends.source.get(order.from.key, { version: order.from.version });
    checked = body.info.size <= small ? await checkWhole(ends, order, body) : checkBytes(ends, order, body, signal);
  } catch (error) {
    return outcomeOf(error, order);
  }
  return send(ends, order, { body, checked, signal });
};

/** Bytes up to which an object is taken whole: then no stream stands between reading and writing. */
const small = 256 * 1024;

const send = async (
  ends: MoverEnds,
  order: MoveOrder,
  { body, checked, signal }: { body: ObjectBody; checked: CheckedBytes; signal: AbortSignal },
): Promise<MoveResult> => {
  const { info } = body;
  // What the order says comes first: a folder that holds a bucket's objects keeps their bytes only.
  const { contentType = info.contentType, metadata = info.metadata } = order.from;
  const described = { ...(contentType !== undefined && { contentType }), ...(metadata && { metadata }) };
  try {
    const written = await ends.target.put(order.to, checked.bytes, {
      createOnly: order.createOnly,
      size: info.size,
      ...described,
    });
    const object = {
      size: written.size,
      digest: checked.digest(),
      ...(written.checksum && { checksum: written.checksum }),
      ...described,
    };
    return { outcome: 'copied', order, object, adopted: false };
  } catch (error) {
    // Only the source's own words mean that the source changed.
    if (checked.failure() === error) return outcomeOf(error, order);
    // A folder of this name stands there, or a file where a folder must be.
    if (hasCode(error, 'KEY_UNSUPPORTED') && order.createOnly) return { outcome: 'conflict', order };
    if (!hasCode(error, 'OBJECT_EXISTS')) throw error;
    const standing = await ends.target.head(order.to);
    // Gone again: somebody else is at work under our name.
    if (standing === undefined) return { outcome: 'conflict', order };
    return adopt(ends, order, standing, signal);
  } finally {
    // A target that refuses at once has not touched the body, which holds a connection or a file.
    await body.bytes[Symbol.asyncIterator]().return?.();
  }
};

interface CheckedBytes {
  readonly bytes: Uint8Array | AsyncIterable<Uint8Array>;
  readonly digest: () => string;
  /** What reading the source threw. */
  readonly failure: () => unknown;
}

interface Digests {
  readonly sha256: string;
  readonly md5: string | undefined;
}

/** md5 that the source reports of the content. */
const expectedMd5 = ({ info: { checksum } }: ObjectBody): string | undefined =>
  checksum?.algorithm === 'md5' ? checksum.value : undefined;

const assertDigests = (ends: MoverEnds, order: MoveOrder, body: ObjectBody, { sha256, md5 }: Digests): void => {
  const where = `${ends.source.url}/${order.from.key}`;
  if (order.digest !== undefined && order.digest !== sha256)
    throw new Lc2Error('OBJECT_CHANGED', 'the bytes do not have the digest they must have', { where });
  if (md5 !== expectedMd5(body))
    throw new Lc2Error('STORE_FAILED', 'the bytes that were read do not have the md5 that the store reports', {
      where,
    });
};

/** The same of a small object, in memory. */
const checkWhole = async (ends: MoverEnds, order: MoveOrder, body: ObjectBody): Promise<CheckedBytes> => {
  const bytes = await readAll(body.bytes, small);
  const digest = hash('sha256', bytes);
  assertDigests(ends, order, body, {
    sha256: digest,
    md5: expectedMd5(body) === undefined ? undefined : hash('md5', bytes),
  });
  return { bytes, digest: () => digest, failure: () => undefined };
};

/** Digests the bytes on their way, and compares them with the md5 that the source reports before they become an object. */
const checkBytes = (ends: MoverEnds, order: MoveOrder, body: ObjectBody, signal: AbortSignal): CheckedBytes => {
  const sha256 = createHash('sha256');
  const md5 = expectedMd5(body) === undefined ? undefined : createHash('md5');
  let digest = '';
  let failure: unknown;
  const bytes = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const chunk of body.bytes) {
        if (signal.aborted) throw new Lc2Error('CANCELLED', 'another object failed');
        sha256.update(chunk);
        md5?.update(chunk);
        yield chunk;
      }
      digest = sha256.digest('hex');
      assertDigests(ends, order, body, { sha256: digest, md5: md5?.digest('hex') });
    } catch (error) {
      failure = error;
      throw error;
    }
  };
  return { bytes: bytes(), digest: () => digest, failure: () => failure };
};
