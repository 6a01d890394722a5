import { catchUp } from './catch-up.ts';
import { cleanUp } from './clean-up.ts';
import { commit } from './commit.ts';
import type { StepContract } from './contract.ts';
import { copy } from './copy.ts';
import { dump } from './dump.ts';
import { exportStep } from './export.ts';
import { loadDatabase } from './load-database.ts';
import { manifest } from './manifest.ts';
import { preview } from './preview.ts';
import { restoreObjects } from './restore-objects.ts';
import { snapshot } from './snapshot.ts';
import { transfer } from './transfer.ts';
import { verifyBackup } from './verify-backup.ts';
import { verifyRestore } from './verify-restore.ts';
import { verify } from './verify.ts';

export const stepContracts = {
  snapshot,
  export: exportStep,
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
} as const satisfies Record<string, StepContract>;

export type StepName = keyof typeof stepContracts;

export const isStepName = (name: string): name is StepName => Object.hasOwn(stepContracts, name);
