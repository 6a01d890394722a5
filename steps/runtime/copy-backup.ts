import type { CopySpec } from '../../core/api/backup-environment.ts';
import { hasCode, Lc2Error } from '../../core/errors.ts';
import type { InventoryLine } from '../../core/manifest/inventory.ts';
import { filesIn, type Manifest, type ObjectStoreEntry } from '../../core/manifest/manifest.ts';
import { copyRecord, type CopyRecord, ownerRecord } from '../../core/manifest/records.ts';
import type { Environment } from '../../core/plan/environment.ts';
import { layout } from '../../core/plan/layout.ts';
import { chooseMover } from '../../core/plan/mover-choice.ts';
import type { Mover, MoveOrder } from '../../core/ports/mover.ts';
import type { ObjectStore } from '../../core/ports/object-store.ts';
import { stores, tryParseUrl } from '../../core/stores/index.ts';
import { checkBackup } from './check-backup.ts';
import { openCursor } from './check-objects.ts';
import type { StepContext } from './context.ts';
import { readSealedInventory } from './inventory-io.ts';
import { lockFiles, requireLocks } from './lock-backup.ts';
import { createProblems } from './problems.ts';
import { assertOwner } from './run.ts';
import { copyAt, storageAt, tryReadManifest, tryReadRecord, tryReadText, writeOnce } from './storage.ts';
import { endUploads } from './sweep.ts';

/** A sealed backup in another place: complete in itself, verified there, and byte for byte the same. */

export interface CopyTask {
  readonly context: StepContext;
  readonly environment: Environment;
  readonly storage: ObjectStore;
  readonly stamp: string;
  readonly manifest: Manifest;
  readonly place: CopySpec;
  readonly report: (fraction: number) => void;
}

/** Done once: the record beside the original says so, after the copy has its seal. */
export const copyBackup = async (task: CopyTask): Promise<CopyRecord> => {
  const { context, environment, storage, stamp, manifest, place } = task;
  const done = await tryReadRecord(storage, layout.copy(stamp, place.name), copyRecord);
  if (done?.manifest === manifest.digest && done.url === place.url) return done;
  const target = await context.openStore(copyAt(environment, place, context.secrets.copies));
  try {
    await prepare(task, target);
    const sealed = await tryReadManifest(target, stamp);
    if (sealed !== undefined && sealed.digest !== manifest.digest)
      throw new Lc2Error('BACKUP_ID_TAKEN', 'another backup of this id stands there', { where: target.url });
    if (sealed === undefined) await copyAll(task, target);
    if (isLocked(task)) await lockSeal(task, target);
    const record: CopyRecord = {
      version: '1',
      name: place.name,
      url: place.url,
      manifest: manifest.digest,
      objects: manifest.objectStores.reduce((sum, store) => sum + store.objectCount, 0),
      bytes: manifest.sizes.database + manifest.sizes.objects,
      at: context.clock.now().toISOString(),
    };
    await writeCopyRecord(storage, stamp, record);
    context.log.info({ copy: place.name, objects: record.objects, bytes: record.bytes }, 'copied');
    return record;
  } finally {
    await target.close();
  }
};

/** One of another place that had the name before is out of date. */
export const writeCopyRecord = async (storage: ObjectStore, stamp: string, record: CopyRecord): Promise<void> => {
  const body = Buffer.from(JSON.stringify(record));
  await storage.put(layout.copy(stamp, record.name), body, { contentType: 'application/json' });
};

/** Places that cannot lock hold copies all the same. */
const isLocked = ({ manifest, place }: CopyTask): boolean => {
  const store = tryParseUrl(place.url)?.store;
  return manifest.immutability !== undefined && store !== undefined && stores[store].locks;
};

const lockSeal = async ({ manifest: { immutability: lock }, stamp }: CopyTask, target: ObjectStore): Promise<void> => {
  if (lock) await (await requireLocks(target)).extend(layout.manifest(stamp), lock);
};

/** Nothing is copied to a place that belongs to somebody else, or that cannot lock what must be locked. */
const prepare = async (task: CopyTask, target: ObjectStore): Promise<void> => {
  const { context, environment, storage, stamp, manifest } = task;
  if (isLocked(task)) await requireLocks(target);
  const owned = await tryReadRecord(storage, layout.owner, ownerRecord);
  if (owned) await assertOwner({ storage: target, environment }, owned.owner);
  for (const run of runsOf(manifest, stamp)) {
    await endUploads(context, target, run);
    await writeOnce(target, layout.copied(run), { version: '1', from: storage.url });
  }
};

/** Folders that hold copies of its objects. */
const runsOf = ({ objectStores }: Manifest, stamp: string): string[] => [
  ...new Set([stamp, ...objectStores.flatMap(({ references }) => references)]),
];

