/** gs://bucket/prefix: Google Cloud Storage, by its JSON API. */
export const gs = {
  name: 'gs',
  scheme: 'gs',
  title: 'a Google Cloud Storage bucket',
  form: 'gs://bucket/prefix',
  pattern: /^gs:\/\/([a-z0-9][-a-z0-9._]{1,220}[a-z0-9])(?:\/([^{}\x00-\x20\x7f]*))?$/,
  onCluster: true,
  contentChecksums: true,
  metadata: true,
  /** There is nothing to end: an upload that nobody finished is no object, is never listed, and expires. */
  ownUploads: true,
  serverCopy: true,
  locks: true,
  versions: true,
  secretKeys: { sets: [['credentials.json']], optional: [] },
} as const;
