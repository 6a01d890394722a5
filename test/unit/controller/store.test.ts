import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createStore, type Identified, isOlder } from '../../../controller/kube/store.ts';

const item = (name: string, version: number): Identified => ({
  namespace: 'n',
  name,
  uid: name,
  resourceVersion: String(version),
});

test('versions are compared as numbers of any length', () => {
  expect(isOlder('9', '10')).toBe(true);
  expect(isOlder('10', '9')).toBe(false);
  expect(isOlder('99999999999999999998', '99999999999999999999')).toBe(true);
  expect(isOlder('5', '5')).toBe(false);
  expect(isOlder('x', '5')).toBe(false);
});

type News = { readonly name: string; readonly version: number; readonly deleted: boolean };

/** A history of two objects, as a server makes it: versions rise; an object is there or not. */
const history = fc
  .array(fc.record({ name: fc.constantFrom('a', 'b'), deleted: fc.boolean() }), { maxLength: 12 })
  .map((steps) => steps.map((step, index): News => ({ ...step, version: index + 1 })));

const play = (news: readonly News[]): Identified[] => {
  const store = createStore<Identified>(() => {});
  for (const { name, version, deleted } of news) {
    if (deleted) store.remove(item(name, version));
    else store.upsert(item(name, version));
  }
  return [...store.values()].toSorted((x, y) => (x.name < y.name ? -1 : 1));
};

test('doubled and reordered news give what ordered news give', () => {
  fc.assert(
    fc.property(
      history.chain((news) =>
        fc.tuple(fc.constant(news), fc.shuffledSubarray([...news, ...news], { minLength: news.length * 2 })),
      ),
      ([news, shuffled]) => {
        expect(play(shuffled)).toEqual(play(news));
      },
    ),
    { numRuns: 500 },
  );
});

test('a list keeps what was written after it was made and drops what is no more', () => {
  const changes: string[] = [];
  const store = createStore<Identified>((key, now) => changes.push(`${key} ${now?.resourceVersion ?? 'gone'}`));
  store.upsert(item('old', 5));
  store.upsert(item('ours', 12));
  const relisting = store.relist();
  relisting.page([item('listed', 7)]);
  relisting.end('10');
  expect([...store.values()].map(({ name }) => name).toSorted()).toEqual(['listed', 'ours']);
  expect(changes).toEqual(['n/old 5', 'n/ours 12', 'n/listed 7', 'n/old gone']);
});

test('a list takes effect page by page, and one that breaks off removes nothing', () => {
  const store = createStore<Identified>(() => undefined);
  store.upsert(item('old', 5));
  store.relist().page([item('first', 7)]);
  const again = store.relist();
  again.page([item('first', 7)]);
  expect([...store.values()].map(({ name }) => name)).toEqual(['old', 'first']);
  again.page([item('second', 8)]);
  again.end('10');
  expect([...store.values()].map(({ name }) => name)).toEqual(['first', 'second']);
});
