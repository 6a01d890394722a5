import { databaseModes, objectsModes } from '../api/restore-request.ts';
import type { Flow, FlowCondition } from './flow.ts';

const forReal: FlowCondition = { parameter: 'preview', is: 'false' };

export const restoreFlow: Flow = {
  name: 'lc2-restore',
  title: 'Restore a backup',
  description:
    'Restores a backup, whole or in part, into an environment. The live database stays until the new one is complete.',
  parameters: [
    { name: 'into', description: 'BackupEnvironment that is written to' },
    {
      name: 'source',
      description: 'BackupEnvironment whose storage holds the backup; empty means the same',
      value: '',
    },
    { name: 'backup', description: 'Backup id, or latest', value: 'latest' },
    { name: 'before', description: 'With latest: the newest backup up to this time (RFC 3339)', value: '' },
    {
      name: 'components',
      description: 'Comma-separated: database, names of object stores; empty means all',
      value: '',
    },
    { name: 'databases', description: 'JSON list of {name, as}; [] means all', value: '[]' },
    { name: 'prefixes', description: 'JSON list: only objects under these keys; [] means all', value: '[]' },
    { name: 'database-mode', description: 'How databases are replaced', value: 'swap', enum: databaseModes },
    { name: 'new-server', description: 'With database-mode new-server: the name of that server', value: '' },
    {
      name: 'objects-mode',
      description: 'mirror also deletes what the backup does not have',
      value: 'merge',
      enum: objectsModes,
    },
    { name: 'preview', description: 'Only say what would happen', value: 'false', enum: ['false', 'true'] },
    { name: 'confirm', description: 'Must equal into, unless preview', value: '' },
    { name: 'request', description: 'Name under which this restore happens once', value: '', internal: true },
  ],
  environment: 'into',
  source: 'source',
  steps: [
    { step: 'preview', needs: [], when: [] },
    { step: 'load-database', needs: ['preview'], when: [forReal, { flag: 'has-database' }, { component: 'database' }] },
    { step: 'restore-objects', needs: ['preview'], when: [forReal, { flag: 'has-objects' }, { component: 'objects' }] },
    { step: 'commit', needs: ['load-database', 'restore-objects'], when: [forReal] },
    { step: 'verify-restore', needs: ['commit'], when: [forReal] },
  ],
  onFailure: 'clean-up',
  exclusive: true,
};
