// Seeded defects are applied seldom; whether they still fit is seen at once.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { all } from '../defects/all.ts';

describe('seeded defects', () => {
  it.each(all)('$breaks: stands once in $file', ({ file, find, replace }) => {
    expect(readFileSync(file, 'utf8').split(find)).toHaveLength(2);
    expect(replace).not.toBe(find);
  });

  it('have names of their own', () => {
    expect(new Set(all.map(({ breaks }) => breaks)).size).toBe(all.length);
  });
});
