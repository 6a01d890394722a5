import type { Problem } from './problems.ts';
import type { InventoryLine } from '../../core/manifest/inventory.ts';
import { hasCode } from '../../core/errors.ts';
import { layout } from '../../core/plan/layout.ts';
import type { ObjectInfo, ObjectStore } from '../../core/ports/object-store.ts';
import { openPages } from '../../core/plan/page-cursor.ts';
import { cutsBelow } from '../../core/plan/split-listing.ts';
import { compareUtf8 } from '../../core/utf8.ts';
import { sha256 } from './bytes.ts';
import { pagesOf } from './pages.ts';
import { hasDigest } from './same-bytes.ts';

/** Compares a store's copies in storage with its inventory: one pass over the inventory beside one listing per run. */

export type ObjectsLevel = 'listed' | 'sampled' | 'full';

export interface ObjectsCheck {
  readonly storage: ObjectStore;
  readonly stamp: string;
  readonly store: string;
  readonly lines: AsyncIterable<InventoryLine>;
  /** For copies of this run, and for those that earlier runs made and checked. */
  readonly level: ObjectsLevel;
  readonly inherited: ObjectsLevel;
  /** Copies that nobody can read as they are, are a problem too. */
  readonly mustRead?: boolean;
  readonly onProblem: (problem: Problem) => void;
  /** A file in this run's folder that the inventory does not name. Without it nobody looks for them. */
  readonly onExtra?: (key: string) => void;
  /** Keys of `lines` where listings may be cut. */
  readonly cuts?: () => Iterable<string>;
  /** What all keys of `lines` begin with. */
  readonly prefix?: string;
  readonly onChecked?: (line: InventoryLine) => void;
}

export const checkObjects = async (check: ObjectsCheck): Promise<void> => {
  const { storage, stamp, store, onProblem, onExtra } = check;
  const cursors = new Map<string, Cursor>();
  const cursorOf = (run: string): Cursor => {
    const known = cursors.get(run);
    if (known !== undefined) return known;
    const opened = openCursor(storage, layout.objects(run, store), check);
    cursors.set(run, opened);
    return opened;
  };
  const own = cursorOf(stamp);
  const ownEscaped = new Set<string>();
  const copyOf = (line: InventoryLine, run: string): Soon<ObjectInfo | undefined> => {
    const cursor = cursorOf(run);
    if (line.at === cursor.folder + line.key) return cursor.seek(line.at, run === stamp && onExtra ? onExtra : ignore);
    if (run === stamp) ownEscaped.add(line.at);
    return storage.head(line.at);
  };
  const checkPage = async (lines: readonly InventoryLine[]): Promise<void> => {
    for (const line of lines) {
      const run = line.at.slice(0, line.at.indexOf('/'));
      const found = copyOf(line, run);
      const object = found instanceof Promise ? await found : found;
      const level = run === stamp ? check.level : check.inherited;
      const away = object?.unreadable && check.mustRead ? await whyUnreadable(storage, line) : undefined;
      const checked = away ?? checkOne(storage, line, object, level);
      const problem = checked instanceof Promise ? await checked : checked;
      if (problem) onProblem(problem);
      check.onChecked?.(line);
    }
  };
  try {
    for await (const lines of pagesOf(check.lines)) await checkPage(lines);
    // `~` sorts among the other names: escaped copies were passed over and are matched by name here.
    if (onExtra) await own.rest((key) => (ownEscaped.has(key) ? undefined : onExtra(key)), ownEscaped);
  } finally {
    await Promise.all([...cursors.values()].map((cursor) => cursor.close()));
  }
};

const ignore = (): void => undefined;

/** A promise only where there is something to wait for: most objects are on a page that is there. */
type Soon<T> = T | Promise<T>;

export interface Cursor {
  readonly folder: string;
  /** The object of this key; what lies before it and was not asked for is handed to `skipped`. */
  seek(key: string, skipped: (key: string) => void): Soon<ObjectInfo | undefined>;
  rest(skipped: (key: string) => void, escaped: ReadonlySet<string>): Promise<void>;
  close(): Promise<void>;
}

