import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CampaignTest, Seed, VitestTest } from './seed.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const left = new Set(['node_modules', 'build', 'coverage', 'docs']);

/** A copy of the tree that tests run in and that may be broken. */
export interface Tree {
  /** States of the named tests of these seeds, by name; those that could not be run are missing. */
  run(tests: readonly VitestTest[]): Promise<ReadonlyMap<string, string>>;
  /** `passed` and `failed` as the campaign's own tally has it; anything else is what it said. */
  runCampaign(test: CampaignTest): Promise<string>;
  /** Breaks the promise while `use` runs. */
  broken<T>(seed: Seed, use: () => Promise<T>): Promise<T>;
  remove(): void;
}

export const copyTree = (): Tree => {
  const folder = mkdtempSync(join(tmpdir(), 'lc2-defects-'));
  for (const name of readdirSync(root))
    if (!name.startsWith('.') && !left.has(name)) cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return {
    run: (tests) => runTests(folder, tests),
    runCampaign: async ({ campaign, args }) => {
      const said = await output([`test/campaigns/${campaign}/main.ts`, ...args], folder);
      const [, passed, failed] = /^(\d+) passed, (\d+) failed$/mu.exec(said) ?? [];
      if (failed === undefined) return `no tally:\n${said.slice(-2000)}`;
      return failed === '0' && passed !== '0' ? 'passed' : 'failed';
    },
    broken: async (seed, use) => {
      const file = join(folder, seed.file);
      const sound = readFileSync(file, 'utf8');
      const [before = '', after, ...more] = sound.split(seed.find);
      if (after === undefined || more.length > 0)
        throw new Error(
          `${seed.file} holds the place of this defect ${after === undefined ? 'no more' : 'twice'}: ${seed.find}`,
        );
      writeFileSync(file, before + seed.replace + after);
      try {
        return await use();
      } finally {
        writeFileSync(file, sound);
      }
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
};

const runTests = async (folder: string, tests: readonly VitestTest[]): Promise<ReadonlyMap<string, string>> => {
  const report = join(folder, 'report.json');
  rmSync(report, { force: true });
  const unique = (values: readonly string[]): string[] => [...new Set(values)];
  const projects = unique(tests.map(({ project }) => project)).map((project) => `--project=${project}`);
  const names = unique(tests.map(({ name }) => `^${escape(name)}$`)).join('|');
  const vitest = join(folder, 'node_modules/vitest/vitest.mjs');
  const files = unique(tests.map(({ file }) => file));
  const said = await output(
    [vitest, 'run', ...projects, '--testNamePattern', names, '--reporter=json', `--outputFile=${report}`, ...files],
    folder,
  );
  return statesOf(report, said);
};

const escape = (text: string): string => text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);

/** What vitest says, for the case that it leaves no report. */
const output = (args: readonly string[], cwd: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const { VITEST: _vitest, VITEST_WORKER_ID: _worker, VITEST_POOL_ID: _pool, NODE_ENV: _env, ...env } = process.env;
    const child = spawn(process.execPath, [...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.once('error', reject);
    child.once('close', () => resolve(said));
  });

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[];
      readonly title: string;
      readonly status: string;
    }[];
  }[];
}

const statesOf = (report: string, said: string): ReadonlyMap<string, string> => {
  let parsed: Report;
  try {
    parsed = JSON.parse(readFileSync(report, 'utf8'));
  } catch (cause) {
    throw new Error(`vitest left no report:\n${said.slice(-2000)}`, { cause });
  }
  const results = parsed.testResults.flatMap(({ assertionResults }) => assertionResults);
  const finished = results.filter(({ status }) => status === 'passed' || status === 'failed');
  return new Map(finished.map(({ ancestorTitles, title, status }) => [[...ancestorTitles, title].join(' > '), status]));
};
