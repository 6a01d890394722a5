import type { Flow } from './flow.ts';

export const backupFlow: Flow = {
  name: 'lc2-backup',
  title: 'Back up an environment',
  description:
    'Makes one consistent, verified, sealed backup of the databases and object stores of a BackupEnvironment.',
  parameters: [
    { name: 'environment', description: 'BackupEnvironment of this namespace' },
    {
      name: 'components',
      description: 'Comma-separated: database, names of object stores; empty means all',
      value: '',
    },
    { name: 'full', description: 'Copy every object, also unchanged ones', value: 'false', enum: ['false', 'true'] },
    {
      name: 'creation-type',
      description: 'Who asked for it',
      value: 'manual',
      enum: ['manual', 'scheduled', 'api'],
    },
    { name: 'creator-name', description: 'Shown in the manifest', value: '' },
    { name: 'creator-email', description: 'Shown in the manifest', value: '' },
  ],
  environment: 'environment',
  source: 'environment',
  steps: [
    { step: 'snapshot', needs: [], when: [{ flag: 'has-snapshot' }, { component: 'database' }] },
    { step: 'export', needs: ['snapshot'], when: [{ flag: 'has-export' }, { component: 'database' }] },
    { step: 'dump', needs: ['snapshot'], when: [{ flag: 'has-dump' }, { component: 'database' }] },
    { step: 'transfer', needs: [], when: [{ flag: 'has-objects' }, { component: 'objects' }] },
    {
      step: 'catch-up',
      needs: ['snapshot', 'export', 'dump', 'transfer'],
      when: [{ flag: 'has-objects' }, { component: 'objects' }],
    },
    { step: 'verify', needs: ['snapshot', 'export', 'dump', 'catch-up'], when: [] },
    { step: 'manifest', needs: ['verify'], when: [] },
    { step: 'copy', needs: ['manifest'], when: [{ flag: 'has-copies' }] },
  ],
  onFailure: 'clean-up',
  exclusive: true,
};
