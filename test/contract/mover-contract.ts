import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MoverName } from '../../core/api/backup-environment.ts';
import type { Mover, MoveOrder, MoveResult } from '../../core/ports/mover.ts';
import type { ObjectInfo, ObjectStore } from '../../core/ports/object-store.ts';
import { openMover } from '../../steps/movers/index.ts';
import type { MoverOptions, MoverTuning } from '../../steps/movers/mover-options.ts';
import { chunks, codeOf, keysOf, listed, openAt, readText, type StoreFixture } from './store-fixture.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const text = (value: string): Uint8Array => Buffer.from(value);

export interface MoverPair {
  readonly mover: MoverName;
  /** What happens to the orders before the mover gets them. */
  readonly before?: (orders: readonly MoveOrder[], options: MoverOptions) => Promise<void>;
  /** Copies stand before the mover comes, and count by what the listings say of both, whatever became of the source since. */
  readonly adoptsListed?: true;
  readonly make: () => Promise<{
    readonly source: StoreFixture;
    readonly target: StoreFixture;
    readonly close: () => Promise<void>;
  }>;
}

interface Ends {
  readonly source: ObjectStore;
  readonly target: ObjectStore;
  readonly mover: Mover;
  readonly move: (orders: readonly MoveOrder[]) => Promise<MoveResult[]>;
  readonly abort: AbortController;
}

async function* each(orders: readonly MoveOrder[]): AsyncGenerator<MoveOrder, void, undefined> {
  for (const order of orders) yield await Promise.resolve(order);
}

const moveAll = async (mover: Mover, orders: readonly MoveOrder[]): Promise<MoveResult[]> => {
  const results: MoveResult[] = [];
  for await (const result of mover.move(each(orders))) results.push(result);
  return results;
};

