import { describe, expect, it } from 'vitest';
import { join } from 'node:path';
import { filesBelow, root } from './support/dist.ts';

/** What no type and no linter says of the product's sources. */

const folders = ['core', 'steps', 'templates', 'controller', 'cli'];
const sources = folders.flatMap((folder) =>
  [...filesBelow(join(root, folder))]
    .filter(([file]) => /\.(ts|mjs)$/.test(file))
    .map(([file, text]) => ({ file: `${folder}/${file}`, text })),
);

const matches = (pattern: RegExp): string[] =>
  sources.flatMap(({ file, text }) => [...text.matchAll(pattern)].map(([match]) => `${file}: ${match}`));

describe('sources', () => {
  it('start no program by a shell, and only those that are known', () => {
    expect(sources.length).toBeGreaterThan(150);
    expect(
      matches(/\b(exec|execSync|execFile|execFileSync|spawnSync|fork)\(|\bshell:|\beval\(|new Function\(/g),
    ).toEqual(
      // `exec` of a regular expression is none.
      matches(/(?<=[\w)\]/])\.?\bexec\(/g).map((match) => match.replace(': .exec', ': exec')),
    );
    expect(matches(/from 'node:child_process'/g).map((match) => match.split(':')[0])).toEqual([
      'steps/runtime/children.ts',
      'cli/runner.ts',
    ]);
    const programs = matches(/program: (?:'[^']*'|tools\.program\('[^']*'\))/g).map((match) => match.split("'")[1]);
    expect([...new Set(programs)].sort()).toEqual([
      'pg_dump',
      'pg_dumpall',
      'pg_restore',
      'prlimit',
      'psql',
      'rclone',
      'zstd',
    ]);
  });

  it('give psql no script but one that is checked', () => {
    const users = sources.filter(({ text }) => text.includes("tools.program('psql')"));
    expect(users.map(({ file }) => file)).toEqual(['steps/engines/postgresql/load.ts']);
    const text = users[0]?.text ?? '';
    expect(text.match(/(?<=runScript\(task, )\w+\(/g)?.sort()).toEqual(['loadable(', 'plainScriptFor(']);
    expect(text).toMatch(/stages: \[run\],\s+input: script,/);
  });
});
