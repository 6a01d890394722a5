import type { ObjectStoreSpec } from '../core/api/backup-environment.ts';
import type { InventoryPart, ObjectStoreEntry } from '../core/manifest/manifest.ts';
import { chosenStores } from '../core/plan/environment.ts';
import { mayTransfer } from '../core/plan/mover-choice.ts';
import { layout } from '../core/plan/layout.ts';
import { transfer as contract, type TransferOutput } from '../core/steps/transfer.ts';
import { backupItems } from './runtime/backup-items.ts';
import { copyInBulk } from './runtime/bulk-transfer.ts';
import type { StepContext } from './runtime/context.ts';
import { createInventoryWriter } from './runtime/inventory-io.ts';
import { type CopyItem, openCopier } from './runtime/object-copier.ts';
import { isAtPoint, requirePast } from './runtime/past.ts';
import { assertOwner, type BackupRun, claimRun, once } from './runtime/run.ts';
import { sha256 } from './runtime/bytes.ts';
import { tryReadManifest } from './runtime/storage.ts';

/** Copies what the previous sealed backup does not hold unchanged. */
export const transfer = async (context: StepContext): Promise<TransferOutput> => {
  const run = await claimRun(context);
  if (!run.record.components.includes('database')) await assertOwner(run, ownerOfStores(run));
  const target = { storage: run.storage, key: layout.step(run.stamp, contract.name), step: contract.name };
  return once(target, context, contract.output, async () => {
    const base = await baseStores(context, run);
    const stores = chosenStores(run.environment.spec, run.record.components);
    const done: TransferOutput['stores'] = [];
    for (const [index, store] of stores.entries()) {
      const report = (fraction: number): void => context.progress.set((index + fraction) / stores.length);
      done.push(await transferStore({ context, run, store, base: base.get(store.name), report }));
    }
    return { stores: done };
  });
};

/** Where no database tells installations apart, the stores do. */
const ownerOfStores = (run: BackupRun): string =>
  `stores:${sha256(run.environment.spec.objectStores.map((store) => `${store.endpoint ?? ''} ${store.url}`).join('\n')).slice(0, 16)}`;

/** Inventories of the newest sealed backup, by store; empty when all is copied anew. */
const baseStores = async (context: StepContext, run: BackupRun): Promise<Map<string, ObjectStoreEntry>> => {
  if (run.record.full || run.record.base === undefined) return new Map();
  const manifest = await tryReadManifest(run.storage, run.record.base);
  context.log.info({ base: manifest?.backupId }, 'unchanged objects are taken from an earlier backup');
  return new Map((manifest?.objectStores ?? []).map((entry) => [entry.name, entry]));
};

interface StoreTask {
  readonly context: StepContext;
  readonly run: BackupRun;
  readonly store: ObjectStoreSpec;
  readonly base: ObjectStoreEntry | undefined;
  readonly report: (fraction: number) => void;
}

/** How many there are is known of the backup before. */
const doneOf = (seen: number, expected: number): number =>
  expected > 0 ? Math.min(0.99, seen / expected) : seen / (seen + 10_000);

const transferStore = async (task: StoreTask): Promise<TransferOutput['stores'][number]> => {
  const { context, run, store, base, report } = task;
  const source = await context.openStore({ location: store, secrets: context.secrets.objects });
  try {
    // Before there is anything that would be copied for nothing.
    if (isAtPoint(run, store)) await requirePast(source);
    const listed = (): AsyncIterable<readonly CopyItem[]> => {
      const { storage, environment } = run;
      return backupItems({
        source,
        storage,
        spec: environment.spec,
        store,
        base,
        onSeen: (seen, expected) => report(doneOf(seen, expected)),
      });
    };
    const { storageTransfer: spec } = store;
    const isBulk = spec !== undefined && mayTransfer(store, run.environment.spec.storage);
    const { items, transferred } = isBulk
      ? await copyInBulk({ context, run, store, spec, items: listed })
      : { items: listed(), transferred: false };
    const copier = await openCopier(context, run, {
      store,
      source,
      ...(transferred && { mover: 'storage-transfer' as const }),
    });
    const writer = createInventoryWriter(
      run.storage,
      (part) => layout.draft(run.stamp, context.attempt, store.name, part),
      () => copier.fence.check(),
    );
    const copied = await copier.copyAll(items, {
      write: (line) => writer.add(line),
      // Whatever moved under our hands is seen again by catch-up.
      unsettled: () => Promise.resolve(undefined),
    });
    const draft: InventoryPart[] = await writer.end();
    context.log.info(
      { store: store.name, mover: copier.mover, copied: copied.count, bytes: copied.bytes },
      'transferred',
    );
    return { name: store.name, mover: copier.mover, draft, copied };
  } finally {
    await source.close();
  }
};
