import { createHash, type Hash } from 'node:crypto';

export const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');

export interface Measure {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Valid once `bytes` was read to its end. */
  readonly result: () => { readonly size: number; readonly digest: string };
}

/** The same bytes, counted and digested on their way. */
export const measure = (source: AsyncIterable<Uint8Array>): Measure => {
  const hash: Hash = createHash('sha256');
  let size = 0;
  let ended = false;
  const bytes = async function* () {
    for await (const chunk of source) {
      hash.update(chunk);
      size += chunk.byteLength;
      yield chunk;
    }
    ended = true;
  };
  let digest: string | undefined;
  return {
    bytes: bytes(),
    result: () => {
      if (!ended) throw new Error('measured a stream that was not read to its end');
      digest ??= hash.digest('hex');
      return { size, digest };
    },
  };
};

/** Reads to the end; for small files only. Throws when there is more than `limit`. */
export const readAll = async (source: AsyncIterable<Uint8Array>, limit: number): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    size += chunk.byteLength;
    if (size > limit) throw new RangeError(`more than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
};

/** Reads to the end and forgets. */
export const drain = async (source: AsyncIterable<Uint8Array>): Promise<void> => {
  for await (const _ of source);
};
