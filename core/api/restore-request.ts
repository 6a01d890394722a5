import { z } from 'zod';
import { newServerName } from './new-server.ts';
import { databaseName, labelName, plainText, storeName, timestamp, unchangedRule, withRules } from './common.ts';

export const databaseModes = ['swap', 'in-place', 'recreate', 'new-server'] as const;
export const objectsModes = ['merge', 'mirror'] as const;

const backupReference = withRules(
  z.strictObject({
    id: z
      .string()
      .min(1)
      .max(200)
      .regex(/^[a-z0-9][-a-z0-9]*$/, 'must be a backup id')
      .optional(),
    latest: z.boolean().default(false).describe('The newest sealed backup; resolved once, at preview.'),
    before: timestamp.optional().describe('With latest: the newest one up to this time.'),
  }),
  [
    {
      rule: 'has(self.id) != self.latest',
      message: 'give either id or latest: true',
      check: (value) => (value.id !== undefined) !== value.latest,
    },
    {
      rule: '!has(self.before) || self.latest',
      message: 'before goes with latest',
      check: (value) => value.before === undefined || value.latest,
    },
  ],
);

const databaseChoice = z.strictObject({
  name: databaseName.describe('As in the backup.'),
  as: databaseName.optional().describe('Name on the target; default: the same.'),
});

export const restoreRequestSpec = withRules(
  z.strictObject({
    backup: backupReference,
    source: labelName.optional().describe('Environment whose storage holds the backup; default: into.'),
    into: labelName.describe('Environment that is written to.'),
    components: z.array(storeName).max(21).default([]).describe('Empty means all.'),
    databases: z.array(databaseChoice).max(100).default([]).describe('Empty means all, under their own names.'),
    prefixes: z.array(plainText(1024).min(1)).max(200).default([]).describe('Only objects under these keys.'),
    databaseMode: z
      .enum(databaseModes)
      .default('swap')
      .describe('new-server: the cloud makes a server out of the snapshot of the backup; the live one stays as it is.'),
    newServer: z
      .strictObject({ name: newServerName.describe('As the cloud is to call it.') })
      .optional()
      .describe('With databaseMode: new-server, and only then.'),
    objectsMode: z.enum(objectsModes).default('merge').describe('mirror also deletes what the backup does not have.'),
    preview: z.boolean().default(false).describe('Say what would happen, and change nothing.'),
    confirm: labelName.optional().describe('Must equal into, unless preview.'),
    cancel: z.boolean().default(false).describe('Set to true to stop the run.'),
  }),
  [
    {
      rule: 'self.preview || (has(self.confirm) && self.confirm == self.into)',
      message: 'confirm must equal into',
      check: (spec) => spec.preview || spec.confirm === spec.into,
    },
    {
      rule: "(self.databaseMode == 'new-server') == has(self.newServer)",
      message: 'databaseMode: new-server and newServer go together',
      check: (spec) => (spec.databaseMode === 'new-server') === (spec.newServer !== undefined),
    },
    {
      rule: "self.databaseMode != 'new-server' || self.databases.size() == 0",
      message: 'a new server has all databases: databases cannot go with databaseMode: new-server',
      check: (spec) => spec.databaseMode !== 'new-server' || spec.databases.length === 0,
    },
    {
      rule: "self.databaseMode != 'new-server' || self.components.size() == 0 || 'database' in self.components",
      message: 'databaseMode: new-server needs the component database',
      check: ({ databaseMode, components }) =>
        databaseMode !== 'new-server' || components.length === 0 || components.includes('database'),
    },
    {
      rule: unchangedRule(
        ['backup', 'into', 'components', 'databases', 'prefixes', 'databaseMode', 'objectsMode', 'preview'],
        ['source', 'confirm', 'newServer'],
      ),
      message: 'spec is immutable, except cancel',
    },
    { rule: '!oldSelf.cancel || self.cancel', message: 'cancel cannot be taken back' },
  ],
);
export type RestoreRequestSpec = z.output<typeof restoreRequestSpec>;
