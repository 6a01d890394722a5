import { z } from 'zod';
import { databaseModes, objectsModes } from '../api/restore-request.ts';
import { cutUtf8, utf8Length } from '../utf8.ts';

/** What a restore will do, fixed at preview: later steps read this and decide nothing anew. */
export const restorePlan = z.object({
  restoreId: z.string(),
  /** `<request>-<digest>`: the name under which storage remembers that this restore has happened. */
  record: z.string(),
  backupId: z.string(),
  stamp: z.string(),
  manifestDigest: z.string(),
  into: z.string(),
  components: z.array(z.string()),
  databases: z.array(z.object({ database: z.string(), as: z.string() })),
  stores: z.array(z.string()),
  prefixes: z.array(z.string()),
  databaseMode: z.enum(databaseModes),
  /** In mode new-server, its name. */
  newServer: z.string().optional(),
  objectsMode: z.enum(objectsModes),
  sameEnvironment: z.boolean(),
  keepUntil: z.string(),
});
export type RestorePlan = z.output<typeof restorePlan>;

/** `<database>_<word>_<restoreId>` in at most `limit` bytes; what is cut off is replaced by a digest, so two never meet. */
export const derivedName = (
  parts: { readonly database: string; readonly word: 'restore' | 'before'; readonly restoreId: string },
  limit: number,
  sha256: (text: string) => string,
): string => {
  const tail = `_${parts.word}_${parts.restoreId}`;
  const whole = `${parts.database}${tail}`;
  if (utf8Length(whole) <= limit) return whole;
  const mark = `~${sha256(parts.database).slice(0, 8)}`;
  return `${cutUtf8(parts.database, limit - utf8Length(mark) - utf8Length(tail))}${mark}${tail}`;
};
