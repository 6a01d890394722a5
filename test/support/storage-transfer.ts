// Buckets and the service that copies between them, for tests.
import { type TransferFake, startTransferFake } from '../fakes/storage-transfer/server.ts';
import type { Spec } from './lab.ts';
import { type Place, startGs } from './places.ts';

export const transferProject = 'retail-prd';

export interface TransferLab {
  readonly fake: TransferFake;
  readonly buckets: Place;
  /** An object store whose backups are copied by the service, from one object on. */
  store(bucket: string, more?: Spec): Spec;
  stop(): Promise<void>;
}

export const startTransferLab = async (port = 0): Promise<TransferLab> => {
  const buckets = await startGs();
  if (!buckets.front) throw new Error('the buckets have no front');
  const fake = await startTransferFake({ project: transferProject, buckets: buckets.front.endpoint, port });
  return {
    fake,
    buckets,
    store: (bucket, more = {}) => ({
      ...buckets.location(bucket),
      storageTransfer: { project: transferProject, minimumObjects: 1, endpoint: fake.endpoint, ...more },
    }),
    stop: async () => {
      await fake.stop();
      await buckets.stop();
    },
  };
};
