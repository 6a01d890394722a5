import { Lc2Error } from '../../core/errors.ts';
import type { Lock, ObjectLocks } from '../../core/ports/object-store.ts';
import { throwIfCancelled } from './bodies.ts';
import { createLocks } from './create-locks.ts';
import { call, type S3Context, translate, whereIs } from './s3-context.ts';
import { failureOf } from './s3-errors.ts';
import { objectNotFound } from './stored-body.ts';

/** S3 Object Lock: the retention of the version that is current. */
export const s3Locks = (context: S3Context): ObjectLocks =>
  createLocks({
    probe: () => probe(context),
    read: (key) => readLock(context, key),
    write: (key, lock) => writeLock(context, key, lock),
  });

const unavailable = ({ url }: S3Context, what: string): Lc2Error =>
  new Lc2Error('LOCK_UNAVAILABLE', what, {
    where: url,
    remedy: 'make a bucket with Object Lock and versions, and move the storage there, or remove storage.immutability',
  });

/** Words of servers that do not know the question, and of those that answer no. */
const isNone = ({ name, status }: ReturnType<typeof failureOf>): boolean =>
  status === 501 ||
  /^(ObjectLockConfigurationNotFoundError|NoSuchObjectLockConfiguration|NotImplemented|InvalidRequest)$/.test(name);

const probe = async (context: S3Context): Promise<void> => {
  const { sdk } = context.calls;
  const asked = { Bucket: context.bucket };
  const options = { abortSignal: context.signal };
  const isLocking = await unlessNone(context, async () => {
    const { client, GetObjectLockConfigurationCommand } = await sdk();
    const found = await client.send(new GetObjectLockConfigurationCommand(asked), options);
    return found.ObjectLockConfiguration?.ObjectLockEnabled === 'Enabled';
  });
  if (isLocking !== true) throw unavailable(context, 'the bucket was made without Object Lock');
  const keepsVersions = await unlessNone(context, async () => {
    const { client, GetBucketVersioningCommand } = await sdk();
    return (await client.send(new GetBucketVersioningCommand(asked), options)).Status === 'Enabled';
  });
  // Then a lock may be refused, or hold for nothing that is written over.
  if (keepsVersions !== true) throw unavailable(context, 'the bucket keeps no versions');
};

const unlessNone = async <T>(context: S3Context, send: () => Promise<T>): Promise<T | undefined> => {
  throwIfCancelled(context.signal);
  try {
    return await send();
  } catch (error) {
    if (isNone(failureOf(error))) return undefined;
    throw translate(context, '', error);
  }
};

const placeOf = (context: S3Context, key: string) => ({ Bucket: context.bucket, Key: context.prefix + key });

/** What a delete marker hides is not there either. */
const isGone = ({ name, status }: ReturnType<typeof failureOf>): boolean =>
  name !== 'NoSuchBucket' && (status === 404 || status === 405);

const readLock = async (context: S3Context, key: string): Promise<Lock | undefined> => {
  throwIfCancelled(context.signal);
  try {
    const { client, GetObjectRetentionCommand } = await context.calls.sdk();
    const command = new GetObjectRetentionCommand(placeOf(context, key));
    const { Retention: found } = await client.send(command, { abortSignal: context.signal });
    if (found?.Mode === undefined || found.RetainUntilDate === undefined) return undefined;
    const mode = found.Mode === 'COMPLIANCE' ? 'compliance' : 'governance';
    return { until: found.RetainUntilDate.toISOString(), mode };
  } catch (error) {
    const failure = failureOf(error);
    if (isNone(failure) || isGone(failure)) return undefined;
    throw translate(context, key, error);
  }
};

const writeLock = async (context: S3Context, key: string, { until, mode }: Lock): Promise<void> => {
  const retention = {
    Mode: mode === 'compliance' ? 'COMPLIANCE' : 'GOVERNANCE',
    RetainUntilDate: new Date(until),
  } as const;
  await call(context, key, async () => {
    const { client, PutObjectRetentionCommand } = await context.calls.sdk();
    const command = new PutObjectRetentionCommand({ ...placeOf(context, key), Retention: retention });
    try {
      await client.send(command, { abortSignal: context.signal });
    } catch (error) {
      if (isGone(failureOf(error))) throw objectNotFound(whereIs(context, key));
      throw error;
    }
  });
};
