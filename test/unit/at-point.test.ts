// When the points were, by a clock that nobody asked at the time.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { spanOfPoints, wasCurrentIn } from '../../core/plan/at-point.ts';

const second = 1000;
const base = Date.UTC(2026, 0, 1);
const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();
/** As a header tells it. */
const whole = (milliseconds: number): string => iso(Math.floor(milliseconds / second) * second);

describe('the span of the points', () => {
  it('is told by the clock of the object store', () => {
    const span = spanOfPoints({
      begun: '2026-01-01T10:00:00.000Z',
      pointsBy: '2026-01-01T10:00:10.000Z',
      before: '2026-01-01T12:00:00.000Z',
      source: '2026-01-01T09:30:00.000Z',
      after: '2026-01-01T12:00:01.000Z',
    });
    expect(span).toEqual({ from: '2026-01-01T07:29:57.000Z', until: '2026-01-01T07:30:12.000Z' });
  });

  it('holds begin and points whatever the clocks show, and little more', () => {
    const lasting = fc.integer({ min: 0, max: 100_000 });
    const clock = fc.integer({ min: -86_400_000, max: 86_400_000 });
    fc.assert(
      fc.property(fc.tuple(lasting, lasting, lasting, lasting), clock, clock, (lasted, storage, store) => {
        const [run, dump, wait, ask] = lasted.map((each) => each);
        const begun = base;
        const points = begun + (run ?? 0);
        const before = points + (dump ?? 0);
        const asked = before + (wait ?? 0);
        const after = asked + (ask ?? 0);
        const span = spanOfPoints({
          begun: whole(begun + storage),
          pointsBy: whole(points + storage),
          before: whole(before + storage),
          source: whole(asked + store),
          after: whole(after + storage),
        });
        const [from, until] = [Date.parse(span.from) - store, Date.parse(span.until) - store];
        expect(from).toBeLessThanOrEqual(begun);
        expect(until).toBeGreaterThanOrEqual(points);
        expect(begun - from).toBeLessThanOrEqual(4 * second + (after - asked));
        expect(until - points).toBeLessThanOrEqual(4 * second + (asked - before));
      }),
    );
  });
});

describe('a version', () => {
  const span = { from: iso(base), until: iso(base + 10 * second) };
  it.each([
    ['came before and is still there', -5, Number.POSITIVE_INFINITY, true],
    ['came in the middle', 5, Number.POSITIVE_INFINITY, true],
    ['came with the end', 10, Number.POSITIVE_INFINITY, true],
    ['came after', 11, Number.POSITIVE_INFINITY, false],
    ['went with the begin', -5, 0, true],
    ['went before', -5, -1, false],
    ['came and went in the middle', 4, 5, true],
  ])('that %s: %s to %s', (_what, since, until, is) => {
    expect(wasCurrentIn(span)({ since: base + since * second, until: base + until * second })).toBe(is);
  });
});
