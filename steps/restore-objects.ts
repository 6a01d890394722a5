import { Lc2Error } from '../core/errors.ts';
import type { InventoryLine } from '../core/manifest/inventory.ts';
import { compileFilter } from '../core/plan/filter.ts';
import { excludeRules } from '../core/plan/environment.ts';
import { mergeByKey, type Pair } from '../core/plan/merge.ts';
import { chooseMover } from '../core/plan/mover-choice.ts';
import { cutsOf } from '../core/plan/split-listing.ts';
import type { MoveOrder, MoveResult } from '../core/ports/mover.ts';
import type { ObjectInfo, ObjectStore } from '../core/ports/object-store.ts';
import { restoreObjects as contract, type RestoreObjectsOutput } from '../core/steps/restore-objects.ts';
import { compareChecksums, isForeign } from './runtime/check-objects.ts';
import type { StepContext } from './runtime/context.ts';
import { createInventoryWriter, type InventoryWriter, readInventory } from './runtime/inventory-io.ts';
import { pagesOf } from './runtime/pages.ts';
import { openRestore, type RestoreRun, restoreStepKey, storeEntryOf, withTarget } from './runtime/restore.ts';
import { compareWithLine } from './runtime/same-bytes.ts';
import { once } from './runtime/run.ts';
import { storageAt } from './runtime/storage.ts';
import { layout } from '../core/plan/layout.ts';
import type { ObjectStoreSpec } from '../core/api/backup-environment.ts';

type StoreOutput = RestoreObjectsOutput['stores'][number];

/** Adds what is missing and replaces what differs. Deleting comes later, at commit, from the list that is made here. */
export const restoreObjects = async (context: StepContext): Promise<RestoreObjectsOutput> => {
  const run = await openRestore(context);
  if (run.already) return { stores: [] };
  const target = { storage: run.storage, key: restoreStepKey(context, contract.name), step: contract.name };
  return once(target, context, contract.output, async () => {
    const stores: StoreOutput[] = [];
    for (const name of run.plan.stores) stores.push(await restoreStore(context, run, name));
    return { stores };
  });
};

interface StoreTask {
  readonly context: StepContext;
  readonly run: RestoreRun;
  readonly store: ObjectStoreSpec;
  readonly target: ObjectStore;
  /** Keys that mirror deletes. */
  readonly surplus: InventoryWriter;
  readonly tally: { objects: number; surplus: number };
  readonly expected: number;
  readonly cuts: Iterable<string>;
}

const restoreStore = (context: StepContext, run: RestoreRun, name: string): Promise<StoreOutput> =>
  withTarget(context, name, async (target, store) => {
    const entry = storeEntryOf(run.manifest, name);
    // Working files of an attempt or a restore that was killed: nobody else comes by.
    if (target.capabilities.ownUploads) await target.abortUploads(listRange(run).prefix ?? '');
    const from = storageAt(context.source, context.secrets.storage);
    const to = { location: store, secrets: context.secrets.objects };
    const mover = await context.openMover(chooseMover(store.mover, from.location, store), {
      from,
      to,
      source: run.storage,
      target,
    });
    const folder = layout.restoreWork(run.plan.record, context.runUid, `${context.attempt}/${name}`);
    const surplus = createInventoryWriter(run.storage, (part) => `${folder}/${part}.ndjson.zst`);
    const tally = { objects: 0, surplus: 0 };
    const expected = entry.objectCount;
    const cuts = cutsOf(entry.inventory);
    const task: StoreTask = { context, run, store, target, surplus, tally, expected, cuts };
    const lines = readInventory(run.storage, entry.inventory, run.plan.prefixes);
    const copied = { count: 0, bytes: 0 };
    for await (const result of mover.move(ordersOf(task, lines))) {
      assertCopied(result, target);
      copied.count++;
      copied.bytes += result.order.from.size;
    }
    const parts = await surplus.end();
    context.log.info(
      { store: name, objects: tally.objects, copied: copied.count, surplus: tally.surplus },
      'objects restored',
    );
    return {
      name,
      objects: tally.objects,
      copied,
      surplus: { count: tally.surplus, parts: parts.map(({ key, digest, size }) => ({ key, digest, size })) },
    };
  });

