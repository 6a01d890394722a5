import { backupIdOf, isStamp, stampOf } from '../plan/backup-id.ts';
import { layout } from '../plan/layout.ts';
import { compareUtf8 } from '../utf8.ts';
import { isStorageKey } from './inventory.ts';
import type { DumpFormat, InventoryPart, Manifest, ObjectStoreEntry } from './manifest.ts';

/**
 * What a manifest says twice must agree, and what it points to must be a file of its own folder. A digest tells that
 * nothing changed since it was computed; this tells that the whole was never put together wrongly.
 */
export const contradictionIn = (manifest: Manifest): string | undefined => {
  const { projectId, environment, timestamp } = manifest;
  const stamp = stampOf(new Date(timestamp));
  if (manifest.backupId !== backupIdOf({ projectId, environment, stamp })) return 'its id is not that of its time';
  return inComponents(manifest) ?? inDatabase(manifest, stamp) ?? inStores(manifest, stamp) ?? inFiles(manifest, stamp);
};

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

const isSet = (names: readonly string[]): boolean => new Set(names).size === names.length;

const inComponents = ({ components, database, objectStores, verification }: Manifest): string | undefined => {
  const held = [...(database ? ['database'] : []), ...objectStores.map(({ name }) => name)];
  if (!isSet(held) || !isSet(components)) return 'a component is in it twice';
  if (held.length !== components.length || held.some((name) => !components.includes(name)))
    return 'its components are not those that it holds';
  return (verification.database === 'read') === (database !== undefined) ? undefined : 'its database was not verified';
};

const inDatabase = ({ database, sizes }: Manifest, stamp: string): string | undefined => {
  const dumps = database?.dumps ?? [];
  if (sizes.database !== sum(dumps.map(({ size }) => size))) return 'its size is not that of its dumps';
  if (!isSet(dumps.map((dump) => dump.database))) return 'a database is in it twice';
  for (const dump of dumps)
    if (dump.key !== placeOf(dump.format)(stamp, dump.database, attemptIn(dump.key)))
      return `the dump of ${dump.database} is not in its place`;
  const globals = database?.globals?.key;
  return globals === undefined || globals === layout.globals(stamp, attemptIn(globals))
    ? undefined
    : 'its globals are not in their place';
};

const placeOf = (format: DumpFormat | undefined) => (format === 'plain' ? layout.plainDump : layout.dump);

/** Third from the end: `<name>.<attempt>.dump.zst` or `.sql.gz`. */
const attemptIn = (key: string): string => key.split('.').at(-3) ?? '';

const inStores = ({ objectStores, sizes }: Manifest, stamp: string): string | undefined => {
  if (sizes.objects !== sum(objectStores.map(({ bytes }) => bytes))) return 'its size is not that of its objects';
  if (sizes.copied !== sum(objectStores.map(({ copied }) => copied.bytes)))
    return 'what was copied is not what its stores say';
  for (const store of objectStores) {
    const found = inStore(store, stamp);
    if (found !== undefined) return `${found} (${store.name})`;
  }
  return undefined;
};

const inStore = (store: ObjectStoreEntry, stamp: string): string | undefined => {
  const { inventory, name } = store;
  const fits =
    store.objectCount === sum(inventory.map(({ objects }) => objects)) &&
    store.bytes === sum(inventory.map(({ bytes }) => bytes));
  if (!fits) return 'its objects are not those of its inventory';
  for (const { key } of [...inventory, ...store.deletedSincePoint.parts])
    if (key !== layout.inventory(stamp, name, key.slice(key.lastIndexOf('/') + 1).replace(/\.ndjson\.zst$/, '')))
      return 'an inventory is not in its place';
  if (!inventory.every(follows)) return 'its inventories are not in order';
  return store.references.every(isStamp) ? undefined : 'it refers to what is no backup';
};

const follows = (part: InventoryPart, index: number, parts: readonly InventoryPart[]): boolean => {
  const before = parts[index - 1];
  return compareUtf8(part.first, part.last) <= 0 && (!before || compareUtf8(before.last, part.first) < 0);
};

const inFiles = ({ leftovers, records = [], database, objectStores }: Manifest, stamp: string): string | undefined => {
  const keys = [
    ...leftovers,
    ...records.map(({ key }) => key),
    ...(database?.dumps ?? []).map(({ key }) => key),
    ...objectStores.flatMap((store) => [...store.inventory, ...store.deletedSincePoint.parts].map(({ key }) => key)),
  ];
  if (!isSet(keys)) return 'a file is in it twice';
  const stray = keys.find((key) => !isStorageKey(key) || !key.startsWith(`${stamp}/`));
  return stray === undefined ? undefined : `${stray} is not a file of this backup`;
};
