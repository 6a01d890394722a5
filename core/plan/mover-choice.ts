import type { MoverName, ObjectStoreSpec } from '../api/backup-environment.ts';
import type { Location } from '../api/location.ts';
import { stores, tryParseUrl } from '../stores/index.ts';

/**
 * Which mover takes the objects from one location to another, one by one. docs/adr says why these defaults.
 * `storage-transfer` is for what a backup copies at once; the rest, and restores, go as without it.
 */
export const chooseMover = (
  wish: 'auto' | MoverName,
  from: Pick<Location, 'url' | 'endpoint' | 'region'>,
  to: Pick<Location, 'url' | 'endpoint' | 'region'>,
): MoverName => {
  if (wish !== 'auto' && wish !== 'storage-transfer') return wish;
  return canCopy(from, to) ? 'copy' : 'stream';
};

/** Whether a service may be asked to copy what a backup needs of a store, if that is much. */
export const mayTransfer = (store: ObjectStoreSpec, storage: Pick<Location, 'url' | 'endpoint' | 'region'>): boolean =>
  store.storageTransfer !== undefined && canCopy(store, storage);

/** Both ends are one service that copies between its places by itself. */
export const canCopy = (
  from: Pick<Location, 'url' | 'endpoint' | 'region'>,
  to: Pick<Location, 'url' | 'endpoint' | 'region'>,
): boolean => {
  const a = tryParseUrl(from.url);
  const b = tryParseUrl(to.url);
  return (
    a !== undefined &&
    b !== undefined &&
    a.store === b.store &&
    stores[a.store].serverCopy &&
    (from.endpoint ?? '') === (to.endpoint ?? '') &&
    (from.region === to.region || (from.endpoint === undefined && partitionOf(from.region) === partitionOf(to.region)))
  );
};

/** Amazon copies between its regions, but not between its partitions, which share no identities either. */
const partitionOf = (region: string): string =>
  /^(cn|us-gov|us-iso[a-z]*|eu-isoe|eusc)-/.exec(region)?.[1] ?? 'commercial';
