import { z } from 'zod';
import type { ObjectStoreSpec } from '../../core/api/backup-environment.ts';
import type { StorageTransferSpec } from '../../core/api/storage-transfer.ts';
import { Lc2Error } from '../../core/errors.ts';
import type { InventoryLine } from '../../core/manifest/inventory.ts';
import { type InventoryPart, inventoryPart } from '../../core/manifest/manifest.ts';
import { layout } from '../../core/plan/layout.ts';
import { listLine } from '../../core/plan/transfer-list.ts';
import type { ObjectInfo } from '../../core/ports/object-store.ts';
import type { BucketPath } from '../../core/ports/transfer-service.ts';
import { tryParseUrl } from '../../core/stores/index.ts';
import { sha256 } from './bytes.ts';
import type { StepContext } from './context.ts';
import { createFence } from './fence.ts';
import { createInventoryWriter, readInventory } from './inventory-io.ts';
import { cancelJobs, runJob } from './jobs.ts';
import { type CopyItem, keepsName, placeOf } from './object-copier.ts';
import type { BackupRun } from './run.ts';
import { tryReadRecord, writeOnce } from './storage.ts';

/**
 * What a store needs, planned once for all attempts of a run, and copied by a service where it is much. Whoever comes after a
 * killed attempt goes on with the same plan and the same job; what the job did not copy is left to the mover.
 */
export interface BulkTask {
  readonly context: StepContext;
  readonly run: BackupRun;
  readonly store: ObjectStoreSpec;
  readonly spec: StorageTransferSpec;
  /** What the store holds and an earlier backup held; read only where there is no plan yet. */
  readonly items: () => AsyncIterable<readonly CopyItem[]>;
}

export interface BulkDone {
  readonly items: AsyncIterable<readonly CopyItem[]>;
  /** Whether a service has copied. */
  readonly transferred: boolean;
}

const planRecord = z.object({
  /** Lines of the inventory to be; those of this run's folder are to be copied. */
  parts: z.array(inventoryPart),
  /** Of what the service can copy. */
  count: z.int(),
  bytes: z.int(),
  /** Key of the list. */
  list: z.string().optional(),
});
type Plan = z.output<typeof planRecord>;

export const copyInBulk = async (task: BulkTask): Promise<BulkDone> => {
  const { run, store, context, spec } = task;
  const key = `${layout.transfers(run.stamp, store.name)}plan.json`;
  const plan = (await tryReadRecord(run.storage, key, planRecord)) ?? (await claimPlan(task, key));
  const items = itemsOfPlan(run, plan.parts);
  if (plan.list === undefined) return { items, transferred: false };
  const { list, count, bytes } = plan;
  const name = (number: number): string =>
    `transferJobs/lc2-${sha256(`${run.storage.url}\n${context.runUid}\n${store.name}`).slice(0, 40)}-${number}`;
  context.log.info({ store: store.name, count, bytes }, 'Storage Transfer copies');
  const { result } = await runJob({
    context,
    service: context.openTransfer(spec, context.secrets.storage),
    storage: run.storage,
    folder: layout.transfers(run.stamp, store.name),
    facts: z.object({}),
    make: (number) =>
      Promise.resolve({
        job: {
          kind: 'transfer',
          name: name(number),
          source: bucketPathOf(store.url),
          sink: bucketPathOf(run.storage.url, layout.objects(run.stamp, store.name)),
          list: `${run.storage.url}/${list}`,
          count,
          bytes,
        },
        facts: {},
      }),
    mayStart: () => createFence(context, run).check(),
  });
  context.log.info({ store: store.name, operation: result.id }, 'Storage Transfer has copied');
  return { items, transferred: true };
};

const bucketPathOf = (url: string, folder = ''): BucketPath => {
  const parsed = tryParseUrl(url);
  if (!parsed) throw new Lc2Error('BUG', 'no store knows this url', { where: url });
  const path = `${parsed.prefix === '' ? '' : `${parsed.prefix}/`}${folder}`;
  return { bucket: parsed.bucket, path };
};

/** The first plan that is written down is everybody's. */
const claimPlan = async (task: BulkTask, key: string): Promise<Plan> => {
  const { run } = task;
  const plan = await makePlan(task);
  if (await writeOnce(run.storage, key, plan)) return plan;
  const standing = await tryReadRecord(run.storage, key, planRecord);
  if (!standing) throw new Lc2Error('STORE_FAILED', 'a record exists and cannot be read', { where: key });
  return standing;
};

const makePlan = async (task: BulkTask): Promise<Plan> => {
  const { context, run, store, spec } = task;
  const folder = layout.objects(run.stamp, store.name);
  const isNamed = keepsName(run, store.name);
  const writer = createInventoryWriter(run.storage, (part) =>
    layout.draft(run.stamp, context.attempt, store.name, `plan-${part}`),
  );
  const plannedLine = (object: ObjectInfo): InventoryLine => ({
    ...object,
    at: placeOf(object, { folder, plain: isNamed(object.key) }),
  });
  let count = 0;
  let bytes = 0;
  for await (const page of task.items()) {
    for (const item of page) {
      const line = 'line' in item ? item.line : plannedLine(item.object);
      const written = writer.add(line);
      if (written) await written;
      if ('line' in item || !isNamed(line.key)) continue;
      count++;
      bytes += line.size;
    }
  }
  const parts = await writer.end();
  if (count < spec.minimumObjects) return { parts, count, bytes };
  const list = layout.list(run.stamp, context.attempt, store.name);
  await run.storage.put(list, rowsOf(run, parts, isNamed), { createOnly: true, contentType: 'text/csv' });
  return { parts, count, bytes, list };
};

const chunk = 64 * 1024;

const rowsOf = async function* (
  run: BackupRun,
  parts: readonly InventoryPart[],
  isNamed: (key: string) => boolean,
): AsyncIterable<Uint8Array> {
  let text = '';
  for await (const page of itemsOfPlan(run, parts)) {
    for (const item of page) if ('object' in item && isNamed(item.object.key)) text += listLine(item.object);
    if (text.length < chunk) continue;
    yield Buffer.from(text);
    text = '';
  }
  if (text !== '') yield Buffer.from(text);
};

const itemsOfPlan = async function* (
  run: BackupRun,
  parts: readonly InventoryPart[],
): AsyncIterable<readonly CopyItem[]> {
  for await (const lines of readInventory(run.storage, parts).pages)
    yield lines.map((line) => (line.at.startsWith(`${run.stamp}/`) ? { object: objectOf(line) } : { line }));
};

/** As it was listed. */
const objectOf = ({ key, size, mtime, version, checksum }: InventoryLine): ObjectInfo => ({
  key,
  size,
  mtime,
  version,
  ...(checksum && { checksum }),
});

/** Asks for nothing more to be copied into the folder of a run that has ended; false while something still may be. */
export const cancelTransfers = async (
  context: StepContext,
  { storage, stamp, environment: { spec } }: Pick<BackupRun, 'storage' | 'stamp' | 'environment'>,
): Promise<boolean> => {
  let ended = true;
  for (const { name, storageTransfer } of spec.objectStores) {
    if (storageTransfer === undefined) continue;
    const service = context.openTransfer(storageTransfer, context.secrets.storage);
    const prefix = layout.transfers(stamp, name);
    ended = (await cancelJobs(context, { service, storage, prefix })) && ended;
  }
  return ended;
};
