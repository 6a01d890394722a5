import { Lc2Error } from '../../core/errors.ts';
import type { Lock, ObjectLocks } from '../../core/ports/object-store.ts';
import { throwIfCancelled } from './bodies.ts';
import { createLocks } from './create-locks.ts';
import { partOf } from './gs-calls.ts';
import { call, type GsContext, isRefused, missing, objectPath, translate } from './gs-context.ts';

/** Object Retention Lock of Google Cloud Storage, in the words of the JSON API. */
export const gsLocks = (context: GsContext): ObjectLocks =>
  createLocks({
    probe: () => probe(context),
    read: (key) => readLock(context, key),
    write: (key, lock, standing) => writeLock(context, key, { lock, standing }),
  });

const modes = { governance: 'Unlocked', compliance: 'Locked' } as const;

const probe = async (context: GsContext): Promise<void> => {
  const path = `/storage/v1/b/${encodeURIComponent(context.bucket)}`;
  const bucket = await call(context, '', () =>
    context.calls.json({ method: 'GET', path, query: { fields: 'name,objectRetention' } }, context.signal),
  );
  if (partOf(partOf(bucket, 'objectRetention'), 'mode') === 'Enabled') return;
  throw new Lc2Error('LOCK_UNAVAILABLE', 'object retention is not enabled on the bucket', {
    where: context.url,
    remedy: 'enable object retention on the bucket, or remove storage.immutability',
  });
};

const readLock = async (context: GsContext, key: string): Promise<Lock | undefined> => {
  throwIfCancelled(context.signal);
  try {
    const path = objectPath(context.bucket, context.prefix + key);
    const found = await context.calls.json(
      { method: 'GET', path, query: { fields: 'name,retention' } },
      context.signal,
    );
    const retention = partOf(found, 'retention');
    const [mode, time] = [partOf(retention, 'mode'), new Date(String(partOf(retention, 'retainUntilTime')))];
    if (mode === undefined || Number.isNaN(time.getTime())) return undefined;
    return { until: time.toISOString(), mode: mode === modes.compliance ? 'compliance' : 'governance' };
  } catch (error) {
    if (isRefused(error, 404)) return undefined;
    throw translate(context, key, error);
  }
};

const writeLock = async (
  context: GsContext,
  key: string,
  { lock, standing }: { readonly lock: Lock; readonly standing: Lock | undefined },
): Promise<void> => {
  throwIfCancelled(context.signal);
  const { mode, until } = lock;
  // Google asks to be told so, and for a permission of its own, where the mode changes.
  const isOther = standing !== undefined && standing.mode !== mode;
  try {
    await context.calls.ask(
      {
        method: 'PATCH',
        path: objectPath(context.bucket, context.prefix + key),
        query: { fields: 'retention', ...(isOther && { overrideUnlockedRetention: 'true' }) },
        headers: { 'content-type': 'application/json' },
        body: Buffer.from(JSON.stringify({ retention: { mode: modes[mode], retainUntilTime: until } })),
      },
      context.signal,
    );
  } catch (error) {
    if (isRefused(error, 404)) throw await missing(context, key);
    throw translate(context, key, error);
  }
};
