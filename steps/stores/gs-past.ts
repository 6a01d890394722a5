import type { ObjectPast, ObjectStore } from '../../core/ports/object-store.ts';
import { Lc2Error } from '../../core/errors.ts';
import { createPast, type PastCalls, type StoredVersion } from './create-past.ts';
import { partOf } from './gs-calls.ts';
import { call, type GsContext, listedFields } from './gs-context.ts';
import { broken, type Listed, listedPages } from './gs-list.ts';

/** Generations of a bucket: Google tells of each since when and until when it was the live one. */
export const gsPast = (context: GsContext, store: ObjectStore, reads: Pick<PastCalls, 'head' | 'get'>): ObjectPast =>
  createPast(store, { ...reads, probe: () => probe(context), versions: (below) => versions(context, below) });

const probe = async (context: GsContext): Promise<void> => {
  const path = `/storage/v1/b/${encodeURIComponent(context.bucket)}`;
  const bucket = await call(context, '', () =>
    context.calls.json({ method: 'GET', path, query: { fields: 'name,versioning' } }, context.signal),
  );
  if (partOf(partOf(bucket, 'versioning'), 'enabled') === true) return;
  throw new Lc2Error('VERSIONS_UNAVAILABLE', 'the bucket keeps no versions', { where: context.url });
};

async function* versions(
  context: GsContext,
  span: Parameters<PastCalls['versions']>[0],
): AsyncGenerator<readonly StoredVersion[], void, undefined> {
  const asked = { fields: `${listedFields},timeDeleted`, versions: 'true' } as const;
  for await (const page of listedPages(context, span, asked)) yield page.map((listed) => versionOf(context, listed));
}

const versionOf = (context: GsContext, { info, item }: Listed): StoredVersion => {
  const deleted = partOf(item, 'timeDeleted');
  const until = deleted === undefined ? Number.POSITIVE_INFINITY : timeOf(deleted);
  if (Number.isNaN(until)) throw broken(context, 'the listing holds a time that is none', info.key);
  return { info, id: info.version, since: Date.parse(info.mtime), until };
};

const timeOf = (said: unknown): number => (typeof said === 'string' ? Date.parse(said) : Number.NaN);
