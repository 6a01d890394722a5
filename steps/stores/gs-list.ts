import { Lc2Error } from '../../core/errors.ts';
import type { ObjectInfo } from '../../core/ports/object-store.ts';
import { compareUtf8 } from '../../core/utf8.ts';
import { listPages } from '../runtime/split-pages.ts';
import { partOf } from './gs-calls.ts';
import { bucketPath, call, type GsContext, listedFields, resourceOf, whereIs } from './gs-context.ts';

interface ListOptions {
  readonly prefix: string;
  readonly startAfter?: string | undefined;
  readonly cuts?: Iterable<string> | undefined;
}

/** Every object, in Google's own order, which is that of UTF-8 bytes. What is left out, repeated or disordered is found out. */
export const listObjects = (context: GsContext, options: ListOptions): AsyncIterable<ObjectInfo> =>
  listPages((startAfter) => pagesOf(context, { ...options, startAfter }), options);

async function* pagesOf(
  context: GsContext,
  options: ListOptions,
): AsyncGenerator<readonly ObjectInfo[], void, undefined> {
  const { prefix, startAfter = '' } = options;
  let token: string | undefined;
  let last: string | undefined;
  do {
    const page = await readPage(context, options, { token, fields: listedFields });
    const objects: ObjectInfo[] = [];
    for (const value of page.items) {
      const resource = resourceOf(value);
      if (resource === undefined) throw broken(context, 'the listing lacks size, time or generation', prefix);
      if (!resource.name.startsWith(context.prefix + prefix))
        throw broken(context, 'the listing holds a key that was not asked for', resource.name);
      const key = resource.name.slice(context.prefix.length);
      if (last !== undefined && compareUtf8(last, key) >= 0)
        throw broken(context, 'the listing is not in the order of UTF-8 bytes', key);
      last = key;
      // The folder itself, as some tools mark it, has no name below the prefix; a listing begins with the key named.
      if (key === '' || (startAfter !== '' && compareUtf8(key, startAfter) <= 0)) continue;
      objects.push({ key, ...resource.info });
    }
    if (page.next !== undefined && page.next === token)
      throw broken(context, 'the listing was cut short without a way to go on', prefix);
    token = page.next;
    yield objects;
  } while (token !== undefined);
}

interface Page {
  readonly items: readonly unknown[];
  readonly next: string | undefined;
}

/** One page; `query` asks for more than what is current. */
export const readPage = async (
  context: GsContext,
  { prefix, startAfter = '' }: Pick<ListOptions, 'prefix' | 'startAfter'>,
  { token, ...query }: { readonly token: string | undefined; readonly fields: string; readonly versions?: 'true' },
): Promise<Page> => {
  const { pageSize } = context.tuning;
  const value = await call(context, prefix, () =>
    context.calls.json(
      {
        method: 'GET',
        path: bucketPath(context.bucket),
        query: {
          prefix: context.prefix + prefix || undefined,
          ...query,
          fields: `kind,items(${query.fields}),nextPageToken`,
          startOffset: startAfter === '' ? undefined : context.prefix + startAfter,
          maxResults: pageSize === undefined ? undefined : String(pageSize),
          pageToken: token,
        },
      },
      context.signal,
    ),
  );
  const [items = [], next] = [partOf(value, 'items'), partOf(value, 'nextPageToken')];
  if (partOf(value, 'kind') !== 'storage#objects' || !Array.isArray(items))
    throw broken(context, 'the answer is no listing', prefix);
  return { items, next: typeof next === 'string' && next !== '' ? next : undefined };
};

export const broken = (context: GsContext, what: string, key: string): Lc2Error =>
  new Lc2Error('STORE_FAILED', what, { where: whereIs(context, key) });
