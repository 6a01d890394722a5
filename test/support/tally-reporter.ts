import type { Reporter, TestModule } from 'vitest/node';

/** Ends a run with `N passed, N failed`. A file that could not be loaded counts as failed, and so does a skipped test. */
// vitest calls it with `new`, so it is a function and not an arrow.
export default function tally(): Reporter {
  return {
    onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]) {
      let passed = 0;
      // An error that no test caught belongs to none of them, and still is one.
      let failed = unhandled.length;
      for (const module of modules) {
        let broken = 0;
        for (const test of module.children.allTests()) {
          if (test.result().state === 'passed') passed++;
          else broken++;
        }
        if (broken === 0 && !module.ok()) broken = 1;
        failed += broken;
      }
      process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
      if (failed > 0 || passed === 0) process.exitCode = 1;
    },
  };
}