/** What core/ports/mover.ts says, for one mover between two kinds of places. */
export const moverContract = (name: string, pair: MoverPair): void => {
  describe(`mover: ${name}`, () => {
    let fixtures: Awaited<ReturnType<MoverPair['make']>>;
    let runs = 0;
    const adopted = pair.adoptsListed ? 'copied' : 'adopted';
    const outcomes = (results: readonly MoveResult[]): string[] =>
      results.map((result) => (result.outcome === 'copied' && result.adopted ? adopted : result.outcome));
    const open = async (tuning: MoverTuning = {}): Promise<Ends> => {
      const [from, to] = [`m${++runs}/from`, `m${runs}/to`];
      const abort = new AbortController();
      const source = await openAt(fixtures.source, from, { signal: abort.signal });
      const target = await openAt(fixtures.target, to, { signal: abort.signal });
      const end = ({ location, secrets }: StoreFixture, subfolder: string) => ({ location, secrets, subfolder });
      const options = {
        source,
        target,
        signal: abort.signal,
        from: end(fixtures.source, from),
        to: end(fixtures.target, to),
        folder: 'to/',
        tuning,
      };
      const mover = await openMover(pair.mover, options);
      const move = async (orders: readonly MoveOrder[]): Promise<MoveResult[]> => {
        await pair.before?.(orders, options);
        return moveAll(mover, orders);
      };
      return { source, target, abort, mover, move };
    };
    const order = async (store: ObjectStore, key: string, more: Partial<MoveOrder> = {}): Promise<MoveOrder> => {
      const [from] = await listed(store, { prefix: key });
      if (from === undefined) throw new Error(`no ${key}`);
      return { from, to: `to/${key}`, createOnly: true, ...more };
    };

    const holdsNested = () => fixtures.source.can.holdNestedKeys && fixtures.target.can.holdNestedKeys;

    const keepsMetadata = () => fixtures.source.can.keepMetadata && fixtures.target.can.keepMetadata;

    beforeAll(async () => {
      fixtures = await pair.make();
    });
    afterAll(() => fixtures.close());

    it('copies objects and reports them in the order of the orders', async () => {
      const { source, target, move } = await open({ batchKeys: 5 });
      const keys = Array.from({ length: 23 }, (_, i) => `a/k ${String(i).padStart(2, '0')}+%é`);
      for (const key of keys)
        await source.put(key, text(`bytes of ${key}`), { contentType: 'text/x-test', metadata: { colour: 'red' } });
      await source.put('empty', text(''));
      const all = await listed(source);
      const results = await move(all.map((from) => ({ from, to: `to/${from.key}`, createOnly: true })));
      expect(outcomes(results)).toEqual(all.map(() => 'copied'));
      expect(results.map(({ order: { from } }) => from.key)).toEqual(all.map(({ key }) => key));
      expect(await keysOf(target)).toEqual(all.map(({ key }) => `to/${key}`));
      for (const key of keys) expect(await readText(target, `to/${key}`)).toBe(`bytes of ${key}`);
      const head = await target.head(`to/${keys[0] ?? ''}`);
      expect([head?.contentType === 'text/x-test', head?.metadata?.['colour']]).toEqual(
        keepsMetadata() ? [true, 'red'] : [false, undefined],
      );
      const copies = results.flatMap((result) => (result.outcome === 'copied' ? [result] : []));
      for (const { object, order: moved } of copies) {
        expect(object.size).toBe(moved.from.size);
        expect(object.checksum).toEqual((await target.head(moved.to))?.checksum);
        expect([undefined, sha256(await readText(target, moved.to))]).toContain(object.digest);
      }
    });

    it('changes nothing when it runs again', async () => {
      const { source, target, move } = await open();
      for (const key of ['x', 'y']) await source.put(key, text(key));
      const orders = [await order(source, 'x'), await order(source, 'y')];
      expect(outcomes(await move(orders))).toEqual(['copied', 'copied']);
      const before = await listed(target);
      expect(outcomes(await move(orders))).toEqual([adopted, adopted]);
      expect(await listed(target)).toEqual(before);
    });

    it('never overwrites under createOnly, and does otherwise', async () => {
      const { source, target, move } = await open();
      await source.put('x', text('ours'));
      for (const theirs of ['them', 'longer than ours']) {
        await target.put('to/x', text(theirs));
        expect(outcomes(await move([await order(source, 'x')]))).toEqual(['conflict']);
        expect(await readText(target, 'to/x')).toBe(theirs);
      }
      expect(outcomes(await move([await order(source, 'x', { createOnly: false })]))).toEqual(['copied']);
      expect(await readText(target, 'to/x')).toBe('ours');
    });

    it('says changed or vanished, and leaves nothing there', async () => {
      const { source, target, move } = await open();
      for (const key of ['a', 'b', 'c', 'd']) await source.put(key, text('old'));
      const orders = await Promise.all(['a', 'b', 'c', 'd'].map((key) => order(source, key)));
      await source.put('b', text('new'));
      await source.delete(['c']);
      expect(outcomes(await move(orders))).toEqual(['copied', 'changed', 'vanished', 'copied']);
      expect(await keysOf(target)).toEqual(['to/a', 'to/d']);
    });

    it('does not adopt an old copy for a source that has changed', async () => {
      const { source, target, move } = await open();
      await source.put('a', text('old'));
      const old = await order(source, 'a');
      expect(outcomes(await move([old]))).toEqual(['copied']);
      await source.put('a', text('new'));
      expect(outcomes(await move([old]))).toEqual([pair.adoptsListed ? 'copied' : 'changed']);
      expect(await readText(target, 'to/a')).toBe('old');
    });

    it('copies large objects in parts and keeps what identifies them', async () => {
      const { source, target, move } = await open({ copyLimit: 5 * 1024 * 1024 });
      const size = (fixtures.source.tuning.partSize ?? 100_000) + 5 * 1024 * 1024 + 17;
      await source.put('large', chunks(1, size));
      const [result] = await move([await order(source, 'large')]);
      expect(result).toMatchObject({ outcome: 'copied', object: { size } });
      expect((await target.head('to/large'))?.size).toBe(size);
      expect(await target.abortUploads('')).toBe(0);
    });

    it('copies keys that are told apart by case, length or order only', async () => {
      const { source, target, move } = await open();
      const keys = ['A', 'a', 'a-b', 'a.b', 'a/x', 'back\\slash', 'ü', '\uffe5', '\u{1f600}', 'n'.repeat(250)].filter(
        (key) => key !== 'a' || holdsNested(),
      );
      const canHold = (key: string) => source.holds(key) && target.holds(key);
      const kept = keys.filter(
        (key) => canHold(key) && [fixtures.source, fixtures.target].every(({ can }) => can.keep(key)),
      );
      for (const key of kept) await source.put(key, text(key));
      const all: ObjectInfo[] = await listed(source);
      const results = await move(all.map((from) => ({ from, to: from.key, createOnly: true })));
      expect(outcomes(results)).toEqual(all.map(() => 'copied'));
      expect(await keysOf(target)).toEqual(await keysOf(source));
      for (const key of kept) expect(await readText(target, key)).toBe(key);
    });

    it('says conflict where the target cannot hold a name beside what stands there', async () => {
      const { source, target, move } = await open();
      await source.put('x', text('x'));
      await target.put('to/p', text('p'));
      const run = move([await order(source, 'x', { to: 'to/p/q' })]);
      expect(outcomes(await run)).toEqual([fixtures.target.can.holdNestedKeys ? 'copied' : 'conflict']);
      expect(await readText(target, 'to/p')).toBe('p');
    });

    it('copies to another name', async () => {
      const { source, target, move } = await open();
      await source.put('x', text('x'));
      expect(outcomes(await move([await order(source, 'x', { to: '~12/3456' })]))).toEqual(['copied']);
      expect(await keysOf(target)).toEqual(['~12/3456']);
    });

    it('hands out a result while the next order is awaited', async () => {
      const { source, mover } = await open();
      await source.put('x', text('x'));
      await source.put('y', text('y'));
      let release: () => void = () => undefined;
      const gate = new Promise<void>((resolve) => (release = resolve));
      const orders = async function* () {
        yield await order(source, 'x');
        await gate;
        yield await order(source, 'y');
      };
      const results = mover.move(orders())[Symbol.asyncIterator]();
      expect((await results.next()).value).toMatchObject({ outcome: 'copied' });
      release();
      expect((await results.next()).value).toMatchObject({ outcome: 'copied' });
      expect((await results.next()).done).toBe(true);
    });

    it('ends with CANCELLED and leaves no upload', async () => {
      const { source, mover, abort } = await open();
      for (let i = 0; i < 9; i++) await source.put(`k${i}`, text('x'));
      const all = await listed(source);
      const cancel = async () => {
        const orders = async function* () {
          for (const from of all) {
            yield { from, to: `to/${from.key}`, createOnly: true };
            if (from.key === 'k3') abort.abort();
          }
        };
        for await (const _ of mover.move(orders()));
      };
      expect(await codeOf(cancel())).toBe('CANCELLED');
      expect(await (await openAt(fixtures.target, `m${runs}/to`)).abortUploads('')).toBe(0);
    });

    it('throws what its orders throw', async () => {
      const { source, mover } = await open();
      await source.put('x', text('x'));
      const orders = async function* () {
        yield await order(source, 'x');
        throw new RangeError('no more orders');
      };
      const run = async () => {
        for await (const _ of mover.move(orders()));
      };
      await expect(run()).rejects.toThrow('no more orders');
    });
  });
};
