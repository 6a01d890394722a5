/**
 * Classes whose objects can be read at once: a copy is given the one of its source. The usual one is what a copy gets
 * anyway; an archived object is not copied at all, and a copy that nobody can read at once would be no backup.
 */
const kept = ['STANDARD_IA', 'ONEZONE_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR', 'REDUCED_REDUNDANCY'] as const;
const archives = ['GLACIER', 'DEEP_ARCHIVE'] as const;

export const classOf = (name: string | undefined): (typeof kept)[number] | undefined =>
  kept.find((one) => one === name);

/** Of a listing: the classes that mean something to us. */
export const listedClassOf = (name: string | undefined): ReturnType<typeof classOf> | (typeof archives)[number] =>
  classOf(name) ?? archives.find((one) => one === name);

const isArchive = (name: string | undefined): boolean => archives.some((one) => one === name);

interface Shelf {
  readonly StorageClass?: string | undefined;
  /** Of an object that was asked for, and may have been taken out for some days. Listings do not say it. */
  readonly Restore?: string | undefined;
  /** Of intelligent tiering. */
  readonly ArchiveStatus?: string | undefined;
}

export const isArchived = ({ StorageClass, Restore, ArchiveStatus }: Shelf): boolean =>
  (isArchive(StorageClass) || ArchiveStatus !== undefined) && Restore?.includes('ongoing-request="false"') !== true;
