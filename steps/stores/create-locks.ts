import { isAtLeast, strongest } from '../../core/plan/lock.ts';
import type { Lock, ObjectLocks } from '../../core/ports/object-store.ts';

export interface LockCalls extends Pick<ObjectLocks, 'probe' | 'read'> {
  /** Sets the lock, whatever stood before. */
  write(key: string, lock: Lock, standing: Lock | undefined): Promise<void>;
}

/** Not every store refuses to shorten a lock: what stands is looked at first, everywhere. */
export const createLocks = (calls: LockCalls): ObjectLocks => ({
  probe: () => calls.probe(),
  read: (key) => calls.read(key),
  extend: async (key, wanted) => {
    const standing = await calls.read(key);
    if (!isAtLeast(standing, wanted)) await calls.write(key, strongest(standing, wanted), standing);
  },
});
