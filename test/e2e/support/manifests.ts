// What the world of the tests is made of, as Kubernetes objects.
import { streaming } from '../../../core/steps/contract.ts';

export const namespaces = { prd: 'lc2-e2e-prd', uat: 'lc2-e2e-uat', install: 'lc2-backup' } as const;

export const superuser = { name: 'postgres', password: 'e2e superuser: p@ss/word' } as const;
/** No superuser: what an application's administrator has on a managed server. */
export const restorer = { name: 'uat_admin', password: "e2e restorer's 'word" } as const;

export const restrictedNamespace = (name: string): object => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels: { 'pod-security.kubernetes.io/enforce': 'restricted', 'lc2-e2e': 'true' } },
});

export const secret = (namespace: string, name: string, stringData: Readonly<Record<string, string>>): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace },
  stringData,
});

const labels = { app: 'postgres' } as const;

/** One server with its data in memory of the node, made anew with each world. */
export const postgres = (namespace: string, image: string): readonly object[] => [
  secret(namespace, 'postgres-superuser', { password: superuser.password }),
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'postgres', namespace },
    spec: { selector: labels, ports: [{ port: 5432 }] },
  },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'postgres', namespace, labels },
    spec: {
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65_532,
        fsGroup: 65_532,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'postgres',
          image,
          imagePullPolicy: 'IfNotPresent',
          args: ['-c', 'fsync=off', '-c', 'max_connections=200', '-c', 'wal_level=logical'],
          env: [{ name: 'POSTGRES_PASSWORD_FILE', value: '/secret/password' }],
          ports: [{ containerPort: 5432 }],
          // On a busy machine a late answer must not take the server out of its Service.
          readinessProbe: {
            exec: { command: ['pg_isready', '-h', '127.0.0.1', '-q'] },
            periodSeconds: 1,
            timeoutSeconds: 20,
            failureThreshold: 60,
          },
          securityContext: {
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['ALL'] },
            readOnlyRootFilesystem: true,
          },
          // All tests' steps talk to it at once: what it may take, when they leave nothing over, is what one of them may.
          resources: { requests: { cpu: streaming.cpu, memory: '64Mi' }, limits: { memory: '1Gi' } },
          volumeMounts: [
            { name: 'data', mountPath: '/data' },
            { name: 'tmp', mountPath: '/tmp' },
            { name: 'shm', mountPath: '/dev/shm' },
            { name: 'secret', mountPath: '/secret', readOnly: true },
          ],
        },
      ],
      volumes: [
        { name: 'data', emptyDir: { medium: 'Memory' } },
        { name: 'tmp', emptyDir: {} },
        { name: 'shm', emptyDir: { medium: 'Memory' } },
        { name: 'secret', secret: { secretName: 'postgres-superuser' } },
      ],
    },
  },
];
