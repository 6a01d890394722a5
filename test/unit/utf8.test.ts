import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareUtf8, cutUtf8, utf8Length } from '../../core/utf8.ts';

/** Well-formed text with many characters at the borders of UTF-8 and UTF-16. */
const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      'a',
      'b',
      '/',
      '\u007f',
      '\u0080',
      '\u07ff',
      '\u0800',
      '\ud7ff',
      '\ue000',
      '\uffff',
      '😀',
      '\u{10ffff}',
    ),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
  maxLength: 12,
});

describe('order by UTF-8', () => {
  it('is the order of the bytes', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareUtf8(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
      { numRuns: 2000 },
    );
  });

  it('is not the order of JavaScript', () => {
    expect(['\uffff', '😀'].toSorted()).toEqual(['😀', '\uffff']);
    expect(compareUtf8('\uffff', '😀')).toBeLessThan(0);
    expect(['p/q', 'p', 'p0', 'P', 'é', '😀', '\ufb01', ''].toSorted(compareUtf8)).toEqual([
      '',
      'P',
      'p',
      'p/q',
      'p0',
      'é',
      '\ufb01',
      '😀',
    ]);
  });

  it('compares what starts alike by length', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareUtf8(a, a + b))).toBe(b === '' ? 0 : -1);
        expect(compareUtf8(a, a)).toBe(0);
      }),
    );
  });
});

describe('length in UTF-8', () => {
  it('is the number of bytes, also of half characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.constantFrom('', '\ud800', '\udc00', '\udc00\ud800'), (a, half) => {
        expect(utf8Length(a + half)).toBe(Buffer.byteLength(a + half));
      }),
    );
  });

  it('cuts at most so many bytes and never a character', () => {
    fc.assert(
      fc.property(text, fc.nat(40), (whole, bytes) => {
        const cut = cutUtf8(whole, bytes);
        expect(whole.startsWith(cut)).toBe(true);
        expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(bytes);
        expect(cut.isWellFormed()).toBe(true);
        const next = String.fromCodePoint(whole.codePointAt(cut.length) ?? 0);
        expect(cut === whole || Buffer.byteLength(cut + next) > bytes).toBe(true);
      }),
    );
  });
});
