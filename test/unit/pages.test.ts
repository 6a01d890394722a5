import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { itemsOfPages, pagesOf } from '../../steps/runtime/pages.ts';
import { collect, from } from './support/streams.ts';

/** Four pages of four numbers; tells which were asked for. */
const counted = (failing?: number) => {
  const asked: number[] = [];
  const pages = async function* (): AsyncGenerator<readonly number[], void, undefined> {
    for (let page = 0; page < 4; page++) {
      asked.push(page);
      if (page === failing) throw await Promise.resolve(new Error('no such page'));
      yield await Promise.resolve([0, 1, 2, 3].map((item) => page * 4 + item));
    }
  };
  return { asked, pages: pages() };
};

describe('items of pages', () => {
  it('are all of them, in their order', async () => {
    const pages = fc.array(fc.array(fc.nat(), { maxLength: 5 }), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(pages, fc.boolean(), async (given, ahead) => {
        expect(await collect(itemsOfPages(from(given), { ahead }))).toEqual(given.flat());
      }),
    );
  });

  it('let the next page be asked for when half of one is used, and no earlier', async () => {
    const { asked, pages } = counted();
    const seen: number[] = [];
    for await (const item of itemsOfPages(pages, { ahead: true })) if (item < 6) seen.push(asked.length);
    expect(seen).toEqual([1, 1, 2, 2, 2, 2]);
    const plain = counted();
    const atTheEnd: number[] = [];
    for await (const item of itemsOfPages(plain.pages)) if (item === 3) atTheEnd.push(plain.asked.length);
    expect(atTheEnd).toEqual([1]);
    const first = counted();
    for await (const _ of itemsOfPages(first.pages, { ahead: true })) break;
    expect(first.asked).toEqual([0]);
  });

  it.each([false, true])('come before the error of a later page, ahead: %s', async (ahead) => {
    const seen: number[] = [];
    const read = async (): Promise<void> => {
      for await (const item of itemsOfPages(counted(1).pages, { ahead })) {
        seen.push(item);
        await Promise.resolve();
      }
    };
    await expect(read()).rejects.toThrow('no such page');
    expect(seen).toEqual([0, 1, 2, 3]);
  });

  it('can be left while a page is under way that never comes', async () => {
    const pages = async function* (): AsyncGenerator<readonly number[], void, undefined> {
      yield await Promise.resolve([0, 1, 2, 3]);
      await new Promise<never>(() => undefined);
    };
    const seen: number[] = [];
    for await (const item of itemsOfPages(pages(), { ahead: true })) if (seen.push(item) === 4) break;
    expect(seen).toEqual([0, 1, 2, 3]);
  });
});

describe('items that are taken in pages', () => {
  it('are the pages as they came, or single items where there were none', async () => {
    const pages = [[0, 1], [], [2]];
    for (const ahead of [false, true])
      expect(await collect(pagesOf(itemsOfPages(from(pages), { ahead })))).toEqual(pages);
    expect(await collect(pagesOf(from([0, 1])))).toEqual([[0], [1]]);
  });

  it('let the next page be asked for when one is handed out', async () => {
    const ahead = counted();
    const seen: number[] = [];
    for await (const _ of itemsOfPages(ahead.pages, { ahead: true }).pages) seen.push(ahead.asked.length);
    expect(seen).toEqual([2, 3, 4, 4]);
    const plain = counted();
    for await (const _ of itemsOfPages(plain.pages).pages) break;
    expect(plain.asked).toEqual([0]);
  });

  it.each([false, true])('come before the error of a later page, ahead: %s', async (ahead) => {
    const seen: number[] = [];
    const read = async (): Promise<void> => {
      for await (const page of itemsOfPages(counted(1).pages, { ahead }).pages) seen.push(...page);
    };
    await expect(read()).rejects.toThrow('no such page');
    expect(seen).toEqual([0, 1, 2, 3]);
  });

  it('can be left while a page is under way that never comes', async () => {
    const pages = async function* (): AsyncGenerator<readonly number[], void, undefined> {
      yield await Promise.resolve([0, 1, 2, 3]);
      await new Promise<never>(() => undefined);
    };
    const seen: number[] = [];
    for await (const page of itemsOfPages(pages(), { ahead: true }).pages) if (seen.push(...page) === 4) break;
    expect(seen).toEqual([0, 1, 2, 3]);
  });
});
