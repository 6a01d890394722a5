/** Backup ids and the places of a backup's files. All keys are relative to `<projectId>/<environment>/` of the storage. */

/** `YYYYMMDD-HHMMSS` in UTC. */
export const stampOf = (time: Date): string => {
  const [day = '', clock = ''] = time.toISOString().split('T');
  return `${day.replaceAll('-', '')}-${clock.slice(0, 8).replaceAll(':', '')}`;
};

export const isStamp = (text: string): boolean => /^\d{8}-\d{6}$/.test(text);

export interface BackupName {
  readonly projectId: string;
  readonly environment: string;
  readonly stamp: string;
}

export const backupIdOf = ({ projectId, environment, stamp }: BackupName): string =>
  `${projectId}-${environment}-backup-${stamp}`;

/** The stamp of an id of this environment, or undefined when the id belongs to another. */
export const tryStampOfId = (
  id: string,
  environment: { readonly projectId: string; readonly name: string },
): string | undefined => {
  const start = `${environment.projectId}-${environment.name}-backup-`;
  const stamp = id.slice(start.length);
  return id.startsWith(start) && isStamp(stamp) ? stamp : undefined;
};

/** ISO time of a stamp, to the second. */
export const timeOfStamp = (stamp: string): string =>
  `${stamp.slice(0, 4)}-${stamp.slice(4, 6)}-${stamp.slice(6, 8)}T${stamp.slice(9, 11)}:${stamp.slice(11, 13)}:${stamp.slice(13, 15)}Z`;
