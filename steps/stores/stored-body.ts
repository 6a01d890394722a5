import type { Readable } from 'node:stream';
import { Lc2Error } from '../../core/errors.ts';
import type { ByteRange } from '../../core/ports/object-store.ts';
import { closable, untilAborted } from './bodies.ts';

/** Reading an object out of a bucket, once its store has answered: the same for every store that streams. */
export interface Reading {
  /** The object, for errors. */
  readonly where: string;
  readonly signal: AbortSignal;
  /** What is open, so that closing the store ends it. */
  readonly bodies: Set<Readable>;
  readonly translate: (error: unknown) => Lc2Error;
  /** A bound on the wait for a chunk, where the client has none of its own. */
  readonly patient?: <T>(chunk: Promise<T>) => Promise<T>;
}

/** Counts the stream among the open ones until it is closed. */
export const holdOpen = ({ bodies }: Pick<Reading, 'bodies'>, stream: Readable): void => {
  bodies.add(stream);
  stream.once('close', () => bodies.delete(stream));
  // Until somebody reads it, a broken connection is nobody's error; the reader meets it as a short body.
  stream.on('error', () => undefined);
};

/** The bytes of a stream that is held open; one of another length than announced throws at its end. */
export const bytesOf = (reading: Reading, stream: Readable, length: number): AsyncIterable<Uint8Array> =>
  closable(readBody(reading, stream, length), () => void stream.destroy());

async function* readBody(
  { where, signal, translate, patient = (chunk) => chunk }: Reading,
  stream: Readable,
  length: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let read = 0;
  const iterator: AsyncIterator<unknown> = stream[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await untilAborted(signal, patient(iterator.next()));
      if (next.done === true) break;
      if (!(next.value instanceof Uint8Array)) continue;
      read += next.value.byteLength;
      yield next.value;
    }
  } catch (error) {
    throw translate(error);
  } finally {
    stream.destroy();
  }
  assertLength(where, read, length);
}

export const assertLength = (where: string, read: number, length: number): void => {
  if (read === length) return;
  throw new Lc2Error('STORE_FAILED', `the body has ${read} bytes, not ${length} as announced`, { where });
};

/** Bytes that the range of an object of this size has. */
export const lengthOfRange = ({ first, last }: ByteRange, size: number): number =>
  Math.max(0, Math.min(last, size - 1) - first + 1);

export const startsAsAsked = ({ first }: ByteRange, contentRange: string | undefined): boolean =>
  (contentRange ?? '').startsWith(`bytes ${first}-`);

export const otherRange = (where: string): Lc2Error =>
  new Lc2Error('STORE_FAILED', 'the store sent another range than was asked for', { where });

export const objectChanged = (where: string): Lc2Error =>
  new Lc2Error('OBJECT_CHANGED', 'the object is no longer the version that was listed', { where });

export const objectNotFound = (where: string): Lc2Error =>
  new Lc2Error('OBJECT_NOT_FOUND', 'there is no such object', { where });
