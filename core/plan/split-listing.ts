import type { InventoryPart } from '../manifest/manifest.ts';
import { compareUtf8 } from '../utf8.ts';

/**
 * A listing is read at several places at once where an inventory of some time ago says about where its keys are. Cuts
 * decide how fast it goes and nothing else: whatever they are, every key comes once and in order.
 */

interface Keyed {
  readonly key: string;
}

/** Objects between two cuts, which cost a page more at most: one of some ten. Parts of inventories hold as many. */
export const objectsApart = 10_000;

/** Where the listing of what an inventory holds may be cut. */
export function* cutsOf(parts: readonly Pick<InventoryPart, 'last' | 'objects'>[]): Generator<string, void, undefined> {
  let objects = 0;
  for (const part of parts.slice(0, -1)) {
    objects += part.objects;
    if (objects < objectsApart) continue;
    yield part.last;
    objects = 0;
  }
}

/** Control characters, and what else is not to be seen, is bent by some server when a listing is to begin after it. */
const plain = /^\P{C}+$/u;

/** The cuts that a listing can use, in order: inventories are input. */
export function* usableCuts(
  cuts: Iterable<string>,
  { prefix, startAfter = '' }: { readonly prefix: string; readonly startAfter?: string | undefined },
): Generator<string, void, undefined> {
  let last = startAfter;
  for (const cut of cuts) {
    if (!cut.startsWith(prefix) || !plain.test(cut) || compareUtf8(cut, last) <= 0) continue;
    yield cut;
    last = cut;
  }
}

/** The same of copies, whose keys are those of the objects below a folder. */
export function* cutsBelow(folder: string, cuts: Iterable<string>): Generator<string, void, undefined> {
  for (const cut of cuts) yield folder + cut;
}

/** Whether what was read so far, the page last, reaches a cut. */
export const reaches = (page: readonly Keyed[] | undefined, cut: string | undefined): boolean => {
  const last = page?.at(-1);
  return last !== undefined && cut !== undefined && compareUtf8(last.key, cut) >= 0;
};

/**
 * What is left of a page at the cut that it reaches, when another reader has begun behind the cut; undefined: both do not say
 * the same of what comes there, so this reader alone goes on. `first` is the key that the other one found, if any.
 */
export const joined = <T extends Keyed>(
  page: readonly T[],
  cut: string,
  first: string | undefined,
): readonly T[] | undefined => {
  const at = page.findIndex(({ key }) => compareUtf8(key, cut) > 0);
  if (at < 0) return first === undefined || compareUtf8(first, cut) > 0 ? page : undefined;
  return first === page[at]?.key ? page.slice(0, at) : undefined;
};
