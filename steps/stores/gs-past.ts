import type { ObjectPast, ObjectStore } from '../../core/ports/object-store.ts';
import { Lc2Error } from '../../core/errors.ts';
import { compareUtf8 } from '../../core/utf8.ts';
import { createPast, type PastCalls, type StoredVersion } from './create-past.ts';
import { partOf } from './gs-calls.ts';
import { call, type GsContext, listedFields, resourceOf } from './gs-context.ts';
import { broken, readPage } from './gs-list.ts';

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
  { prefix, startAfter = '' }: Parameters<PastCalls['versions']>[0],
): AsyncGenerator<readonly StoredVersion[], void, undefined> {
  const asked = { fields: `${listedFields},timeDeleted`, versions: 'true' } as const;
  let token: string | undefined;
  let last = '';
  do {
    const page = await readPage(context, { prefix, startAfter }, { token, ...asked });
    const found: StoredVersion[] = [];
    for (const value of page.items) {
      const version = versionOf(context, value, prefix);
      const { key } = version.info;
      if (compareUtf8(last, key) > 0) throw broken(context, 'the listing is not in the order of UTF-8 bytes', key);
      last = key;
      // The folder itself, as some tools mark it, has no name below the prefix; a listing begins with the key named.
      if (key !== '' && (startAfter === '' || compareUtf8(key, startAfter) > 0)) found.push(version);
    }
    if (page.next !== undefined && page.next === token)
      throw broken(context, 'the listing was cut short without a way to go on', prefix);
    token = page.next;
    yield found;
  } while (token !== undefined);
}

const versionOf = (context: GsContext, value: unknown, prefix: string): StoredVersion => {
  const resource = resourceOf(value);
  if (resource === undefined) throw broken(context, 'the listing lacks size, time or generation', prefix);
  const { name, generation, info } = resource;
  if (!name.startsWith(context.prefix + prefix))
    throw broken(context, 'the listing holds a key that was not asked for', name);
  const deleted = partOf(value, 'timeDeleted');
  const until = deleted === undefined ? Number.POSITIVE_INFINITY : timeOf(deleted);
  if (Number.isNaN(until)) throw broken(context, 'the listing holds a time that is none', name);
  const key = name.slice(context.prefix.length);
  return { info: { key, ...info }, id: generation, since: Date.parse(info.mtime), until };
};

const timeOf = (said: unknown): number => (typeof said === 'string' ? Date.parse(said) : Number.NaN);
