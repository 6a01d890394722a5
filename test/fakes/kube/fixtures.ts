import type { KubeObject, Objects } from './objects.ts';

/** Objects as an admin and a user would apply them. */

export const namespace = 'proj-shop';

const meta = (name: string) => ({ name, namespace }) as KubeObject['metadata'];

export const environmentObject = (name = 'prd', spec: Record<string, unknown> = {}): KubeObject => ({
  apiVersion: 'backup.lc2.dev/v1alpha1',
  kind: 'BackupEnvironment',
  metadata: meta(name),
  spec: {
    projectId: 'shop',
    database: { server: { engine: 'postgresql', host: 'db.shop.svc' }, credentials: { secretName: 'db' } },
    objectStores: [{ name: 'documents', url: 's3://documents', credentials: { secretName: 'documents' } }],
    storage: { url: 's3://backups', credentials: { secretName: 'backups' } },
    restore: { allowed: true },
    ...spec,
  },
});

export const backupRequest = (name = 'nightly', spec: Record<string, unknown> = {}): KubeObject => ({
  apiVersion: 'backup.lc2.dev/v1alpha1',
  kind: 'BackupRequest',
  metadata: meta(name),
  spec: { environment: 'prd', ...spec },
});

export const restoreRequest = (name = 'back', spec: Record<string, unknown> = {}): KubeObject => ({
  apiVersion: 'backup.lc2.dev/v1alpha1',
  kind: 'RestoreRequest',
  metadata: meta(name),
  spec: { backup: { latest: true }, into: 'prd', confirm: 'prd', ...spec },
});

const plurals: Readonly<Record<string, string>> = {
  BackupEnvironment: 'backupenvironments',
  BackupRequest: 'backuprequests',
  RestoreRequest: 'restorerequests',
  Workflow: 'workflows',
};

export const put = (objects: Objects, object: KubeObject): KubeObject =>
  objects.create(plurals[object.kind] ?? '', object.metadata.namespace, object);
