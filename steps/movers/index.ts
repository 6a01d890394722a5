import type { MoverName } from '../../core/api/backup-environment.ts';
import type { Mover } from '../../core/ports/mover.ts';
import { moveAll } from './move-all.ts';
import type { MoverOptions } from './mover-options.ts';

/** The only list of movers. */
const adapters = {
  copy: async (options) => (await import('./server-copy.ts')).openServerCopy(options),
  rclone: async (options) => (await import('./rclone.ts')).openRcloneMover(options),
  'storage-transfer': async (options) => (await import('./storage-transfer.ts')).openTransferMover(options),
  stream: async (options) => (await import('./stream.ts')).openStreamMover(options),
} as const satisfies Record<MoverName, (options: MoverOptions) => Promise<Mover>>;

/** The mover of this name; what it does not take goes by `stream`. */
export const openMover = async (name: MoverName, options: MoverOptions): Promise<Mover> => {
  const preferred = await adapters[name](options);
  return name === 'stream' ? preferred : moveAll(preferred, await adapters.stream(options));
};