/** The manifest last: it is the seal of the copy too. */
const copyAll = async (task: CopyTask, target: ObjectStore): Promise<void> => {
  const { context, storage, stamp, manifest, report } = task;
  const mover = await openMover(task, target);
  const all = manifest.objectStores.reduce((sum, store) => sum + store.objectCount, 1);
  let done = 0;
  const move = async (orders: AsyncIterable<MoveOrder>): Promise<void> => {
    for await (const { outcome, order } of mover.move(orders)) {
      if (outcome !== 'copied') throw notCopied(outcome, order, target);
      if (++done % 64 === 0) report((0.8 * done) / all);
    }
  };
  for (const entry of manifest.objectStores) await move(ordersFor({ storage, target, entry }));
  await move(filesFor(storage, manifest));
  context.signal.throwIfAborted();
  await verifyThere(task, target);
  if (isLocked(task) && manifest.immutability) await lockFiles(target, manifest, manifest.immutability);
  const text = await tryReadText(storage, layout.manifest(stamp));
  if (text === undefined) throw new Lc2Error('BACKUP_NOT_FOUND', `backup ${stamp} is gone`, { where: storage.url });
  context.signal.throwIfAborted();
  await sealThere(target, layout.manifest(stamp), Buffer.from(text));
};

/** Whoever came first has written the same bytes. */
const sealThere = async (target: ObjectStore, key: string, bytes: Buffer): Promise<void> => {
  try {
    await target.put(key, bytes, { createOnly: true, size: bytes.byteLength, contentType: 'application/json' });
  } catch (error) {
    if (!hasCode(error, 'OBJECT_EXISTS')) throw error;
  }
};

const openMover = ({ context, environment, storage, place }: CopyTask, target: ObjectStore): Promise<Mover> => {
  const from = storageAt(environment, context.secrets.storage);
  const to = copyAt(environment, place, context.secrets.copies);
  return context.openMover(chooseMover('auto', from.location, place), { from, to, source: storage, target });
};

const notCopied = (outcome: 'changed' | 'vanished' | 'conflict', order: MoveOrder, target: ObjectStore): Lc2Error =>
  outcome === 'conflict'
    ? new Lc2Error('OBJECT_EXISTS', 'something else stands where a copy belongs', {
        where: `${target.url}/${order.to}`,
        remedy: 'give copies a place of their own',
      })
    : new Lc2Error('BACKUP_DAMAGED', 'a file is not what was sealed', { where: order.from.key });

interface StoreCopy {
  readonly storage: ObjectStore;
  readonly target: ObjectStore;
  readonly entry: ObjectStoreEntry;
}

/** Copies of objects that do not stand there yet: what an earlier backup brought, or an attempt that died, is not copied again. */
const ordersFor = async function* ({ storage, target, entry }: StoreCopy): AsyncIterable<MoveOrder> {
  const [here, there] = [createFinder(storage, entry.name), createFinder(target, entry.name)];
  try {
    for await (const line of readSealedInventory(storage, entry)) {
      const object = await here.find(line);
      if (object?.size !== line.size)
        throw new Lc2Error('BACKUP_DAMAGED', `object ${line.key} is missing or has another size`, { where: line.at });
      if ((await there.find(line))?.size === line.size) continue;
      const { digest } = line;
      yield { from: object, to: line.at, createOnly: true, ...(digest !== undefined && { digest }) };
    }
  } finally {
    await Promise.all([here.close(), there.close()]);
  }
};

/** Looks for copies in the order of their keys, by one listing of each run's folder. */
const createFinder = (store: ObjectStore, name: string) => {
  const cursors = new Map<string, ReturnType<typeof openCursor>>();
  const cursorOf = (run: string): ReturnType<typeof openCursor> => {
    const cursor = cursors.get(run) ?? openCursor(store, layout.objects(run, name), {});
    cursors.set(run, cursor);
    return cursor;
  };
  return {
    find: ({ key, at }: InventoryLine) => {
      const cursor = cursorOf(at.slice(0, at.indexOf('/')));
      return at === cursor.folder + key ? cursor.seek(at, () => undefined) : store.head(at);
    },
    close: () => Promise.all([...cursors.values()].map((cursor) => cursor.close())),
  };
};

const filesFor = async function* (storage: ObjectStore, manifest: Manifest): AsyncIterable<MoveOrder> {
  for (const { key, digest } of filesIn(manifest)) {
    const from = await storage.head(key);
    if (!from) throw new Lc2Error('BACKUP_DAMAGED', 'a file is missing', { where: key });
    yield { from, to: key, createOnly: true, digest };
  }
};

/**
 * As the backup itself was: this run's own at its level, and that what earlier ones brought is there. Locks come after. Where the
 * place reports no checksums of contents, a list of them would show nothing.
 */
const verifyThere = async (task: CopyTask, target: ObjectStore): Promise<void> => {
  const { context, environment, stamp, manifest } = task;
  const problems = createProblems();
  const { objects } = manifest.verification;
  const level = objects === 'none' ? 'listed' : objects;
  const own = level === 'listed' && !target.capabilities.contentChecksums ? 'full' : level;
  const subject = { storage: target, stamp, manifest: { ...manifest, immutability: undefined }, problems };
  const looking = { ...context, environment, progress: { set: () => undefined } };
  await checkBackup(looking, subject, { own, inherited: 'listed' });
  const [first] = problems.list;
  if (!first) return;
  const more = problems.count > 1 ? ` and ${problems.count - 1} more` : '';
  throw new Lc2Error('COPY_DAMAGED', `${first.message}${more}`, { where: `${target.url}/${first.key}` });
};
