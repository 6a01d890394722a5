// What an operation does: it copies for real, and counts as Google counts.
import type { Buckets, StoredObject } from './buckets.ts';
import { type ManifestRow, meets, parseManifest, type TransferSpec } from './rules.ts';

export interface Counters {
  objectsFoundFromSource: number;
  bytesFoundFromSource: number;
  objectsFromSourceSkippedBySync: number;
  bytesFromSourceSkippedBySync: number;
  objectsCopiedToSink: number;
  bytesCopiedToSink: number;
  objectsFromSourceFailed: number;
  bytesFromSourceFailed: number;
}

export const noCounters = (): Counters => ({
  objectsFoundFromSource: 0,
  bytesFoundFromSource: 0,
  objectsFromSourceSkippedBySync: 0,
  bytesFromSourceSkippedBySync: 0,
  objectsCopiedToSink: 0,
  bytesCopiedToSink: 0,
  objectsFromSourceFailed: 0,
  bytesFromSourceFailed: 0,
});

/** An object, or the whole operation, that fails. */
export interface Failed {
  readonly code: string;
  readonly url: string;
  readonly detail: string;
}

/** Ends the operation. */
export class OperationFailure extends Error {
  readonly failed: Failed;
  constructor(failed: Failed) {
    super(failed.detail);
    this.failed = failed;
  }
}

export interface Work {
  readonly spec: TransferSpec;
  readonly buckets: Buckets;
  readonly counters: Counters;
  readonly signal: AbortSignal;
  /** Throws what the service agent may not do. */
  readonly permit: (bucket: string, permission: string) => void;
  /** Before each object; what it returns fails the object. */
  readonly before: (name: string) => Promise<string | undefined>;
  readonly onFailed: (failed: Failed) => void;
  readonly ignoresVersions: boolean;
}

export const transfer = async (work: Work): Promise<void> => {
  const { spec, signal } = work;
  const [source = '', sink = ''] = [spec.gcsDataSource?.bucketName, spec.gcsDataSink?.bucketName];
  for (const [bucket, permission] of [
    [source, 'storage.buckets.get'],
    [source, 'storage.objects.get'],
    [sink, 'storage.buckets.get'],
    [sink, 'storage.objects.list'],
    [sink, 'storage.objects.create'],
  ] as const)
    work.permit(bucket, permission);
  for await (const listed of rowsOf(work, source)) {
    signal.throwIfAborted();
    const row = work.ignoresVersions ? { ...listed, generation: undefined } : listed;
    if (meets(row.name, spec.objectConditions ?? {})) await copyOne(work, row, { source, sink });
  }
};

async function* rowsOf({ spec, buckets, permit }: Work, source: string): AsyncGenerator<ManifestRow> {
  const { location } = spec.transferManifest ?? {};
  if (location !== undefined) {
    const [, bucket = '', name = ''] = /^gs:\/\/([^/]+)\/(.+)$/.exec(location) ?? [];
    permit(bucket, 'storage.objects.get');
    const text = await buckets.read(bucket, name);
    if (text === undefined)
      throw new OperationFailure({ code: 'NOT_FOUND', url: location, detail: 'The manifest does not exist.' });
    yield* parseManifest(text);
    return;
  }
  permit(source, 'storage.objects.list');
  const path = spec.gcsDataSource?.path ?? '';
  for await (const { name } of buckets.list(source, path))
    yield { name: name.slice(path.length), generation: undefined };
}

const copyOne = async (
  work: Work,
  { name, generation }: ManifestRow,
  { source, sink }: { readonly source: string; readonly sink: string },
): Promise<void> => {
  const { spec, buckets, counters, onFailed } = work;
  const from = { bucket: source, name: `${spec.gcsDataSource?.path ?? ''}${name}` };
  const to = { bucket: sink, name: `${spec.gcsDataSink?.path ?? ''}${name}` };
  const poison = await work.before(name);
  const found = await buckets.head(from.bucket, from.name);
  const size = Number(found?.size ?? 0);
  const fail = (code: string, detail: string): void => {
    counters.objectsFromSourceFailed++;
    counters.bytesFromSourceFailed += size;
    onFailed({ code, url: `gs://${from.bucket}/${from.name}`, detail });
  };
  if (!found || found.generation !== (generation ?? found.generation))
    return fail('NOT_FOUND', 'The object, or this version of it, does not exist.');
  if (isInSync(work, found, await buckets.head(to.bucket, to.name))) {
    counters.objectsFromSourceSkippedBySync++;
    counters.bytesFromSourceSkippedBySync += size;
    return;
  }
  counters.objectsFoundFromSource++;
  counters.bytesFoundFromSource += size;
  if (poison !== undefined) return fail(poison, 'The object could not be copied.');
  const createOnly = spec.transferOptions?.overwriteWhen === 'NEVER';
  const outcome = await buckets.copy({ from: { ...from, generation: found.generation }, to, createOnly });
  if (outcome !== 'copied') return fail('FAILED_PRECONDITION', 'The object changed while it was copied.');
  counters.objectsCopiedToSink++;
  counters.bytesCopiedToSink += size;
};

const isInSync = ({ spec }: Work, found: StoredObject, standing: StoredObject | undefined): boolean => {
  if (!standing) return false;
  const { overwriteWhen = 'DIFFERENT' } = spec.transferOptions ?? {};
  if (overwriteWhen === 'NEVER') return true;
  return overwriteWhen === 'DIFFERENT' && standing.crc32c === found.crc32c && standing.size === found.size;
};
