import { expect, test } from 'vitest';
import { createProblems } from '../../steps/runtime/problems.ts';

test('problems are all counted, and the first thousand are listed', () => {
  const problems = createProblems();
  for (let n = 0; n < 100_000; n++) problems.add({ code: 'OBJECT_NOT_FOUND', key: `k${n}`, message: 'gone' });
  expect(problems.count).toBe(100_000);
  expect(problems.list.map(({ key }) => key)).toEqual(Array.from({ length: 1000 }, (_, n) => `k${n}`));
});
