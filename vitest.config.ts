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
    // Servers and steps are programs of their own, which a test waits for: three keep two cores busy.
    maxWorkers: 3,
    // A machine that is busy with other tests is slow to do what a test waits for: a second is no time.
    expect: { poll: { timeout: 60_000 } },
    projects: [
      // Pure tests share their modules: loading them anew for every file would take longer than running them.
      lane('unit', 60_000, { isolate: false }),
      lane('golden', 120_000),
      lane('contract', 300_000),
      lane('oracle', 400_000),
      lane('component', 600_000, { globalSetup: './test/support/package.ts' }),
      lane('defects', 3_600_000),
      lane('e2e', 1_800_000),
    ],
  },
});
