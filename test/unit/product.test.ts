import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { catalogue } from '../../core/errors.ts';
import { compileFilter } from '../../core/plan/filter.ts';
import { profileNames, profiles } from '../../core/profiles/index.ts';
import { toolVersion } from '../../core/version.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

const sources = ['core', 'steps', 'cli', 'controller', 'templates'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => ({ name: join(folder, name), text: readFileSync(join(root, folder, name), 'utf8') })),
);

describe('the product', () => {
  it('has one version', () => {
    const { version }: { version: string } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(toolVersion).toBe(version);
  });

  it('uses every code of the catalogue, and no other', () => {
    const used = new Set<string>();
    const thrown = new Set<string>();
    for (const { name, text } of sources) {
      if (name === 'core/errors.ts') {
        if (/new Lc2Error\('BUG'/.test(text)) used.add('BUG');
        continue;
      }
      for (const [, code = ''] of text.matchAll(/'([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)'/g)) used.add(code);
      for (const [, code = ''] of text.matchAll(/(?:new Lc2Error|fail|hasCode)\(\s*'([A-Z_0-9]+)'/g)) thrown.add(code);
    }
    const known = Object.keys(catalogue);
    expect(known.filter((code) => !used.has(code))).toEqual([]);
    expect([...thrown].filter((code) => !known.includes(code))).toEqual([]);
  });
});

describe('profiles', () => {
  it('are known by their names', () => {
    expect([...profileNames].toSorted()).toEqual(Object.keys(profiles).toSorted());
    for (const [name, profile] of Object.entries(profiles)) expect(profile.name).toBe(name);
    expect(profiles.generic.generatedFiles).toEqual([]);
  });

  const filter = compileFilter(profiles.liferay.generatedFiles);
  it.each([
    ['20097/0/document_preview/1/2/3.png', true],
    ['20097/0/document_thumbnail/1.jpeg', true],
    ['20097/0/document_preview/', true],
    ['20097/0/12345/1.0', false],
    ['20097/0/12345', false],
    ['20097/0/adaptive/1/2/3.png', false],
    ['20097/20121/1001/1.0', false],
    ['20097/20121/document_preview/1.png', false],
    ['20097/20121/0/document_preview/1.png', false],
    ['0/document_preview/1.png', false],
    ['20097/0/document_previews/1.png', false],
  ])('of Liferay leave out %s: %s', (key, excluded) => {
    expect(filter.match(key) >= 0).toBe(excluded);
  });
});
