import type { Flow } from './flow.ts';

export const verifyFlow: Flow = {
  name: 'lc2-verify',
  title: 'Verify a backup',
  description: 'Reads a sealed backup from storage and checks every digest, dump and object.',
  parameters: [
    { name: 'environment', description: 'BackupEnvironment whose storage holds the backup' },
    { name: 'backup', description: 'Backup id, or latest', value: 'latest' },
    {
      name: 'objects',
      description: 'How objects are checked',
      value: 'auto',
      enum: ['auto', 'listed', 'sampled', 'full'],
    },
    {
      name: 'level',
      description: 'seal looks only whether the backup exists; full reads everything',
      value: 'full',
      enum: ['full', 'seal'],
    },
  ],
  environment: 'environment',
  source: 'environment',
  steps: [{ step: 'verify-backup', needs: [], when: [] }],
  exclusive: false,
};
