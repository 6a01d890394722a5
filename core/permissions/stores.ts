/**
 * The least that an identity needs at an object store, by what a run does there. The page docs/reference/permissions.md is made
 * of it; test/component/store-permissions.test.ts gives these and no others, and needs each.
 */
export type Work = 'backup' | 'restore' | 'verify' | 'delete';

export interface StorePermissions {
  readonly library: Readonly<Record<Extract<Work, 'backup' | 'restore'>, readonly string[]>>;
  readonly storage: Readonly<Record<Work, readonly string[]>>;
  /** Beside those, on a storage with `immutability`. */
  readonly locks: Readonly<Record<Exclude<Work, 'restore'>, readonly string[]>>;
  /** Beside those of a backup, on a library with `versions: atPoint`; undefined: it cannot have them. */
  readonly versions: readonly string[] | undefined;
}

const s3Read = ['s3:ListBucket', 's3:GetObject'] as const;
const s3Write = ['s3:PutObject', 's3:PutObjectTagging', 's3:AbortMultipartUpload'] as const;
const gsRead = ['storage.objects.list', 'storage.objects.get'] as const;
const containers = 'Microsoft.Storage/storageAccounts/blobServices/containers';
const blobs = `${containers}/blobs`;

export const storePermissions: Readonly<Record<'s3' | 'gs' | 'azblob', StorePermissions>> = {
  s3: {
    library: { backup: [...s3Read, 's3:GetObjectTagging'], restore: [...s3Read, ...s3Write, 's3:DeleteObject'] },
    storage: {
      backup: [...s3Read, ...s3Write, 's3:ListBucketMultipartUploads'],
      restore: [...s3Read, 's3:GetObjectTagging', 's3:PutObject'],
      verify: s3Read,
      delete: [...s3Read, 's3:DeleteObject'],
    },
    locks: {
      backup: [
        's3:GetBucketObjectLockConfiguration',
        's3:GetBucketVersioning',
        's3:GetObjectRetention',
        's3:PutObjectRetention',
      ],
      verify: ['s3:GetObjectRetention'],
      delete: ['s3:GetObjectRetention'],
    },
    versions: ['s3:GetBucketVersioning', 's3:ListBucketVersions', 's3:GetObjectVersion'],
  },
  gs: {
    library: { backup: gsRead, restore: ['storage.objects.list', 'storage.objects.create', 'storage.objects.delete'] },
    storage: {
      backup: [...gsRead, 'storage.objects.create'],
      restore: [...gsRead, 'storage.objects.create'],
      verify: gsRead,
      delete: [...gsRead, 'storage.objects.delete'],
    },
    locks: {
      backup: ['storage.buckets.get', 'storage.objects.update', 'storage.objects.setRetention'],
      verify: [],
      delete: [],
    },
    versions: ['storage.buckets.get'],
  },
  azblob: {
    library: { backup: [`${blobs}/read`], restore: [`${blobs}/read`, `${blobs}/write`, `${blobs}/delete`] },
    storage: {
      backup: [`${blobs}/read`, `${blobs}/write`],
      restore: [`${blobs}/read`, `${blobs}/write`],
      verify: [`${blobs}/read`],
      delete: [`${blobs}/read`, `${blobs}/delete`],
    },
    locks: {
      backup: [`${containers}/read`, `${blobs}/immutableStorage/runAsSuperUser/action`],
      verify: [],
      delete: [],
    },
    versions: undefined,
  },
};
