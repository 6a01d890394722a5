// What the smoke run applies: a namespace with restricted Pod Security, a Workflow that passes it, a PostgreSQL server.

export const restricted = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  readOnlyRootFilesystem: true,
} as const;

const podSecurity = {
  runAsNonRoot: true,
  runAsUser: 65532,
  fsGroup: 65532,
  seccompProfile: { type: 'RuntimeDefault' },
} as const;

export const namespace = [
  {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'smoke', labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  },
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'smoke', namespace: 'smoke' } },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: 'smoke', namespace: 'smoke' },
    rules: [{ apiGroups: ['argoproj.io'], resources: ['workflowtaskresults'], verbs: ['create', 'patch'] }],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'smoke', namespace: 'smoke' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'smoke' },
    subjects: [{ kind: 'ServiceAccount', name: 'smoke', namespace: 'smoke' }],
  },
] as const;

// Argo's own containers lack what the restricted standard asks for; the patch adds it by their names.
const argoContainer = (name: string) => ({
  name,
  securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
});

export const workflow = {
  apiVersion: 'argoproj.io/v1alpha1',
  kind: 'Workflow',
  metadata: { generateName: 'smoke-' },
  spec: {
    entrypoint: 'main',
    serviceAccountName: 'smoke',
    securityContext: podSecurity,
    podSpecPatch: JSON.stringify({ initContainers: [argoContainer('init')], containers: [argoContainer('wait')] }),
    templates: [
      {
        name: 'main',
        container: {
          image: 'lab.local/probe:1',
          imagePullPolicy: 'Never',
          command: ['sh', '-c', 'zstd --version > /tmp/version'],
          securityContext: restricted,
          resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '64Mi' } },
          volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
        },
        volumes: [{ name: 'tmp', emptyDir: { sizeLimit: '16Mi' } }],
        outputs: { parameters: [{ name: 'version', valueFrom: { path: '/tmp/version' } }] },
      },
    ],
  },
} as const;

const labels = { app: 'postgres' } as const;

export const postgres = [
  {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'postgres', namespace: 'smoke' },
    stringData: { password: 'smoke-password' },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'postgres', namespace: 'smoke' },
    spec: { selector: labels, ports: [{ port: 5432 }] },
  },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'postgres', namespace: 'smoke', labels },
    spec: {
      securityContext: podSecurity,
      automountServiceAccountToken: false,
      containers: [
        {
          name: 'postgres',
          image: 'lab.local/postgres:1',
          imagePullPolicy: 'Never',
          env: [{ name: 'POSTGRES_PASSWORD_FILE', value: '/secret/password' }],
          ports: [{ containerPort: 5432 }],
          readinessProbe: { exec: { command: ['pg_isready', '-h', '127.0.0.1', '-q'] }, periodSeconds: 1 },
          securityContext: restricted,
          resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '512Mi' } },
          volumeMounts: [
            { name: 'data', mountPath: '/data' },
            { name: 'tmp', mountPath: '/tmp' },
            { name: 'secret', mountPath: '/secret', readOnly: true },
          ],
        },
      ],
      volumes: [
        { name: 'data', emptyDir: {} },
        { name: 'tmp', emptyDir: {} },
        { name: 'secret', secret: { secretName: 'postgres' } },
      ],
    },
  },
] as const;