/** What was sealed does not change: a source that is another one now is damage. */
const assertCopied = ({ outcome, order }: MoveResult, target: ObjectStore): void => {
  if (outcome === 'copied') return;
  if (outcome === 'conflict')
    throw new Lc2Error('KEY_UNSUPPORTED', `${target.url} cannot hold a key`, { where: order.to });
  throw new Lc2Error('BACKUP_DAMAGED', 'an object is not what was sealed', { where: order.from.key });
};

const ordersOf = async function* (task: StoreTask, lines: AsyncIterable<InventoryLine>): AsyncIterable<MoveOrder> {
  const objects = task.target.list({ ...listRange(task.run), cuts: task.cuts });
  const isSurplus = surplusTest(task);
  for await (const pairs of mergeByKey(pagesOf(lines), pagesOf(objects))) yield* ordersAmong(pairs, task, isSurplus);
};

const ordersAmong = async function* (
  pairs: readonly Pair<InventoryLine, ObjectInfo>[],
  task: StoreTask,
  isSurplus: (object: ObjectInfo) => boolean,
): AsyncIterable<MoveOrder> {
  const { run, target, tally, context } = task;
  for (const { key, left: line, right: object } of pairs) {
    if (line) {
      if (++tally.objects % 64 === 0) context.progress.set(Math.min(0.99, tally.objects / Math.max(1, task.expected)));
      if (object && (await compareWithLine(target, line, object)) === 'same') continue;
      yield {
        from: await storedObject(run.storage, line),
        to: key,
        createOnly: false,
        ...(line.digest !== undefined && { digest: line.digest }),
      };
    } else if (object && isSurplus(object)) {
      tally.surplus++;
      await task.surplus.add({ key, size: object.size, mtime: object.mtime, version: object.version, at: 'live' });
    }
  }
};

/** One prefix narrows the listing; several are filtered. */
const listRange = ({ plan }: RestoreRun): { prefix?: string } => {
  const [only] = plan.prefixes;
  return plan.prefixes.length === 1 && only !== undefined ? { prefix: only } : {};
};

/** What this backup's own rules would have left out is not its to delete. */
const surplusTest = ({ run, store, context }: StoreTask): ((object: ObjectInfo) => boolean) => {
  const { plan, manifest } = run;
  if (plan.objectsMode !== 'mirror') return () => false;
  const ofBackup = compileFilter(storeEntryOf(manifest, store.name).excluded.rules);
  const ofTarget = compileFilter(excludeRules(context.environment.spec, store));
  const chosen = (key: string): boolean =>
    plan.prefixes.length === 0 || plan.prefixes.some((prefix) => key.startsWith(prefix));
  return ({ key }) => chosen(key) && ofBackup.match(key) < 0 && ofTarget.match(key) < 0;
};

/** The copy in storage, which must still be what was sealed: a damaged one never reaches the target. */
const storedObject = async (storage: ObjectStore, line: InventoryLine): Promise<ObjectInfo> => {
  const stored = await storage.head(line.at);
  if (!stored) throw new Lc2Error('BACKUP_DAMAGED', `object ${line.key} is missing`, { where: line.at });
  const differs = compareChecksums(line, stored) === 'differs' && !(await isForeign(storage, line, stored));
  if (stored.size !== line.size || differs)
    throw new Lc2Error('BACKUP_DAMAGED', `object ${line.key} is not what was sealed`, { where: line.at });
  return {
    ...stored,
    ...(line.contentType !== undefined && { contentType: line.contentType }),
    ...(line.metadata && { metadata: line.metadata }),
  };
};
