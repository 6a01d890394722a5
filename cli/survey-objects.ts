import { ensureLc2Error, hasCode } from '../core/errors.ts';
import type { ObjectStoreSpec } from '../core/api/backup-environment.ts';
import type { Problem } from '../core/ports/database.ts';
import type { ObjectInfo, ObjectStore } from '../core/ports/object-store.ts';
import { backupItems, type Selection } from '../steps/runtime/backup-items.ts';

export interface Survey {
  readonly name: ObjectStoreSpec['name'];
  /** Without those that are excluded. */
  readonly objects: number;
  readonly bytes: number;
  /** What the next backup copies. */
  readonly toCopy: { readonly objects: number; readonly bytes: number };
}

/** Not every listing says what cannot be read: so many objects are asked for themselves. */
const mostAsked = 128;

/** What a backup meets in a store, by one listing of it: no bytes are read. */
export const surveyObjects = async (
  selection: Selection,
): Promise<{ readonly survey: Survey; readonly problems: readonly Problem[] }> => {
  const all = { objects: 0, bytes: 0 };
  const toCopy = { objects: 0, bytes: 0 };
  const unreadable = createFindings();
  const sample = createSample<ObjectInfo>(mostAsked);
  for await (const page of backupItems(selection)) {
    for (const item of page) {
      count(all, 'line' in item ? item.line : item.object);
      if ('line' in item) continue;
      count(toCopy, item.object);
      if (item.object.unreadable) unreadable.add(item.object.key, item.object.unreadable);
      else sample.add(item.object);
    }
  }
  const refused = createFindings();
  await Promise.all(sample.kept().map(async ({ key }) => refused.add(key, await whyRefused(selection.source, key))));
  const problems = [
    ...unreadable.list(
      (found, key) =>
        `${found} of the objects to copy cannot be read: archived, or with a key of their own; the first is ${JSON.stringify(key)}`,
    ),
    ...refused.list(
      (found, key, why) =>
        `${found} of ${sample.kept().length} objects that were asked for cannot be read; one is ${JSON.stringify(key)}: ${why}`,
    ),
  ];
  return { survey: { name: selection.store.name, ...all, toCopy }, problems };
};

const count = (sum: { objects: number; bytes: number }, { size }: { readonly size: number }): void => {
  sum.objects++;
  sum.bytes += size;
};

const whyRefused = async (source: ObjectStore, key: string): Promise<string | undefined> => {
  try {
    return (await source.head(key))?.unreadable;
  } catch (error) {
    if (hasCode(error, 'OBJECT_UNREADABLE', 'STORE_DENIED')) return ensureLc2Error(error).what;
    throw error;
  }
};

const createFindings = () => {
  let found = 0;
  let first: { readonly key: string; readonly why: string } | undefined;
  return {
    add: (key: string, why: string | undefined): void => {
      if (why === undefined) return;
      found++;
      first ??= { key, why };
    },
    list: (say: (found: number, key: string, why: string) => string): Problem[] =>
      first ? [{ code: 'OBJECT_UNREADABLE', severity: 'error', message: say(found, first.key, first.why) }] : [],
  };
};

/** At most so many, evenly spaced, of a sequence whose end nobody knows. */
const createSample = <T>(most: number) => {
  let kept: T[] = [];
  let stride = 1;
  let seen = 0;
  return {
    add: (item: T): void => {
      if (seen++ % stride !== 0) return;
      kept.push(item);
      if (kept.length <= most) return;
      kept = kept.filter((_, index) => index % 2 === 0);
      stride *= 2;
    },
    kept: (): readonly T[] => kept,
  };
};
