import { canCopy } from '../../core/plan/mover-choice.ts';
import type { Mover } from '../../core/ports/mover.ts';
import { type StoreName, type stores, tryParseUrl } from '../../core/stores/index.ts';
import type { MoverOptions } from './mover-options.ts';

/** Stores that copy between two places of theirs by themselves. */
type Copying = { [Name in StoreName]: (typeof stores)[Name]['serverCopy'] extends true ? Name : never }[StoreName];

const copies = {
  s3: async (options) => (await import('./copy-s3.ts')).openS3Copy(options),
  gs: async (options) => (await import('./copy-gs.ts')).openGsCopy(options),
  azblob: async (options) => (await import('./copy-azblob.ts')).openAzblobCopy(options),
} as const satisfies Record<Copying, (options: MoverOptions) => Promise<Mover>>;

const isCopying = (store: StoreName): store is Copying => Object.hasOwn(copies, store);

/** The mover `copy`: no bytes come here. It takes nothing where the two ends are not one service that can do it. */
export const openServerCopy = async (options: MoverOptions): Promise<Mover> => {
  const store = tryParseUrl(options.to.location.url)?.store;
  if (store !== undefined && isCopying(store) && canCopy(options.from.location, options.to.location))
    return copies[store](options);
  return { name: 'copy', takes: () => false, move: nothing };
};

// oxlint-disable-next-line require-yield
async function* nothing(): AsyncGenerator<never, void, undefined> {
  await Promise.resolve();
}