export const openCursor = (
  storage: ObjectStore,
  folder: string,
  { prefix = '', cuts }: Pick<ObjectsCheck, 'prefix' | 'cuts'>,
): Cursor => {
  const listed = storage.list({ prefix: `${folder}${prefix}`, ...(cuts && { cuts: cutsBelow(folder, cuts()) }) });
  const listing = openPages(pagesOf(listed));
  const passed: string[] = [];
  const isEscaped = (key: string): boolean => key.startsWith('~', folder.length);
  const pass = (key: string, skipped: (key: string) => void): void => {
    if (isEscaped(key)) passed.push(key);
    else skipped(key);
  };
  const seek: Cursor['seek'] = (key, skipped) => {
    for (; listing.isLoaded(); listing.advance()) {
      const object = listing.current();
      const order = object === undefined ? 1 : compareUtf8(object.key, key);
      if (object === undefined || order > 0) return undefined;
      if (order === 0) {
        listing.advance();
        return object;
      }
      pass(object.key, skipped);
    }
    return seekOn(key, skipped);
  };
  const seekOn = async (key: string, skipped: (key: string) => void): Promise<ObjectInfo | undefined> => {
    await listing.load();
    return seek(key, skipped);
  };
  return {
    folder,
    seek,
    rest: async (skipped, escaped) => {
      for (;;) {
        await listing.load();
        const object = listing.current();
        if (object === undefined) break;
        pass(object.key, skipped);
        listing.advance();
      }
      for (const key of passed) if (!escaped.has(key)) skipped(key);
    },
    close: () => listing.close(),
  };
};

const checkOne = (
  storage: ObjectStore,
  line: InventoryLine,
  object: ObjectInfo | undefined,
  level: ObjectsLevel,
): Soon<Problem | undefined> => {
  const problem = (message: string): Problem => ({ code: 'BACKUP_DAMAGED', key: line.at, message });
  if (!object) return problem(`object ${line.key} is missing`);
  if (object.size !== line.size) return problem(`object ${line.key} has ${object.size} bytes instead of ${line.size}`);
  const listed = compareChecksums(line, object);
  if (listed !== 'differs') return checkListed({ storage, line, level, problem }, listed);
  return isForeign(storage, line, object).then((foreign) =>
    foreign
      ? checkListed({ storage, line, level, problem }, 'unknown')
      : problem(`object ${line.key} has another checksum`),
  );
};

const whyUnreadable = async (storage: ObjectStore, line: InventoryLine): Promise<Problem | undefined> => {
  if ((await storage.head(line.at))?.unreadable === undefined) return undefined;
  return { code: 'OBJECT_UNREADABLE', key: line.at, message: `the copy of ${line.key} cannot be read: it is archived` };
};

interface ListedCheck {
  readonly storage: ObjectStore;
  readonly line: InventoryLine;
  readonly level: ObjectsLevel;
  readonly problem: (message: string) => Problem;
}

const checkListed = (
  { storage, line, level, problem }: ListedCheck,
  listed: 'same' | 'unknown',
): Soon<Problem | undefined> => {
  const wanted =
    level === 'full' || (level === 'sampled' && isSampled(line.key)) || (listed === 'unknown' && level !== 'listed');
  return wanted ? checkBytes(storage, line, problem) : undefined;
};

/** What the storage said of a copy means nothing in another place, unless both say md5: a checksum of parts depends on the parts. */
export const isForeign = async (storage: ObjectStore, line: InventoryLine, object: ObjectInfo): Promise<boolean> => {
  const said = [line.checksum, line.stored].some((checksum) => checksum?.algorithm === 'md5');
  if (said && object.checksum?.algorithm === 'md5') return false;
  return (await storage.head(layout.copied(line.at.slice(0, line.at.indexOf('/'))))) !== undefined;
};

/** md5 of both sides says that the contents are the same; otherwise the storage's own word of then and now. */
export const compareChecksums = (line: InventoryLine, object: ObjectInfo): 'same' | 'differs' | 'unknown' => {
  const { checksum } = object;
  const wanted = line.checksum?.algorithm === 'md5' && checksum?.algorithm === 'md5' ? line.checksum : line.stored;
  if (!checksum || !wanted) return 'unknown';
  // An object that was uploaded anew has a checksum of another kind, and so another value.
  if (wanted.value !== checksum.value) return 'differs';
  return wanted.algorithm === checksum.algorithm ? 'same' : 'unknown';
};

/** One in sixteen, the same ones each time. */
const isSampled = (key: string): boolean => sha256(key).startsWith('0');

const checkBytes = async (
  storage: ObjectStore,
  line: InventoryLine,
  problem: (message: string) => Problem,
): Promise<Problem | undefined> => {
  const md5 = [line.checksum, line.stored].find((checksum) => checksum?.algorithm === 'md5')?.value;
  if (line.digest === undefined && md5 === undefined) return undefined;
  try {
    // What the store copied by itself has no sha256 of ours; the md5 that it reported is as good against accidents.
    const wanted = line.digest === undefined ? ({ md5: md5 ?? '' } as const) : ({ sha256: line.digest } as const);
    if (await hasDigest(storage, line.at, wanted)) return undefined;
    return problem(`object ${line.key} has other bytes`);
  } catch (error) {
    if (hasCode(error, 'OBJECT_NOT_FOUND', 'OBJECT_CHANGED')) return problem(`object ${line.key} is missing`);
    throw error;
  }
};
