import { z } from 'zod';
import { backupEnvironmentSpec, backupEnvironmentStatus, environmentName } from './backup-environment.ts';
import { backupRequestSpec } from './backup-request.ts';
import { apiVersion } from './common.ts';
import { requestStatus } from './request-status.ts';
import { restoreRequestSpec } from './restore-request.ts';

export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'date' | 'integer';
  readonly jsonPath: string;
}

export interface KindDescriptor {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly description: string;
  readonly spec: z.ZodType;
  readonly status: z.ZodType;
  readonly columns: readonly PrinterColumn[];
}

const age: PrinterColumn = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };
const requestColumns = (environment: string): readonly PrinterColumn[] => [
  { name: 'Environment', type: 'string', jsonPath: environment },
  { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
  { name: 'Progress', type: 'string', jsonPath: '.status.progress' },
  { name: 'Size', type: 'string', jsonPath: '.status.size' },
  age,
];

/** Every kind of the API group; CRDs, reference pages and the loader of `-f` files are made from this. */
export const kinds = {
  BackupEnvironment: {
    kind: 'BackupEnvironment',
    plural: 'backupenvironments',
    shortNames: ['benv'],
    description: 'A thing to protect and to restore into: database, object stores, storage. Written by admins.',
    spec: backupEnvironmentSpec,
    status: backupEnvironmentStatus,
    columns: [
      { name: 'Project', type: 'string', jsonPath: '.spec.projectId' },
      { name: 'Service', type: 'string', jsonPath: '.status.service' },
      { name: 'Last-Backup', type: 'date', jsonPath: '.status.lastBackupTime' },
      { name: 'Verified', type: 'string', jsonPath: '.status.verified' },
      { name: 'Ready', type: 'string', jsonPath: '.status.ready' },
    ],
  },
  BackupRequest: {
    kind: 'BackupRequest',
    plural: 'backuprequests',
    shortNames: ['breq'],
    description: 'Asks for one backup of an environment. Written by users; names only.',
    spec: backupRequestSpec,
    status: requestStatus,
    columns: requestColumns('.spec.environment'),
  },
  RestoreRequest: {
    kind: 'RestoreRequest',
    plural: 'restorerequests',
    shortNames: ['rreq'],
    description: 'Asks for one restore, whole or in part, into an environment. Written by users; names only.',
    spec: restoreRequestSpec,
    status: requestStatus,
    columns: requestColumns('.spec.into'),
  },
} as const satisfies Record<string, KindDescriptor>;

export type Kind = keyof typeof kinds;

const metadata = z.object({ name: environmentName, namespace: z.string().optional() });

/** A BackupEnvironment document as kubectl would apply it. Unknown fields of spec are refused. */
export const backupEnvironmentDocument = z.object({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('BackupEnvironment'),
  metadata,
  spec: backupEnvironmentSpec,
});
