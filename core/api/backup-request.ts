import { z } from 'zod';
import { labelName, plainText, storeName, unchangedRule, withRules } from './common.ts';

const creator = z.strictObject({ name: plainText(200).default(''), email: plainText(320).default('') });

export const backupRequestSpec = withRules(
  z.strictObject({
    environment: labelName.describe('BackupEnvironment of the same namespace.'),
    components: z
      .array(storeName)
      .max(21)
      .default([])
      .describe('`database` and names of object stores; empty means all.'),
    creationType: z.enum(['manual', 'scheduled', 'api']).default('manual'),
    creator: creator.prefault({}),
    full: z.boolean().default(false).describe('Copy every object, also those that an earlier backup holds unchanged.'),
    cancel: z.boolean().default(false).describe('Set to true to stop the run.'),
  }),
  [
    {
      rule: unchangedRule(['environment', 'components', 'creationType', 'creator', 'full']),
      message: 'spec is immutable, except cancel',
    },
    { rule: '!oldSelf.cancel || self.cancel', message: 'cancel cannot be taken back' },
  ],
);
export type BackupRequestSpec = z.output<typeof backupRequestSpec>;
