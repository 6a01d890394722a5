import type { MoverName, ObjectStoreSpec } from '../../core/api/backup-environment.ts';
import { Lc2Error } from '../../core/errors.ts';
import type { InventoryLine } from '../../core/manifest/inventory.ts';
import { escapedKey, isPlainKey, layout } from '../../core/plan/layout.ts';
import { chooseMover } from '../../core/plan/mover-choice.ts';
import type { MovedObject, MoveOrder, Mover, MoveResult } from '../../core/ports/mover.ts';
import type { ObjectInfo, ObjectStore } from '../../core/ports/object-store.ts';
import { utf8Length } from '../../core/utf8.ts';
import { sha256 } from './bytes.ts';
import type { StepContext } from './context.ts';
import { createFence, type Fence } from './fence.ts';
import type { BackupRun } from './run.ts';
import { createSequencer } from './sequencer.ts';
import { storageAt } from './storage.ts';

/** Copies objects of one store into this run's folder and writes their inventory lines in order. */
export interface Copier {
  readonly mover: MoverName;
  readonly fence: Fence;
  copyAll(items: AsyncIterable<readonly CopyItem[]>, sink: CopySink): Promise<CopyTotals>;
}

/** A line that is already complete, or an object that must be copied. */
export type CopyItem = { readonly line: InventoryLine } | { readonly object: ObjectInfo };

export interface CopySink {
  /** Undefined: there is nothing to wait for. */
  write(line: InventoryLine): Promise<void> | undefined;
  /** The source is no longer what was listed. What to copy instead, or undefined to leave it out. */
  unsettled(key: string): Promise<ObjectInfo | undefined>;
}

export interface CopyTotals {
  readonly count: number;
  readonly bytes: number;
}

/** An object that changes faster than it can be read is not a backup: after this many tries the step fails. */
const tries = 5;

export interface CopierOptions {
  readonly store: ObjectStoreSpec;
  readonly source: ObjectStore;
  /** In place of the one that is chosen. */
  readonly mover?: MoverName;
  /** The store as it was: what the source no longer is, is copied from there. */
  readonly past?: ObjectStore | undefined;
}

export const openCopier = async (
  context: StepContext,
  run: BackupRun,
  { store, source, mover: wanted, past }: CopierOptions,
): Promise<Copier> => {
  const from = { location: store, secrets: context.secrets.objects };
  const to = storageAt(run.environment, context.secrets.storage);
  const name = wanted ?? chooseMover(store.mover, store, run.environment.spec.storage);
  const folder = layout.objects(run.stamp, store.name);
  const ends = { from, to, target: run.storage, folder };
  const mover = await context.openMover(name, { ...ends, source });
  // Nobody else asks for a version that is not the current one.
  const rescuer = past && (await context.openMover('stream', { ...ends, source: past }));
  const fence = createFence(context, run);
  const room = roomOf(run, folder);
  return {
    mover: name,
    fence,
    copyAll: (items, sink) =>
      copyAll({
        items,
        fence,
        sink,
        mover,
        rescuer,
        place: (object, plain) => placeOf(object, { folder, plain: plain && isPlainKey(object.key, room) }),
      }),
  };
};

const roomOf = ({ environment: { spec, name } }: BackupRun, folder: string): number =>
  utf8Length(`${spec.storage.url}/${spec.projectId}/${name}/${folder}`);

/** Whether the copy of an object stands under the object's own key. */
export const keepsName = (run: BackupRun, store: string): ((key: string) => boolean) => {
  const room = roomOf(run, layout.objects(run.stamp, store));
  return (key) => isPlainKey(key, room);
};

type Place = (object: ObjectInfo, plain: boolean) => string;

/** Where the copy goes: its own name, or one made from what identifies its content. */
export const placeOf = (
  object: Pick<ObjectInfo, 'key' | 'version'>,
  { folder, plain }: { folder: string; plain: boolean },
): string => `${folder}${plain ? object.key : escapedKey(sha256(`${object.key}\n${object.version}`))}`;

const copyAll = async (task: {
  items: AsyncIterable<readonly CopyItem[]>;
  fence: Fence;
  sink: CopySink;
  mover: Mover;
  rescuer: Mover | undefined;
  place: Place;
}): Promise<CopyTotals> => {
  const { items, fence, sink, mover, rescuer, place } = task;
  let count = 0;
  let bytes = 0;
  const sequencer = createSequencer<InventoryLine>((line) => sink.write(line));
  const ordersOf = async function* (page: readonly CopyItem[]): AsyncIterable<MoveOrder> {
    for (const item of page) {
      if ('line' in item) {
        const written = sequencer.line(item.line);
        if (written) await written;
      } else {
        await sequencer.order();
        await fence.pass();
        yield { from: item.object, to: place(item.object, true), createOnly: true };
      }
    }
  };
  const orders = async function* (): AsyncIterable<MoveOrder> {
    for await (const page of items) yield* ordersOf(page);
  };
  for await (const result of mover.move(orders())) {
    const line = await settle(result, { sink, mover, rescuer, place });
    if (line) {
      count++;
      bytes += line.size;
    }
    await sequencer.decide(line);
  }
  return { count, bytes };
};

const settle = async (
  result: MoveResult,
  task: { sink: CopySink; mover: Mover; rescuer: Mover | undefined; place: Place },
): Promise<InventoryLine | undefined> => {
  let current = result;
  for (let attempt = 0; attempt < tries; attempt++) {
    if (current.outcome === 'copied') return lineOf(current.order, current.object);
    // Under a name that carries the identity nothing else can stand in the way.
    const from =
      current.outcome === 'conflict' ? current.order.from : await task.sink.unsettled(current.order.from.key);
    if (from === undefined) return undefined;
    const mover = current.outcome === 'conflict' ? task.mover : (task.rescuer ?? task.mover);
    current = await moveOne(mover, { from, to: task.place(from, false), createOnly: true });
  }
  throw new Lc2Error('COPY_INCOMPLETE', 'an object changes faster than it can be copied', {
    where: result.order.from.key,
  });
};

const moveOne = async (mover: Mover, order: MoveOrder): Promise<MoveResult> => {
  const one = async function* (): AsyncIterable<MoveOrder> {
    yield await Promise.resolve(order);
  };
  for await (const result of mover.move(one())) return result;
  throw new Lc2Error('BUG', 'a mover gave no result', { where: mover.name });
};

const lineOf = (order: MoveOrder, moved: MovedObject): InventoryLine => {
  const { key, size, mtime, checksum, version } = order.from;
  return {
    key,
    size,
    mtime,
    version,
    at: order.to,
    ...(checksum && { checksum }),
    ...(moved.checksum && { stored: moved.checksum }),
    ...(moved.digest !== undefined && { digest: moved.digest }),
    ...(moved.contentType !== undefined && { contentType: moved.contentType }),
    ...(moved.metadata && Object.keys(moved.metadata).length > 0 && { metadata: moved.metadata }),
  };
};
