import { setTimeout as sleep } from 'node:timers/promises';
import { Lc2Error } from '../../core/errors.ts';
import type { Mover, MoveOrder, MoveResult } from '../../core/ports/mover.ts';
import { ordered } from '../runtime/ordered.ts';
import { sourceUrl } from '../stores/azblob-client.ts';
import {
  attempted,
  type AzblobContext,
  azblobContext,
  azblobError,
  infoOf,
  isCode,
  isRefused,
  versionOf,
} from '../stores/azblob-context.ts';
import { deleteBlob, type Properties, tryHead } from '../stores/azblob-put.ts';
import { adapterOptionsOf } from '../stores/store-options.ts';
import type { MoverOptions } from './mover-options.ts';
import { adopt, vouches } from './same-object.ts';

const defaultConcurrency = 64;
const firstLook = 50;
const longestWait = 10_000;
const farewell = 10_000;

interface Context {
  readonly options: MoverOptions;
  readonly from: AzblobContext;
  readonly to: AzblobContext;
}

/** Azure copies in its own time: begun by one call, looked at until it is done. */
export const openAzblobCopy = (options: MoverOptions): Promise<Mover> => {
  const { signal } = options;
  const open = (end: MoverOptions['from']): AzblobContext => azblobContext(adapterOptionsOf({ ...end, signal }));
  const context: Context = { options, from: open(options.from), to: open(options.to) };
  // Into another account only a key can let the service read.
  const isPossible = context.from.place.account === context.to.place.account || context.from.place.key !== undefined;
  return Promise.resolve({
    name: 'copy',
    takes: (order) => isPossible && vouches(order),
    move: (orders) => {
      let both: AbortSignal | undefined;
      return ordered(orders, { concurrency: options.tuning?.concurrency ?? defaultConcurrency }, (order, failing) => {
        both ??= AbortSignal.any([failing, signal]);
        return moveOne(context, order, both);
      });
    },
  });
};

const moveOne = async (context: Context, order: MoveOrder, signal: AbortSignal): Promise<MoveResult> => {
  if (!context.options.target.holds(order.to) && order.createOnly) return { outcome: 'conflict', order };
  try {
    return await copy(context, order, signal);
  } catch (error) {
    return explain(context, order, { error, signal });
  }
};

const blobOf = ({ to }: Context, order: MoveOrder) => to.place.container.getBlobClient(to.prefix + order.to);

const copy = async (context: Context, order: MoveOrder, signal: AbortSignal): Promise<MoveResult> => {
  const { from, to } = context;
  const source = sourceUrl(from.place, from.prefix + order.from.key, to.place);
  const poller = await attempted({ signal, tuning: {} }, (abortSignal) =>
    blobOf(context, order).beginCopyFromURL(source, {
      abortSignal,
      sourceConditions: { ifMatch: `"${order.from.version}"` },
      ...(order.createOnly && { conditions: { ifNoneMatch: '*' } }),
    }),
  );
  poller.stopPolling();
  const copyId = copyIdOf(poller.getOperationState());
  const done = await finished(context, order, { copyId, signal });
  // Somebody else has written there since.
  if (done === undefined || done.copyId !== copyId) return { outcome: 'conflict', order };
  const object = infoOf(to, order.to, { ...done, size: done.contentLength });
  const { checksum } = order.from;
  const isOther =
    checksum?.algorithm === 'md5' && object.checksum?.algorithm === 'md5' && checksum.value !== object.checksum.value;
  if (done.copyStatus !== 'success' || object.size !== order.from.size || isOther) {
    await deleteBlob(to, order.to, object.version);
    const what = `ended as ${done.copyStatus ?? 'nothing'} with ${object.size} bytes: ${done.copyStatusDescription ?? ''}`;
    throw new Lc2Error('COPY_INCOMPLETE', `a copy ${what}`, { where: `${to.url}/${order.to}` });
  }
  return {
    outcome: 'copied',
    order,
    object: { size: object.size, ...(object.checksum && { checksum: object.checksum }) },
    adopted: false,
  };
};

const copyIdOf = (state: object): string | undefined =>
  'copyId' in state && typeof state.copyId === 'string' ? state.copyId : undefined;

interface Awaited {
  /** Ours, which ends with us; of another's copy only its end is awaited. */
  readonly copyId: string | undefined;
  readonly signal: AbortSignal;
}

/** What stands at the target once no copy into it is pending. */
const finished = async (
  context: Context,
  order: MoveOrder,
  { copyId, signal }: Awaited,
): Promise<Properties | undefined> => {
  for (let wait = firstLook; ; wait = Math.min(wait * 2, longestWait)) {
    const standing = await tryHead({ ...context.to, signal }, order.to).catch(async (error: unknown) => {
      if (signal.aborted) await abandon(context, order, copyId);
      throw error;
    });
    if (standing?.copyStatus !== 'pending') return standing;
    await sleep(wait, undefined, { signal }).catch(() => undefined);
  }
};

/** The service would go on by itself; what cannot be ended now is met by whoever comes next. */
const abandon = async (context: Context, order: MoveOrder, copyId: string | undefined): Promise<void> => {
  if (copyId === undefined) return;
  const blob = blobOf(context, order);
  const abortSignal = AbortSignal.timeout(farewell);
  try {
    await blob.abortCopyFromURL(copyId, { abortSignal });
    const { etag } = await blob.getProperties({ abortSignal });
    await blob.delete({ abortSignal, ...(etag !== undefined && { conditions: { ifMatch: etag } }) });
  } catch {
    // It was done already, or cannot be reached: the reason of the end counts.
  }
};

/** A refused condition is either the source's or the target's: looking tells. */
const explain = async (
  context: Context,
  order: MoveOrder,
  { error, signal }: { readonly error: unknown; readonly signal: AbortSignal },
): Promise<MoveResult> => {
  const { options, to } = context;
  const isCondition = isRefused(error, 412) || isRefused(error, 409);
  if (isCondition || isRefused(error, 404)) {
    const source = await options.source.head(order.from.key);
    if (source === undefined) return { outcome: 'vanished', order };
    if (source.version !== order.from.version) return { outcome: 'changed', order };
    const standing = isCondition ? await finished(context, order, { copyId: undefined, signal }) : undefined;
    if (standing !== undefined && order.createOnly) {
      if (standing.copyStatus !== 'failed' && standing.copyStatus !== 'aborted')
        return adopt(options, order, infoOf(to, order.to, { ...standing, size: standing.contentLength }), signal);
      // A copy that ended badly leaves an empty object: nobody’s.
      await deleteBlob(to, order.to, versionOf(standing.etag ?? ''));
      return copy(context, order, signal);
    }
    if (isCode(error, 'PendingCopyOperation')) return copy(context, order, signal);
    if (isCode(error, 'SourceConditionNotMet')) return { outcome: 'changed', order };
  }
  throw azblobError(error, {
    where: `${options.source.url}/${order.from.key} -> ${options.target.url}/${order.to}`,
    signal: options.signal,
    answered: true,
    secrets: { ...options.from.secrets, ...to.secrets },
  });
};
