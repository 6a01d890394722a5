import { backupFlow } from './backup.ts';
import type { Flow } from './flow.ts';
import { restoreFlow } from './restore.ts';
import { verifyFlow } from './verify.ts';

export const flows = {
  'lc2-backup': backupFlow,
  'lc2-restore': restoreFlow,
  'lc2-verify': verifyFlow,
} as const satisfies Record<Flow['name'], Flow>;
