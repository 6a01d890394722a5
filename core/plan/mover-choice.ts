import type { MoverName } from '../api/backup-environment.ts';
import type { Location } from '../api/location.ts';
import { stores, tryParseUrl } from '../stores/index.ts';

/** Which mover takes the objects from one location to another. docs/adr says why these defaults. */
export const chooseMover = (
  wish: 'auto' | MoverName,
  from: Pick<Location, 'url' | 'endpoint' | 'region'>,
  to: Pick<Location, 'url' | 'endpoint' | 'region'>,
): MoverName => {
  if (wish !== 'auto') return wish;
  return canCopy(from, to) ? 'copy' : 'stream';
};

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
    from.region === to.region
  );
};
