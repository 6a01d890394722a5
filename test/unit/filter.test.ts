import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileFilter } from '../../core/plan/filter.ts';

/** The same rules, told as a recursion over characters. */
const naive = (rule: string, key: string): boolean => {
  const characters = Array.from(rule);
  let glob = false;
  const parts: (string | { readonly any: 'star' | 'globstar' | 'one' })[] = [];
  for (let i = 0; i < characters.length; i++) {
    const c = characters[i] ?? '';
    const next = characters[i + 1];
    if (c === '\\' && next !== undefined) {
      parts.push(next);
      i++;
    } else if (c === '*' && next === '*') {
      parts.push({ any: 'globstar' });
      i++;
    } else parts.push(c === '*' ? { any: 'star' } : c === '?' ? { any: 'one' } : c);
    glob ||= c === '*' || c === '?';
  }
  if (!glob) parts.push({ any: 'globstar' });
  const letters = Array.from(key);
  const fits = (p: number, k: number): boolean => {
    const part = parts[p];
    const letter = letters[k];
    if (part === undefined) return letter === undefined;
    if (typeof part === 'string') return part === letter && fits(p + 1, k + 1);
    if (part.any === 'one') return letter !== undefined && letter !== '/' && fits(p + 1, k + 1);
    if (fits(p + 1, k)) return true;
    return letter !== undefined && (part.any === 'globstar' || letter !== '/') && fits(p, k + 1);
  };
  return fits(0, 0);
};

const pieces = fc.constantFrom('a', 'b', '/', '.', '*', '**', '?', '\\', '\\*', '\\?', '\\\\', 'é', '😀');
const rule = fc.array(pieces, { minLength: 1, maxLength: 7 }).map((list) => list.join(''));
const key = fc
  .array(fc.constantFrom('a', 'b', '/', '.', '*', '?', '\\', 'é', '😀'), { maxLength: 9 })
  .map((list) => list.join(''));

describe('exclude rules', () => {
  it.each([
    ['tmp/', 'tmp/a', true],
    ['tmp/', 'tmp', false],
    ['tmp', 'tmp-of-mine/a', true],
    ['*.log', 'a.log', true],
    ['*.log', 'a/b.log', false],
    ['**.log', 'a/b.log', true],
    ['a/*/c', 'a/b/c', true],
    ['a/*/c', 'a/b/b/c', false],
    ['a/**/c', 'a/b/b/c', true],
    ['a/**/c', 'a/c', false],
    ['a?c', 'abc', true],
    ['a?c', 'a/c', false],
    ['a?c', 'a😀c', true],
    ['a??c', 'a😀c', false],
    ['\\*', '*and more', true],
    ['\\*', 'a', false],
    ['a\\?*', 'a?b', true],
    ['a\\', 'a\\b', true],
    ['a.c', 'abc', false],
    ['**', '', true],
    ['*', 'a/b', false],
    ['[ab]', 'a', false],
    ['(a+)+$', '(a+)+$', true],
  ])('%j and the key %j: %s', (pattern, name, excluded) => {
    expect(compileFilter([pattern]).match(name)).toBe(excluded ? 0 : -1);
  });

  it('mean what a naive reading says', () => {
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 4 }), key, (rules, name) => {
        const index = compileFilter(rules).match(name);
        expect(index >= 0).toBe(rules.some((each) => naive(each, name)));
        expect(index < 0 || naive(rules[index] ?? '', name)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  it('give the same answer for every key, in whatever order keys come', () => {
    fc.assert(
      fc.property(fc.array(rule, { minLength: 1, maxLength: 4 }), fc.array(key, { maxLength: 12 }), (rules, keys) => {
        const filter = compileFilter(rules);
        const once = keys.map((name) => filter.match(name));
        expect(keys.toReversed().map((name) => filter.match(name))).toEqual(once.toReversed());
      }),
    );
  });

  it('stay right when there are more states than are kept', () => {
    const rules = Array.from({ length: 14 }, (_, i) => `**${'ab'.charAt(i % 2)}${'?'.repeat(i + 1)}`);
    const filter = compileFilter(rules);
    const fits = (name: string): boolean => rules.some((_, i) => name.at(-2 - i) === 'ab'.charAt(i % 2));
    let seed = 1;
    for (let i = 0; i < 1000; i++) {
      let name = '';
      for (let j = 0; j < 24; j++) {
        seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
        name += 'abc'.charAt(Math.floor(seed / 65_536) % 3);
      }
      expect(filter.match(name) >= 0).toBe(fits(name));
    }
  });

  it('are refused when empty, with their place', () => {
    expect(() => compileFilter(['a', ''])).toThrow(/an exclude rule is empty \(exclude\[1\]\)/);
  });

  it('exclude nothing when there are none', () => {
    expect(compileFilter([]).match('anything')).toBe(-1);
  });
});
