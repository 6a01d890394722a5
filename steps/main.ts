import { createAdapters } from './adapters.ts';
import { catchUp } from './catch-up.ts';
import { cleanUp } from './clean-up.ts';
import { commit } from './commit.ts';
import { copy } from './copy.ts';
import { dump } from './dump.ts';
import { exportDatabases } from './export.ts';
import { loadDatabase } from './load-database.ts';
import { manifest } from './manifest.ts';
import { preview } from './preview.ts';
import { restoreObjects } from './restore-objects.ts';
import { snapshot } from './snapshot.ts';
import type { StepName } from '../core/steps/index.ts';
import { toolVersion } from '../core/version.ts';
import { runStep, type StepFunction } from './runtime/run-step.ts';
import { transfer } from './transfer.ts';
import { verifyBackup } from './verify-backup.ts';
import { verifyRestore } from './verify-restore.ts';
import { verify } from './verify.ts';

/** The composition root of every step: `main.ts <step>`. */
const steps = {
  snapshot,
  export: exportDatabases,
  dump,
  transfer,
  'catch-up': catchUp,
  verify,
  manifest,
  copy,
  preview,
  'load-database': loadDatabase,
  'restore-objects': restoreObjects,
  commit,
  'verify-restore': verifyRestore,
  'verify-backup': verifyBackup,
  'clean-up': cleanUp,
} as const satisfies Record<StepName, StepFunction>;

/** After a stop the step may clean up this long; Kubernetes gives 30 s. */
const grace = 20_000;

const status = await runStep(
  {
    argv: process.argv.slice(2),
    env: process.env,
    stderr: (line) => process.stderr.write(line),
    now: () => new Date(),
    tool: `lc2-backup ${toolVersion}`,
    onStop: (stop) => {
      for (const name of ['SIGTERM', 'SIGINT'] as const) {
        process.once(name, () => {
          stop();
          setTimeout(() => process.exit(143), grace).unref();
        });
      }
    },
  },
  steps,
  (signal) => createAdapters(signal, process.env),
);

// A connection that somebody keeps open must not keep the step; what was written to standard error is out.
process.exit(status);
