import { ApiObject } from 'cdk8s';
import type { Construct } from 'constructs';
import type { z } from 'zod';
import { apiVersion } from '../core/api/common.ts';
import { type Kind, kinds } from '../core/api/index.ts';
import { backupFlow } from '../core/flow/backup.ts';
import { engines } from '../core/engines/index.ts';
import type { ChartFile } from './chart.ts';
import { argoObject } from './constructs/argo-object.ts';

/** What a user writes. Every object is checked against its zod schema while it is generated. */

const own = <K extends Kind>(
  scope: Construct,
  kind: K,
  name: string,
  spec: z.input<(typeof kinds)[K]['spec']>,
): void => {
  kinds[kind].spec.parse(spec);
  new ApiObject(scope, `${kind}-${name}`, { apiVersion, kind, metadata: { name }, spec });
};

const placeholder = 'replace-me';

const secret = (scope: Construct, name: string, keys: readonly string[]): void => {
  const stringData = Object.fromEntries(keys.map((key) => [key, placeholder]));
  new ApiObject(scope, `Secret-${name}`, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name },
    type: 'Opaque',
    stringData,
  });
};

const environment = 'prd';
const s3Keys = ['accessKeyId', 'secretAccessKey'];
const templateRef = { workflowTemplateRef: { name: backupFlow.name, clusterScope: true } };

const environmentExample = (scope: Construct): void => {
  secret(scope, 'database', ['username', 'password']);
  secret(scope, 'documents', s3Keys);
  secret(scope, 'backups', s3Keys);
  own(scope, 'BackupEnvironment', environment, {
    projectId: 'retail',
    profile: 'liferay',
    database: {
      server: {
        engine: 'postgresql',
        host: 'postgresql.retail.svc',
        port: engines.postgresql.defaultPort,
        role: 'liferay',
      },
      credentials: { secretName: 'database' },
    },
    objectStores: [
      {
        name: 'documentLibrary',
        url: 's3://retail-documents',
        endpoint: 'https://s3.example.com',
        pathStyle: true,
        credentials: { secretName: 'documents' },
        excludeGeneratedFiles: true,
      },
    ],
    storage: {
      url: 's3://retail-backups',
      endpoint: 'https://s3.example.com',
      pathStyle: true,
      credentials: { secretName: 'backups' },
    },
    restore: { allowed: true },
  });
};

export const exampleCharts: readonly ChartFile[] = [
  { file: 'examples/environment.yaml', build: environmentExample },
  {
    file: 'examples/backup-request.yaml',
    build: (scope) => {
      own(scope, 'BackupRequest', 'before-upgrade', { environment });
    },
  },
  {
    file: 'examples/restore-preview.yaml',
    build: (scope) => {
      own(scope, 'RestoreRequest', 'look-first', { backup: { latest: true }, into: environment, preview: true });
    },
  },
  {
    file: 'examples/restore-request.yaml',
    build: (scope) => {
      own(scope, 'RestoreRequest', 'back-to-latest', {
        backup: { latest: true },
        into: environment,
        confirm: environment,
      });
    },
  },
  {
    file: 'examples/schedule.yaml',
    build: (scope) => {
      argoObject(scope, 'CronWorkflow', {
        metadata: { name: 'nightly-backup' },
        spec: {
          schedules: ['0 3 * * *'],
          timezone: 'Etc/UTC',
          concurrencyPolicy: 'Forbid',
          startingDeadlineSeconds: 3600,
          successfulJobsHistoryLimit: 7,
          failedJobsHistoryLimit: 7,
          workflowSpec: {
            ...templateRef,
            arguments: {
              parameters: [
                { name: 'environment', value: environment },
                { name: 'creation-type', value: 'scheduled' },
              ],
            },
          },
        },
      });
    },
  },
  {
    file: 'examples/workflow.yaml',
    build: (scope) => {
      argoObject(scope, 'Workflow', {
        metadata: { generateName: 'backup-' },
        spec: { ...templateRef, arguments: { parameters: [{ name: 'environment', value: environment }] } },
      });
    },
  },
];
