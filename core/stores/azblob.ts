/** azblob://account/container/prefix: Azure Blob Storage. The account stands in the url, so that an identity needs no Secret. */
export const azblob = {
  name: 'azblob',
  scheme: 'azblob',
  title: 'an Azure Blob Storage container',
  form: 'azblob://account/container/prefix',
  /** `<bucket>` is `account/container`. */
  pattern: /^azblob:\/\/([a-z0-9]{3,24}\/[a-z0-9][-a-z0-9]{1,61}[a-z0-9])(?:\/([^{}\x00-\x20\x7f]*))?$/,
  onCluster: true,
  contentChecksums: true,
  metadata: true,
  /** There is nothing to end: blocks that nobody committed are no object, are never listed, and expire. */
  ownUploads: true,
  serverCopy: true,
  locks: true,
  /** It keeps versions, but does not tell when the last one was deleted. */
  versions: false,
  secretKeys: { sets: [['connectionString'], ['accountName', 'accountKey']], optional: [] },
} as const;
