import { type ErrorCode, Lc2Error } from '../../core/errors.ts';

/** Code of a failed system call, such as ENOENT. */
export const errnoOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

const meanings: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ENOSPC: ['STORE_FULL', 'the file system is full'],
  EDQUOT: ['STORE_FULL', 'the quota of the file system is used up'],
  EFBIG: ['STORE_FULL', 'the file system takes no file of this size'],
  EACCES: ['STORE_DENIED', 'the folder or file may not be read or written'],
  EPERM: ['STORE_DENIED', 'the file system does not permit this'],
  EROFS: ['STORE_DENIED', 'the file system is read-only'],
  ENAMETOOLONG: ['KEY_UNSUPPORTED', 'the name is too long for the file system'],
  EILSEQ: ['KEY_UNSUPPORTED', 'the file system cannot hold this name'],
  ENOTDIR: ['STORE_NOT_FOUND', 'a file is where the folder should be'],
};

/** What the system said, as an error of the catalogue; errors that are already of it pass. */
export const fileError = (error: unknown, where: string): Lc2Error => {
  if (error instanceof Lc2Error) return error;
  const errno = errnoOf(error);
  if (errno === undefined || !/^E[A-Z0-9]+$/.test(errno))
    return new Lc2Error('BUG', String(error), { where, cause: error });
  const [code, what] = meanings[errno] ?? (['STORE_FAILED', 'the file system failed'] as const);
  return new Lc2Error(code, `${what}: ${errno}`, { where, cause: error });
};

export const linkError = (what: string, where: string): Lc2Error =>
  new Lc2Error('KEY_UNSUPPORTED', `the folder holds ${what}, which is never followed or copied`, {
    where,
    remedy: 'replace it by a file or leave it out by prefix',
  });
