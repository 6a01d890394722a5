import { createHash } from 'node:crypto';
import { hasCode, Lc2Error } from '../../core/errors.ts';
import type { MovedObject, MoverEnds, MoveOrder, MoveResult } from '../../core/ports/mover.ts';
import type { Checksum, ObjectInfo, ObjectStore } from '../../core/ports/object-store.ts';

/** Whether two checksums say something about the same thing. */
export const areComparable = (a: Checksum | undefined, b: Checksum | undefined): boolean =>
  a?.algorithm === 'md5' && b?.algorithm === 'md5';

/** Whether nobody here has to see the bytes of an order: none are asked for, or the source says what they are. */
export const vouches = ({ digest, from }: MoveOrder): boolean =>
  digest === undefined || from.checksum?.algorithm === 'md5';

/** sha256 of one version of an object, read from its store. */
export const digestOf = async (store: ObjectStore, info: ObjectInfo, signal?: AbortSignal): Promise<string> => {
  const hash = createHash('sha256');
  const body = await store.get(info.key, { version: info.version });
  for await (const chunk of body.bytes) {
    if (signal?.aborted === true) throw new Lc2Error('CANCELLED', 'the run was cancelled');
    hash.update(chunk);
  }
  return hash.digest('hex');
};

/** What reading a source ended with, where that is an outcome and not a failure. */
export const outcomeOf = (error: unknown, order: MoveOrder): MoveResult => {
  if (hasCode(error, 'OBJECT_CHANGED')) return { outcome: 'changed', order };
  if (hasCode(error, 'OBJECT_NOT_FOUND')) return { outcome: 'vanished', order };
  throw error;
};

/** What stands at the target, with the description that came along from the source. */
export const describe = (source: ObjectInfo, standing: ObjectInfo): MovedObject => ({
  size: standing.size,
  ...(standing.checksum && { checksum: standing.checksum }),
  ...(source.contentType !== undefined && { contentType: source.contentType }),
  ...(source.metadata && { metadata: source.metadata }),
});

/** The object that stands at the target, when it is the ordered one already; `conflict` when it is another. */
export const adopt = async (
  ends: MoverEnds,
  order: MoveOrder,
  standing: ObjectInfo,
  signal?: AbortSignal,
): Promise<MoveResult> => {
  const { from } = order;
  const source = await ends.source.head(from.key);
  if (source === undefined) return { outcome: 'vanished', order };
  if (source.version !== from.version) return { outcome: 'changed', order };
  if (standing.size !== from.size) return { outcome: 'conflict', order };
  const described = describe(source, standing);
  // The head knows better than a listing whether an ETag is the md5 of the content.
  if (areComparable(source.checksum, standing.checksum)) {
    if (source.checksum?.value !== standing.checksum?.value) return { outcome: 'conflict', order };
    return { outcome: 'copied', order, adopted: true, object: described };
  }
  let ours: string;
  try {
    ours = await digestOf(ends.source, from, signal);
  } catch (error) {
    return outcomeOf(error, order);
  }
  const theirs = await digestOf(ends.target, standing, signal);
  if (ours !== theirs) return { outcome: 'conflict', order };
  return { outcome: 'copied', order, adopted: true, object: { ...described, digest: ours } };
};
