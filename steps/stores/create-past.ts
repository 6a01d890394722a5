import { type Currency, wasCurrentIn } from '../../core/plan/at-point.ts';
import type {
  ByteRange,
  ObjectBody,
  ObjectInfo,
  ObjectPast,
  ObjectStore,
  TimeSpan,
} from '../../core/ports/object-store.ts';
import { listPages } from '../runtime/split-pages.ts';
import { objectChanged, objectNotFound } from './stored-body.ts';

/** One version of an object; deletions only end the time of the one before. */
export interface StoredVersion extends Currency {
  readonly info: ObjectInfo;
  /** What the store calls this version. */
  readonly id: string;
}

/** What is the store's own in how it tells of versions. */
export interface PastCalls {
  probe(): Promise<void>;
  /** Every version below a prefix, after a key, by the order of the keys. Those of one key may stand on several pages. */
  versions(options: {
    readonly prefix: string;
    readonly startAfter: string | undefined;
  }): AsyncIterable<readonly StoredVersion[]>;
  head(key: string, id: string): Promise<ObjectInfo | undefined>;
  get(key: string, id: string, options: { readonly version?: string; readonly range?: ByteRange }): Promise<ObjectBody>;
}

export const createPast = (store: ObjectStore, calls: PastCalls): ObjectPast => ({
  probe: () => calls.probe(),
  at: (span) => {
    const find = async (key: string): Promise<StoredVersion | undefined> => {
      // The key itself comes first of all that begin with it.
      for await (const page of pick(calls.versions({ prefix: key, startAfter: undefined }), span))
        for (const found of page) return found.info.key === key ? found : undefined;
      return undefined;
    };
    return {
      ...store,
      list: ({ prefix = '', startAfter, cuts } = {}) =>
        listPages((after) => infosOf(pick(calls.versions({ prefix, startAfter: after }), span)), {
          prefix,
          startAfter,
          cuts,
        }),
      head: async (key) => {
        const found = await find(key);
        return found && calls.head(key, found.id);
      },
      get: async (key, options = {}) => {
        const found = await find(key);
        const where = `${store.url}/${key}`;
        if (found === undefined) throw objectNotFound(where);
        if (options.version !== undefined && options.version !== found.info.version) throw objectChanged(where);
        return calls.get(key, found.id, options);
      },
    };
  },
});

/** What is told of the objects of a listing, without what stands beside it. */
export async function* infosOf(
  pages: AsyncIterable<readonly { readonly info: ObjectInfo }[]>,
): AsyncGenerator<readonly ObjectInfo[], void, undefined> {
  for await (const page of pages) yield page.map(({ info }) => info);
}

/** Of each key the newest version that was current at any moment of the span. */
async function* pick(
  pages: AsyncIterable<readonly StoredVersion[]>,
  span: TimeSpan,
): AsyncGenerator<readonly StoredVersion[], void, undefined> {
  const wasCurrent = wasCurrentIn(span);
  let best: StoredVersion | undefined;
  for await (const page of pages) {
    const picked: StoredVersion[] = [];
    for (const version of page.filter(wasCurrent)) {
      if (best !== undefined && best.info.key !== version.info.key) picked.push(best);
      if (best?.info.key !== version.info.key || version.since > best.since) best = version;
    }
    yield picked;
  }
  if (best !== undefined) yield [best];
}
