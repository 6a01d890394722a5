/** s3://bucket/prefix: Amazon S3 and everything that speaks its protocol. */
export const s3 = {
  name: 's3',
  scheme: 's3',
  title: 'an S3 bucket',
  pattern: /^s3:\/\/([a-z0-9][a-z0-9._-]{1,62})(?:\/([^{}\x00-\x1f\x7f]*))?$/,
  onCluster: true,
  contentChecksums: true,
  metadata: true,
  /** Uploads of applications look like ours. */
  ownUploads: false,
  serverCopy: true,
  secretKeys: { required: ['accessKeyId', 'secretAccessKey'], optional: ['sessionToken', 'ca.crt'] },
} as const;
