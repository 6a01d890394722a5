import { createHash } from 'node:crypto';
import { hasCode, Lc2Error } from '../../core/errors.ts';
import type { Mover, MoverEnds, MoveOrder, MoveResult } from '../../core/ports/mover.ts';
import type { ObjectBody } from '../../core/ports/object-store.ts';
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
  try {
    body = await ends.source.get(order.from.key, { version: order.from.version });
  } catch (error) {
    return outcomeOf(error, order);
  }
  return send(ends, order, body, signal);
};

const send = async (ends: MoverEnds, order: MoveOrder, body: ObjectBody, signal: AbortSignal): Promise<MoveResult> => {
  const { info } = body;
  const checked = checkBytes(ends, order, body, signal);
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
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly digest: () => string;
  /** What reading the source threw. */
  readonly failure: () => unknown;
}

/** Digests the bytes on their way, and compares them with the md5 that the source reports before they become an object. */
const checkBytes = (ends: MoverEnds, order: MoveOrder, body: ObjectBody, signal: AbortSignal): CheckedBytes => {
  const sha256 = createHash('sha256');
  const expected = body.info.checksum?.algorithm === 'md5' ? body.info.checksum.value : undefined;
  const md5 = expected === undefined ? undefined : createHash('md5');
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
      if (order.digest !== undefined && order.digest !== digest) {
        throw new Lc2Error('OBJECT_CHANGED', 'the bytes do not have the digest they must have', {
          where: `${ends.source.url}/${order.from.key}`,
        });
      }
      if (md5 !== undefined && md5.digest('hex') !== expected) {
        throw new Lc2Error('STORE_FAILED', 'the bytes that were read do not have the md5 that the store reports', {
          where: `${ends.source.url}/${order.from.key}`,
        });
      }
    } catch (error) {
      failure = error;
      throw error;
    }
  };
  return { bytes: bytes(), digest: () => digest, failure: () => failure };
};
