import type { EnvironmentSpec, ObjectStoreSpec } from '../../core/api/backup-environment.ts';
import { isUnchanged } from '../../core/manifest/inventory.ts';
import type { ObjectStoreEntry } from '../../core/manifest/manifest.ts';
import { excludeRules } from '../../core/plan/environment.ts';
import { compileFilter } from '../../core/plan/filter.ts';
import { mergeByKey } from '../../core/plan/merge.ts';
import { cutsOf } from '../../core/plan/split-listing.ts';
import type { ObjectStore } from '../../core/ports/object-store.ts';
import { readInventory } from './inventory-io.ts';
import type { CopyItem } from './object-copier.ts';
import { pagesOf } from './pages.ts';

export interface Selection {
  readonly source: ObjectStore;
  readonly storage: ObjectStore;
  readonly spec: EnvironmentSpec;
  readonly store: ObjectStoreSpec;
  /** Of the backup whose copies may be used again. */
  readonly base: ObjectStoreEntry | undefined;
  /** Of all objects that are not excluded; `expected` are as many as the base has. */
  readonly onSeen: (seen: number, expected: number) => void;
}

/** What a backup is made of, by key: lines of an earlier one that still hold, and objects to copy. */
export const backupItems = async function* (selection: Selection): AsyncIterable<readonly CopyItem[]> {
  const { source, storage, spec, store, base, onSeen } = selection;
  const filter = compileFilter(excludeRules(spec, store));
  // A store that was pointed elsewhere has other objects, whatever their names and times.
  const usable = base?.url === store.url ? base : undefined;
  const inventory = usable?.inventory ?? [];
  const held = readInventory(storage, inventory);
  let seen = 0;
  for await (const pairs of mergeByKey(pagesOf(source.list({ cuts: cutsOf(inventory) })), held.pages)) {
    const items: CopyItem[] = [];
    for (const { left: object, right: line } of pairs) {
      if (!object || filter.match(object.key) >= 0) continue;
      if (++seen % 256 === 0) onSeen(seen, usable?.objectCount ?? 0);
      items.push(line && isUnchanged(line, object) ? { line } : { object });
    }
    yield items;
  }
};
