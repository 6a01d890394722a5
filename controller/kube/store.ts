/** What is kept of an object: never the object itself. */
export interface Identified {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

export const keyOf = ({ namespace, name }: { readonly namespace: string; readonly name: string }): string =>
  `${namespace}/${name}`;

/** Versions are decimal numbers of any length; anything else counts as newer, for the server is right. */
export const isOlder = (version: string, than: string): boolean => {
  if (!/^\d+$/.test(version) || !/^\d+$/.test(than)) return false;
  return version.length === than.length ? version < than : version.length < than.length;
};

export interface Store<T extends Identified> {
  readonly get: (key: string) => T | undefined;
  readonly values: () => Iterable<T>;
  /** Ignores what is not newer than what is known. */
  readonly upsert: (item: T) => void;
  readonly remove: (item: Identified) => void;
  /** Takes the whole truth, page by page. */
  readonly relist: () => Relisting<T>;
}

export interface Relisting<T> {
  readonly page: (items: readonly T[]) => void;
  /** What was on no page is gone; the pages were the truth as of `resourceVersion`. */
  readonly end: (resourceVersion: string) => void;
}

export type Change<T> = (key: string, now: T | undefined, before: T | undefined) => void;

const tombstoneLimit = 2000;

/** The newest known version of every object. Late and doubled news change nothing; a deleted object does not come back. */
export const createStore = <T extends Identified>(onChange: Change<T>): Store<T> => {
  const items = new Map<string, T>();
  const tombstones = new Map<string, string>();

  const upsert = (item: T): void => {
    const key = keyOf(item);
    const before = items.get(key);
    const known = before?.resourceVersion ?? tombstones.get(key);
    if (known !== undefined && (known === item.resourceVersion || isOlder(item.resourceVersion, known))) return;
    tombstones.delete(key);
    items.set(key, item);
    onChange(key, item, before);
  };

  const remove = (item: Identified): void => {
    const key = keyOf(item);
    const before = items.get(key);
    const known = before?.resourceVersion ?? tombstones.get(key);
    if (known !== undefined && isOlder(item.resourceVersion, known)) return;
    const oldest = tombstones.keys().next();
    if (tombstones.size >= tombstoneLimit && !oldest.done) tombstones.delete(oldest.value);
    tombstones.set(key, item.resourceVersion);
    if (before === undefined) return;
    items.delete(key);
    onChange(key, undefined, before);
  };

  const relist = (): Relisting<T> => {
    const listed = new Set<string>();
    return {
      page: (list) => {
        for (const item of list) {
          listed.add(keyOf(item));
          upsert(item);
        }
      },
      end: (resourceVersion) => {
        for (const [key, item] of items) {
          // What we wrote after the list was made is not in it.
          if (listed.has(key) || isOlder(resourceVersion, item.resourceVersion)) continue;
          items.delete(key);
          onChange(key, undefined, item);
        }
        for (const [key, version] of tombstones) if (!isOlder(resourceVersion, version)) tombstones.delete(key);
      },
    };
  };

  return { get: (key) => items.get(key), values: () => items.values(), upsert, remove, relist };
};
