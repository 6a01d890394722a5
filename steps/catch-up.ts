import type { ObjectStoreSpec } from '../core/api/backup-environment.ts';
import { Lc2Error } from '../core/errors.ts';
import { isUnchanged } from '../core/manifest/inventory.ts';
import type { ObjectStoreEntry } from '../core/manifest/manifest.ts';
import { chosenStores, excludeRules } from '../core/plan/environment.ts';
import { compileFilter } from '../core/plan/filter.ts';
import { layout } from '../core/plan/layout.ts';
import { mergeByKey } from '../core/plan/merge.ts';
import { cutsOf } from '../core/plan/split-listing.ts';
import type { ObjectStore } from '../core/ports/object-store.ts';
import { catchUp as contract, type CatchUpOutput } from '../core/steps/catch-up.ts';
import { transfer, type TransferOutput } from '../core/steps/transfer.ts';
import type { StepContext } from './runtime/context.ts';
import { createInventoryWriter, type InventoryWriter, readInventory } from './runtime/inventory-io.ts';
import { type CopyItem, openCopier } from './runtime/object-copier.ts';
import { pagesOf } from './runtime/pages.ts';
import { isAtPoint, storeAtPoint } from './runtime/past.ts';
import { type BackupRun, once, openRun, requireStepOutput } from './runtime/run.ts';

/**
 * Lists each store again, now that every point of the databases lies in the past, and copies what is new or changed:
 * what existed at the point and was not deleted since is then in the backup. What vanished is kept where it was copied.
 */
export const catchUp = async (context: StepContext): Promise<CatchUpOutput> => {
  const run = await openRun(context);
  const target = { storage: run.storage, key: layout.step(run.stamp, contract.name), step: contract.name };
  return once(target, context, contract.output, async () => {
    const expected = { schema: transfer.output, runUid: context.runUid };
    const transferred = await requireStepOutput(run.storage, layout.step(run.stamp, transfer.name), expected);
    const stores: ObjectStoreEntry[] = [];
    for (const store of chosenStores(run.environment.spec, run.record.components)) {
      const draft = transferred.stores.find((each) => each.name === store.name);
      if (draft) stores.push(await catchUpStore({ context, run, store, draft }));
      context.progress.set(stores.length / transferred.stores.length);
    }
    return { stores };
  });
};

interface StoreTask {
  readonly context: StepContext;
  readonly run: BackupRun;
  readonly store: ObjectStoreSpec;
  readonly draft: TransferOutput['stores'][number];
}

/** What the second listing tells, beside the inventory itself. */
interface Findings {
  readonly deleted: InventoryWriter;
  readonly references: Set<string>;
  excluded: number;
  excludedBytes: number;
  deletedCount: number;
}

const catchUpStore = async (task: StoreTask): Promise<ObjectStoreEntry> => {
  const { context, run, store, draft } = task;
  const source = await context.openStore({ location: store, secrets: context.secrets.objects });
  try {
    const past = isAtPoint(run, store) ? await storeAtPoint(context, run, source) : undefined;
    const copier = await openCopier(context, run, { store, source, past });
    const writerOf = (prefix: string): InventoryWriter =>
      createInventoryWriter(
        run.storage,
        (part) => layout.inventory(run.stamp, store.name, `${prefix}${part}`),
        () => copier.fence.check(),
      );
    const inventory = writerOf('');
    const findings: Findings = {
      deleted: writerOf('deleted-'),
      references: new Set(),
      excluded: 0,
      excludedBytes: 0,
      deletedCount: 0,
    };
    const late = await copier.copyAll(itemsOf(task, past ?? source, findings), {
      write: (line) => {
        const stamp = line.at.slice(0, line.at.indexOf('/'));
        if (stamp !== run.stamp) findings.references.add(stamp);
        return inventory.add(line);
      },
      unsettled: (key) => (past ?? source).head(key),
    });
    const parts = await inventory.end();
    const deleted = await findings.deleted.end();
    const sum = (of: 'objects' | 'bytes'): number => parts.reduce((total, part) => total + part[of], 0);
    assertSome(store, sum('objects'), findings.excluded);
    context.log.info({ store: store.name, late: late.count, deleted: findings.deletedCount }, 'caught up');
    return {
      name: store.name,
      url: store.url,
      objectCount: sum('objects'),
      bytes: sum('bytes'),
      copied: { count: draft.copied.count + late.count, bytes: draft.copied.bytes + late.bytes },
      excluded: {
        count: findings.excluded,
        bytes: findings.excludedBytes,
        rules: excludeRules(run.environment.spec, store),
      },
      deletedSincePoint: {
        count: findings.deletedCount,
        parts: deleted.map(({ key, digest, size }) => ({ key, digest, size })),
      },
      inventory: parts,
      references: [...findings.references].sort(),
      mover: draft.mover,
    };
  } finally {
    await source.close();
  }
};

/** A rule that is too wide makes a backup of nothing, and nobody notices before the restore. */
const assertSome = ({ name }: ObjectStoreSpec, objects: number, excluded: number): void => {
  if (objects > 0 || excluded === 0) return;
  throw new Lc2Error('NOTHING_SELECTED', `the rules leave out all ${excluded} objects`, {
    where: name,
    remedy: 'correct exclude, or name the components without this one',
  });
};

const itemsOf = async function* (
  task: StoreTask,
  source: ObjectStore,
  findings: Findings,
): AsyncIterable<readonly CopyItem[]> {
  const { run, store, draft } = task;
  const filter = compileFilter(excludeRules(run.environment.spec, store));
  const held = readInventory(run.storage, draft.draft);
  for await (const pairs of mergeByKey(pagesOf(source.list({ cuts: cutsOf(draft.draft) })), held.pages)) {
    const items: CopyItem[] = [];
    for (const { left: object, right: line } of pairs) {
      if (object && filter.match(object.key) >= 0) {
        findings.excluded++;
        findings.excludedBytes += object.size;
      } else if (object) items.push(line && isUnchanged(line, object) ? { line } : { object });
      else if (line) {
        findings.deletedCount++;
        await findings.deleted.add(line);
        items.push({ line });
      }
    }
    yield items;
  }
};
