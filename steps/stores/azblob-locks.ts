import { Lc2Error } from '../../core/errors.ts';
import type { Lock, ObjectLocks } from '../../core/ports/object-store.ts';
import { attempted, type AzblobContext, call, isMissing, translate, whereIs } from './azblob-context.ts';
import { tryHead } from './azblob-put.ts';
import { throwIfCancelled } from './bodies.ts';
import { createLocks } from './create-locks.ts';
import { objectNotFound } from './stored-body.ts';

/** Immutability policies of blob versions. */
export const azblobLocks = (context: AzblobContext): ObjectLocks =>
  createLocks({
    probe: () => probe(context),
    read: (key) => readLock(context, key),
    write: (key, lock) => writeLock(context, key, lock),
  });

const probe = async (context: AzblobContext): Promise<void> => {
  const found = await call(context, '', (abortSignal) => context.place.container.getProperties({ abortSignal }));
  if (found.isImmutableStorageWithVersioningEnabled === true) return;
  throw new Lc2Error('LOCK_UNAVAILABLE', 'the container does not support version-level immutability', {
    where: context.url,
    remedy: 'make a container with version-level immutability, or remove storage.immutability',
  });
};

const readLock = async (context: AzblobContext, key: string): Promise<Lock | undefined> => {
  const found = await tryHead(context, key);
  const { immutabilityPolicyExpiresOn: until, immutabilityPolicyMode: mode } = found ?? {};
  if (until === undefined || mode === undefined) return undefined;
  return { until: until.toISOString(), mode: /^locked$/i.test(mode) ? 'compliance' : 'governance' };
};

const writeLock = async (context: AzblobContext, key: string, { until, mode }: Lock): Promise<void> => {
  throwIfCancelled(context.signal);
  const blob = context.place.container.getBlobClient(context.prefix + key);
  const policy = { expiriesOn: new Date(until), policyMode: mode === 'compliance' ? 'Locked' : 'Unlocked' } as const;
  try {
    await attempted(context, (abortSignal) => blob.setImmutabilityPolicy(policy, { abortSignal }));
  } catch (error) {
    if (isMissing(error)) throw objectNotFound(whereIs(context, key));
    throw translate(context, key, error);
  }
};
