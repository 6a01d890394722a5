import { compileFilter } from '../../core/plan/filter.ts';
import { median, type Row } from './table.ts';

const families = ['document_preview', 'document_thumbnail', 'adaptive', 'tmp', 'cache', 'export'];

/** Fifty rules as an admin of a large library would write them: prefixes, globs within and across segments. */
const rules = Array.from({ length: 50 }, (_, i) => {
  const family = families[i % families.length] ?? '';
  const kinds = [`*/0/${family}-${i}/**`, `2009${i}/${family}/`, `**/*.${family}${i}`, `20097/2012?/${family}${i}*`];
  return kinds[i % kinds.length] ?? '';
});

/** Keys of about 100 characters, as Liferay's document library has them. */
const keys = Array.from({ length: 100_000 }, (_, i) => {
  const company = 20_097 + (i % 3);
  const family = families[i % families.length] ?? '';
  const name = `${String(i).padStart(8, '0')}-${'abcdef0123456789'.repeat(3)}`;
  return i % 4 === 0
    ? `${company}/0/${family}/${i % 97}/${i % 89}/${name}/1.0/${i}.${i % 5 === 0 ? 'png' : 'jpeg'}`
    : `${company}/2012${i % 9}/documents/${i % 97}/${i % 89}/${name}/version-1.0/original.pdf`;
});

/** CPU time: what else runs on the machine does not count. */
const microseconds = (match: (key: string) => boolean): number => {
  const start = process.cpuUsage();
  let excluded = 0;
  for (const key of keys) if (match(key)) excluded++;
  const { user, system } = process.cpuUsage(start);
  if (excluded === keys.length) throw new Error('the rules exclude everything');
  return (user + system) / keys.length;
};

/** Against 0.5 µs a key. */
export const benchFilter = (): Row[] => {
  const filter = compileFilter(rules);
  const rounds: number[] = [];
  for (let round = 0; round < 9; round++) rounds.push(microseconds((key) => filter.match(key) >= 0));
  return [{ bench: 'filter, 50 rules, 100-char keys', ours: median(rounds), other: 0.5, unit: 'us/key', goal: 1 }];
};
