import { StorageResponseFormat } from '@azure/storage-blob';
import { Lc2Error } from '../../core/errors.ts';
import type { ObjectInfo } from '../../core/ports/object-store.ts';
import { compareUtf8 } from '../../core/utf8.ts';
import { itemsOfPages } from '../runtime/pages.ts';
import { type AzblobContext, call, infoOf, whereIs } from './azblob-context.ts';
import { storeTime } from './store-time.ts';

interface ListOptions {
  readonly prefix: string;
  readonly startAfter?: string | undefined;
}

/** Keys that are held back to be put in order; nobody names 100,000 files with characters from beyond U+FFFF. */
const mostHeld = 100_000;

/** Every object, in the order of UTF-8 bytes. What is left out, repeated or disordered is found out. */
export const listObjects = (context: AzblobContext, options: ListOptions): AsyncIterable<ObjectInfo> =>
  itemsOfPages(pagesOf(context, options), { ahead: true });

async function* pagesOf(
  context: AzblobContext,
  { prefix, startAfter = '' }: ListOptions,
): AsyncGenerator<readonly ObjectInfo[], void, undefined> {
  let token: string | undefined;
  let last: string | undefined;
  const held = createHold(context);
  do {
    const page = await readPage(context, prefix, token);
    const objects: ObjectInfo[] = [];
    for (const info of page.objects) objects.push(...held.take(info));
    if (page.next === undefined) objects.push(...held.rest());
    for (const { key } of objects) {
      if (last !== undefined && compareUtf8(last, key) >= 0)
        throw broken(context, 'the listing is not in the order of its characters', key);
      last = key;
    }
    if (page.next !== undefined && page.next === token)
      throw broken(context, 'the listing was cut short without a way to go on', prefix);
    token = page.next;
    yield startAfter === '' ? objects : objects.filter(({ key }) => compareUtf8(key, startAfter) > 0);
  } while (token !== undefined);
}

interface Hold {
  /** What may be handed out now that this one has come. */
  take(info: ObjectInfo): readonly ObjectInfo[];
  rest(): readonly ObjectInfo[];
}

/**
 * A service that compares UTF-16 units lists what needs surrogates before U+E000 to U+FFFF, UTF-8 the other way round.
 * Keys that differ at such a place stand beside each other in both orders: they are held back and sorted among themselves.
 */
const createHold = (context: AzblobContext): Hold => {
  let held: ObjectInfo[] = [];
  let before = '';
  const rest = (): readonly ObjectInfo[] => {
    const sorted = held.sort((a, b) => compareUtf8(a.key, b.key));
    held = [];
    return sorted;
  };
  const isBeside = (key: string): boolean => key.startsWith(before) && key.charCodeAt(before.length) >= 0xd800;
  return {
    take: (info) => {
      if (held.length > 0 && isBeside(info.key)) {
        held.push(info);
        if (held.length > mostHeld)
          throw broken(context, 'too many keys from beyond U+FFFF to put them in order', before);
        return [];
      }
      const ready = held.length > 0 ? rest() : [];
      const at = info.key.search(/[\ud800-\udfff]/);
      if (at < 0) return [...ready, info];
      before = info.key.slice(0, at);
      held.push(info);
      return ready;
    },
    rest,
  };
};

const readPage = async (
  context: AzblobContext,
  prefix: string,
  continuationToken: string | undefined,
): Promise<{ readonly objects: readonly ObjectInfo[]; readonly next: string | undefined }> => {
  const full = context.prefix + prefix;
  const { pageSize: maxPageSize } = context.tuning;
  const { value: page, done } = await call(context, prefix, (abortSignal) =>
    context.place.container
      // The other format would be read by a package as large as the SDK.
      .listBlobsFlat({ abortSignal, responseFormat: StorageResponseFormat.Xml, ...(full !== '' && { prefix: full }) })
      .byPage({
        ...(continuationToken !== undefined && { continuationToken }),
        ...(maxPageSize !== undefined && { maxPageSize }),
      })
      .next(),
  );
  // The SDK reads a page of a proxy as a listing of nothing.
  if (done === true || page.containerName !== context.place.containerName)
    throw broken(context, 'the answer is no listing', prefix);
  const objects: ObjectInfo[] = [];
  for (const { name, properties } of page.segment.blobItems) {
    if (!name.startsWith(full)) throw broken(context, 'the listing holds a key that was not asked for', name);
    const key = name.slice(context.prefix.length);
    // The folder itself, as some tools mark it, has no name below the prefix.
    if (key !== '')
      objects.push(infoOf(context, key, { ...properties, contentType: undefined, size: properties.contentLength }));
  }
  return { objects, next: page.continuationToken === '' ? undefined : page.continuationToken };
};

/** The service's clock, as a listing of one bears it. */
export const timeOf = async (context: AzblobContext): Promise<string> => {
  const { value: page } = await call(context, '', (abortSignal) =>
    context.place.container
      .listBlobsFlat({ abortSignal, responseFormat: StorageResponseFormat.Xml })
      .byPage({ maxPageSize: 1 })
      .next(),
  );
  return storeTime(context.url, page?.date?.toISOString());
};

const broken = (context: AzblobContext, what: string, key: string): Lc2Error =>
  new Lc2Error('STORE_FAILED', what, { where: whereIs(context, key) });
