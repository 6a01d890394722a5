import { Lc2Error } from '../../core/errors.ts';
import type { ObjectInfo } from '../../core/ports/object-store.ts';
import { compareUtf8 } from '../../core/utf8.ts';
import { listPages } from '../runtime/split-pages.ts';
import { infosOf } from './create-past.ts';
import { partOf } from './gs-calls.ts';
import { bucketPath, call, type GsContext, listedFields, resourceOf, whereIs } from './gs-context.ts';

interface Span {
  readonly prefix: string;
  readonly startAfter?: string | undefined;
}

interface Asked {
  /** What an item shall hold. */
  readonly fields: string;
  /** All versions, and not only what is current. */
  readonly versions?: 'true';
}

/** One object, or one version of one. */
export interface Listed {
  readonly info: ObjectInfo;
  /** The whole item, for what `Asked.fields` has beside the fields of an `ObjectInfo`. */
  readonly item: unknown;
}

/** Every object, in Google's own order, which is that of UTF-8 bytes. */
export const listObjects = (
  context: GsContext,
  options: Span & { readonly cuts?: Iterable<string> | undefined },
): AsyncIterable<ObjectInfo> =>
  listPages(
    (startAfter) => infosOf(listedPages(context, { ...options, startAfter }, { fields: listedFields })),
    options,
  );

/** Pages of a listing. What is repeated, disordered or was not asked for, and a listing that is cut short, is found out. */
export async function* listedPages(
  context: GsContext,
  span: Span,
  asked: Asked,
): AsyncGenerator<readonly Listed[], void, undefined> {
  const { prefix, startAfter = '' } = span;
  // Versions of one object have its key.
  const least = asked.versions === undefined ? 1 : 0;
  let token: string | undefined;
  let last: string | undefined;
  do {
    const page = await readPage(context, span, { token, ...asked });
    const found: Listed[] = [];
    for (const item of page.items) {
      const resource = resourceOf(item);
      if (resource === undefined) throw broken(context, 'the listing lacks size, time or generation', prefix);
      if (!resource.name.startsWith(context.prefix + prefix))
        throw broken(context, 'the listing holds a key that was not asked for', resource.name);
      const key = resource.name.slice(context.prefix.length);
      if (last !== undefined && compareUtf8(key, last) < least)
        throw broken(context, 'the listing is not in the order of UTF-8 bytes', key);
      last = key;
      // The folder itself, as some tools mark it, has no name below the prefix; a listing begins with the key named.
      if (key === '' || (startAfter !== '' && compareUtf8(key, startAfter) <= 0)) continue;
      found.push({ info: { key, ...resource.info }, item });
    }
    if (page.next !== undefined && page.next === token)
      throw broken(context, 'the listing was cut short without a way to go on', prefix);
    token = page.next;
    yield found;
  } while (token !== undefined);
}

interface Page {
  readonly items: readonly unknown[];
  readonly next: string | undefined;
}

const readPage = async (
  context: GsContext,
  { prefix, startAfter = '' }: Span,
  { token, ...query }: Asked & { readonly token: string | undefined },
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
