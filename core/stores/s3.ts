/** s3://bucket/prefix: Amazon S3 and everything that speaks its protocol. */
export const s3 = {
  name: 's3',
  scheme: 's3',
  title: 'an S3 bucket',
  form: 's3://bucket/prefix',
  pattern: /^s3:\/\/([a-z0-9][-a-z0-9._]{1,62})(?:\/([^{}\x00-\x20\x7f]*))?$/,
  onCluster: true,
  contentChecksums: true,
  metadata: true,
  /** Uploads of applications look like ours. */
  ownUploads: false,
  serverCopy: true,
  locks: true,
  versions: true,
  secretKeys: { sets: [['accessKeyId', 'secretAccessKey']], optional: ['sessionToken', 'ca.crt'] },
} as const;
