import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

type ProjectConfig = TestProjectInlineConfiguration['test'];

const lane = (name: string, timeout: number, more: ProjectConfig = {}) => ({
  extends: true as const,
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout: timeout, hookTimeout: timeout, ...more },
});

export default defineConfig({
  test: {
    reporters: ['default', './test/support/tally-reporter.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // Half a minute, of which a busy machine may take much. What nobody does never comes.
    expect: { poll: { timeout: 30_000 } },
    projects: [
      // Pure tests share their modules: loading them anew for every file would take longer than running them.
      lane('unit', 20_000, { isolate: false }),
      lane('golden', 30_000),
      lane('contract', 120_000),
      lane('oracle', 400_000),
      lane('component', 180_000, { globalSetup: './test/support/package.ts' }),
      lane('defects', 3_600_000),
      lane('e2e', 900_000),
    ],
  },
});
