import { Lc2Error } from '../../core/errors.ts';
import type { Mover, MoveOrder, MoveResult } from '../../core/ports/mover.ts';
import type { ObjectInfo } from '../../core/ports/object-store.ts';
import { ordered } from '../runtime/ordered.ts';
import { partOf } from '../stores/gs-calls.ts';
import {
  gsContext,
  type GsContext,
  gsError,
  isRefused,
  objectPath,
  type Resource,
  resourceFields,
  resourceOf,
} from '../stores/gs-context.ts';
import { deleteVersion, headResource } from '../stores/gs-object.ts';
import { adapterOptionsOf } from '../stores/store-options.ts';
import type { MoverOptions } from './mover-options.ts';
import { adopt, vouches } from './same-object.ts';

const defaultConcurrency = 64;

interface Context {
  readonly options: MoverOptions;
  readonly from: GsContext;
  /** Its identity asks for the copies: it reads the source too. */
  readonly to: GsContext;
}

/** An order, and what the target was seen to hold under its key. */
export interface SeenOrder {
  readonly order: MoveOrder;
  readonly standing?: ObjectInfo;
}

/** Google copies by `rewrite`, in as many calls as it wants. */
export const openGsCopy = (options: MoverOptions): Promise<Mover> => {
  const move = openGsCopier(options);
  return Promise.resolve({ name: 'copy', takes: vouches, move: (orders) => move(unseen(orders)) });
};

async function* unseen(orders: AsyncIterable<MoveOrder>): AsyncGenerator<SeenOrder, void, undefined> {
  for await (const order of orders) yield { order };
}

/** An order whose copy stands already costs no request. */
export const openGsCopier = (
  options: MoverOptions,
): ((orders: AsyncIterable<SeenOrder>) => AsyncGenerator<MoveResult, void, undefined>) => {
  const { signal, to, from } = options;
  const target = gsContext(adapterOptionsOf({ ...to, signal }));
  const source = gsContext(adapterOptionsOf({ ...from, secrets: to.secrets, signal }));
  const context: Context = { options, from: source, to: target };
  return (orders) => {
    let both: AbortSignal | undefined;
    return ordered(
      orders,
      { concurrency: options.tuning?.concurrency ?? defaultConcurrency },
      ({ order, standing }, failing) => {
        both ??= AbortSignal.any([failing, signal]);
        const found = standing && standingCopy(order, standing);
        return found ? Promise.resolve(found) : moveOne(context, order, both);
      },
    );
  };
};

/** What the service says of both must be the same: the md5, or of composite objects the crc32c. */
const standingCopy = (order: MoveOrder, { size, checksum }: ObjectInfo): MoveResult | undefined => {
  const listed = order.from.checksum;
  const isSame = size === order.from.size && checksum?.algorithm === listed?.algorithm;
  if (!isSame || checksum === undefined || checksum.value !== listed?.value) return undefined;
  return { outcome: 'copied', order, object: { size, checksum }, adopted: true };
};

const moveOne = async (context: Context, order: MoveOrder, signal: AbortSignal): Promise<MoveResult> => {
  if (!context.options.target.holds(order.to) && order.createOnly) return { outcome: 'conflict', order };
  let copied: Resource;
  try {
    copied = await rewrite(context, order, signal);
  } catch (error) {
    return explain(context, order, { error, signal });
  }
  if (copied.size !== order.from.size || !(await isSame(context, order, copied))) {
    await deleteVersion(context.to, order.to, copied.generation);
    throw incomplete(context, order, 'differs from its source');
  }
  const { size, checksum } = copied.info;
  return { outcome: 'copied', order, object: { size, ...(checksum && { checksum }) }, adopted: false };
};

/** Every call of the loop carries both conditions: Google judges each call by what that call says. */
const rewrite = async ({ from, to }: Context, order: MoveOrder, signal: AbortSignal): Promise<Resource> => {
  const target = `/rewriteTo/b/${encodeURIComponent(to.bucket)}/o/${encodeURIComponent(to.prefix + order.to)}`;
  const path = `${objectPath(from.bucket, from.prefix + order.from.key)}${target}`;
  let token: string | undefined;
  for (;;) {
    const answer = await to.calls.json(
      {
        method: 'POST',
        path,
        query: {
          fields: `done,rewriteToken,resource(${resourceFields})`,
          ifSourceGenerationMatch: order.from.version,
          ifGenerationMatch: order.createOnly ? '0' : undefined,
          rewriteToken: token,
        },
      },
      signal,
    );
    const resource = partOf(answer, 'done') === true ? resourceOf(partOf(answer, 'resource')) : undefined;
    if (resource !== undefined) return resource;
    const next = partOf(answer, 'rewriteToken');
    if (typeof next !== 'string' || next === '')
      throw new Lc2Error('STORE_FAILED', 'the store ended a copy halfway', { where: `${to.url}/${order.to}` });
    token = next;
  }
};

/** By md5; composite objects, and copies of them, have crc32c only. */
const isSame = async ({ from }: Context, order: MoveOrder, copied: Resource): Promise<boolean> => {
  const { checksum } = order.from;
  if (checksum?.algorithm === 'md5' && copied.info.checksum?.algorithm === 'md5')
    return checksum.value === copied.info.checksum.value;
  const crc32c =
    checksum?.algorithm === 'etag'
      ? checksum.value
      : (await headResource(from, order.from.key, { ifGenerationMatch: order.from.version }))?.crc32c;
  return crc32c !== undefined && crc32c === copied.crc32c;
};

const incomplete = ({ to }: Context, order: MoveOrder, what: string): Lc2Error =>
  new Lc2Error('COPY_INCOMPLETE', `a copy that the store reported as done ${what}`, { where: `${to.url}/${order.to}` });

/** A refused condition is either the source's or the target's: looking tells. */
const explain = async (
  context: Context,
  order: MoveOrder,
  { error, signal }: { readonly error: unknown; readonly signal: AbortSignal },
): Promise<MoveResult> => {
  const { options, to } = context;
  if (isRefused(error, 412) || isRefused(error, 404)) {
    const standing = order.createOnly && isRefused(error, 412) ? await headResource(to, order.to) : undefined;
    if (standing !== undefined) return adoptGs(context, order, { standing, signal });
    const source = await options.source.head(order.from.key);
    if (source === undefined) return { outcome: 'vanished', order };
    if (isRefused(error, 412)) return { outcome: 'changed', order };
  }
  throw gsError(error, {
    where: `${options.source.url}/${order.from.key} -> ${options.target.url}/${order.to}`,
    signal: options.signal,
    answered: true,
    secrets: to.secrets,
  });
};

/** Where one of both has no md5, Google has a crc32c of both: nobody reads them. */
const adoptGs = async (
  { options, from }: Context,
  order: MoveOrder,
  { standing, signal }: { readonly standing: Resource; readonly signal: AbortSignal },
): Promise<MoveResult> => {
  const { size, checksum } = standing.info;
  const there = { key: order.to, ...standing.info };
  if (order.from.checksum?.algorithm === 'md5' && checksum?.algorithm === 'md5')
    return adopt(options, order, there, signal);
  const source = await headResource(from, order.from.key);
  const isSame = source?.generation === order.from.version && source.size === size && source.crc32c !== undefined;
  if (!isSame || source.crc32c !== standing.crc32c) return adopt(options, order, there, signal);
  return { outcome: 'copied', order, object: { size, ...(checksum && { checksum }) }, adopted: true };
};
