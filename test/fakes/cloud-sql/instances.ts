// What the fake cloud has: instances, their operations and their backups.
import { randomUUID } from 'node:crypto';
import type { BaseBackup } from '../../support/postgres-programs.ts';
import type { ServerAddress } from './programs.ts';

export interface FakeInstance {
  readonly project: string;
  readonly name: string;
  /** Of one that the cloud has made: undefined until a backup is restored into it. */
  server: ServerAddress | undefined;
  /** PEM of the authority of its certificate; each instance has its own. */
  authority: string | undefined;
  readonly serviceAccount: string;
  readonly region: string;
  readonly created: Date;
  readonly addresses: readonly { readonly type: 'PRIMARY' | 'PRIVATE'; readonly ipAddress: string }[];
  /** As Google tells them, but for the activation policy. */
  settings: Readonly<Record<string, unknown>>;
  databaseVersion: string;
  state: 'RUNNABLE' | 'MAINTENANCE' | 'SUSPENDED' | 'PENDING_CREATE' | 'PENDING_DELETE' | 'FAILED';
  /** NEVER: somebody has stopped it. */
  activationPolicy: 'ALWAYS' | 'NEVER';
  instanceType: 'CLOUD_SQL_INSTANCE' | 'READ_REPLICA_INSTANCE';
}

export interface OperationError {
  readonly code: string;
  readonly message: string;
}

export interface FakeOperation {
  readonly name: string;
  readonly instance: FakeInstance;
  readonly operationType: string;
  readonly insertTime: string;
  status: 'PENDING' | 'RUNNING' | 'DONE';
  startTime?: string;
  endTime?: string;
  errors?: readonly OperationError[];
  readonly exportContext?: Readonly<Record<string, unknown>>;
  readonly importContext?: Readonly<Record<string, unknown>>;
  readonly backupContext?: Readonly<Record<string, unknown>>;
  /** How often it was to be given up. */
  cancels: number;
  /** Ends the work, where that can be done. */
  readonly abort: AbortController;
}

export interface FakeBackup {
  readonly name: string;
  readonly instance: FakeInstance;
  readonly description: string | undefined;
  readonly location: string;
  readonly created: Date;
  readonly expires: Date | undefined;
  readonly databaseVersion: string;
  /** Of the instance, when it was taken. */
  readonly settings: Readonly<Record<string, unknown>>;
  state: 'ENQUEUED' | 'RUNNING' | 'SUCCESSFUL' | 'FAILED';
  /** The files of its server. */
  contents: BaseBackup | undefined;
}

export const projectPath = ({ project }: FakeInstance): string => `projects/${project}`;

export const backupName = (instance: FakeInstance): string => `${projectPath(instance)}/backups/${randomUUID()}`;

/** Serverless exports stand aside of everything else but each other. */
const isOffloaded = ({ exportContext }: Pick<FakeOperation, 'exportContext'>): boolean =>
  exportContext?.['offload'] === true;

/** Google's table: what a running operation lets in. */
export const isBlocked = (running: readonly FakeOperation[], wanted: Pick<FakeOperation, 'exportContext'>): boolean =>
  isOffloaded(wanted) ? running.length > 0 : running.some((operation) => !isOffloaded(operation));

export const operationJson = (endpoint: string, operation: FakeOperation): Record<string, unknown> => {
  const { instance, name, status, operationType, insertTime, startTime, endTime, errors } = operation;
  const { exportContext, importContext, backupContext } = operation;
  return {
    kind: 'sql#operation',
    name,
    status,
    operationType,
    insertTime,
    ...(startTime === undefined ? {} : { startTime }),
    ...(endTime === undefined ? {} : { endTime }),
    ...(errors === undefined
      ? {}
      : {
          error: {
            kind: 'sql#operationErrors',
            errors: errors.map((error) => ({ kind: 'sql#operationError', ...error })),
          },
        }),
    ...(exportContext === undefined ? {} : { exportContext }),
    ...(importContext === undefined ? {} : { importContext }),
    ...(backupContext === undefined ? {} : { backupContext }),
    targetId: instance.name,
    targetProject: instance.project,
    targetLink: `${endpoint}/v1/${projectPath(instance)}/instances/${instance.name}`,
    selfLink: `${endpoint}/v1/${projectPath(instance)}/operations/${name}`,
    user: 'fake@example.com',
  };
};

export const backupJson = (backup: FakeBackup): Record<string, unknown> => ({
  kind: 'sql#backup',
  name: backup.name,
  instance: backup.instance.name,
  type: 'ON_DEMAND',
  backupKind: 'SNAPSHOT',
  state: backup.state,
  databaseVersion: backup.databaseVersion,
  instanceSettings: { databaseVersion: backup.databaseVersion, settings: backup.settings },
  location: backup.location,
  ...(backup.description === undefined ? {} : { description: backup.description }),
  ...(backup.expires === undefined ? {} : { expiryTime: backup.expires.toISOString() }),
});

export const instanceJson = (instance: FakeInstance): Record<string, unknown> => ({
  kind: 'sql#instance',
  name: instance.name,
  project: instance.project,
  region: instance.region,
  backendType: 'SECOND_GEN',
  instanceType: instance.instanceType,
  databaseVersion: instance.databaseVersion,
  state: instance.state,
  createTime: instance.created.toISOString(),
  serviceAccountEmailAddress: instance.serviceAccount,
  connectionName: `${instance.project}:${instance.region}:${instance.name}`,
  ...(instance.authority === undefined
    ? {}
    : { serverCaCert: { kind: 'sql#sslCert', instance: instance.name, cert: instance.authority } }),
  // None before it is made.
  ...(instance.state === 'PENDING_CREATE' ? {} : { ipAddresses: instance.addresses }),
  settings: { kind: 'sql#settings', ...instance.settings, activationPolicy: instance.activationPolicy },
});
