/** file:///absolute/folder: a folder of this machine. Local runner only. */
export const file = {
  name: 'file',
  scheme: 'file',
  title: 'a folder',
  form: 'file:///folder',
  /** `<bucket>` is empty and `<prefix>` the absolute path. */
  pattern: /^file:\/\/()(\/[^{}\x00-\x20\x7f]*)$/,
  onCluster: false,
  /** The store itself reports a checksum of the content when it lists. */
  contentChecksums: false,
  /** Content type and user metadata are kept. */
  metadata: false,
  /** Unfinished writes are told apart from those of others. */
  ownUploads: true,
  /** Copies between two places of it without moving bytes through us. */
  serverCopy: false,
  /** Keeps objects from being deleted by their own writer. */
  locks: false,
  versions: false,
  secretKeys: { sets: [], optional: [] },
} as const;
