import type { Action } from '../../../controller/actions.ts';
import type { EnvironmentState, Observed } from '../../../controller/observed.ts';
import { type EnvironmentView, environmentView } from '../../../controller/views/environment-view.ts';
import { type RequestKind, type RequestView, requestView } from '../../../controller/views/request-view.ts';
import { type WorkflowView, workflowView } from '../../../controller/views/workflow-view.ts';
import { workflowName } from '../../../controller/names.ts';
import { nodesOf, outputsOf, type NodeParts, sealedOutput } from '../../fakes/kube/argo.ts';
import { backupRequest, environmentObject, namespace, restoreRequest } from '../../fakes/kube/fixtures.ts';

/** Observations to decide about, made through the same projections as real ones. */

export const createdAt = '2026-03-01T10:00:00Z';
export const now = new Date('2026-03-01T10:00:10Z');
export const later = (seconds: number): Date => new Date(Date.parse(createdAt) + seconds * 1000);
export const backupId = 'shop-prd-backup-20260301-100002';
const uid = '0a1b2c3d-0000-4000-8000-000000000000';

type Json = Record<string, unknown>;

const server = { uid, resourceVersion: '7', generation: 1, creationTimestamp: createdAt };

export interface RequestParts {
  readonly spec?: Json;
  readonly status?: Json;
  readonly metadata?: Json;
}

const bodies = { BackupRequest: backupRequest, RestoreRequest: restoreRequest } as const;

export const request = (
  kind: RequestKind,
  { spec = {}, status = {}, metadata = {} }: RequestParts = {},
): RequestView => {
  const body = bodies[kind]('mine', spec);
  return requestView(kind)({ ...body, metadata: { ...body.metadata, ...server, ...metadata }, status });
};

export const environment = (
  spec: Json = {},
  parts: { readonly metadata?: Json; readonly status?: Json; readonly name?: string } = {},
): EnvironmentView => {
  const body = environmentObject(parts.name ?? 'prd', spec);
  return environmentView({
    ...body,
    metadata: { ...body.metadata, ...server, uid: 'env-uid', ...parts.metadata },
    status: parts.status ?? {},
  });
};

export const state = (view: EnvironmentView, configMapCurrent = true): EnvironmentState => ({ view, configMapCurrent });

export interface WorkflowParts {
  readonly phase?: string;
  readonly message?: string;
  readonly shutdown?: string;
  readonly template?: string;
  readonly outputs?: Json;
  readonly nodes?: readonly NodeParts[];
  readonly compressed?: boolean;
  readonly held?: boolean;
}

export const workflow = (parts: WorkflowParts = {}): WorkflowView =>
  workflowView({
    metadata: {
      ...server,
      name: workflowName({ name: 'mine', uid }),
      namespace,
      uid: 'wf-uid',
      creationTimestamp: '2026-03-01T10:00:02Z',
      ...(parts.held === true ? { finalizers: ['backup.lc2.dev/run', 'other'] } : {}),
      labels: {
        'backup.lc2.dev/request-uid': uid,
        'backup.lc2.dev/environment': 'prd',
        'backup.lc2.dev/project': 'shop',
      },
    },
    spec: {
      workflowTemplateRef: { name: parts.template ?? 'lc2-backup' },
      ...(parts.shutdown === undefined ? {} : { shutdown: parts.shutdown }),
    },
    status: {
      phase: parts.phase ?? 'Running',
      message: parts.message ?? '',
      ...(parts.outputs === undefined ? {} : { outputs: outputsOf(parts.outputs) }),
      ...(parts.nodes === undefined ? {} : { nodes: nodesOf(parts.nodes) }),
      ...(parts.compressed === true ? { compressedNodes: 'H4sI' } : {}),
    },
  });

export const verify = (parts: WorkflowParts & { readonly found?: Json } = {}): WorkflowView =>
  workflow({
    template: 'lc2-verify',
    ...parts,
    ...(parts.found === undefined ? {} : { outputs: { verification: { ...found, ...parts.found } } }),
  });

export const found = {
  backupId,
  sealed: true,
  ok: true,
  url: 's3://backups/m',
  digest: 'b'.repeat(64),
  bytes: 1,
  objects: 2,
  problems: [],
};

export const sealed = { manifest: sealedOutput(backupId) };

export const restored = {
  restore: {
    restoreId: 'r1',
    backupId,
    databases: 1,
    tables: 2,
    rows: 3,
    objects: 4,
    bytes: 5,
    previous: ['lportal_before_r1'],
  },
};

export const restoredBeside = {
  restore: {
    ...restored.restore,
    previous: [],
    newServer: { name: 'retail-2', host: 'retail-2.example.com', port: 5432 },
  },
};

export const previewed = {
  preview: {
    already: false,
    lines: ['needs 5 GiB'],
    plan: {
      restoreId: 'r1',
      record: 'mine-1',
      backupId,
      stamp: '20260301-100002',
      manifestDigest: 'c'.repeat(64),
      into: 'prd',
      components: ['database'],
      databases: [],
      stores: [],
      prefixes: [],
      databaseMode: 'swap',
      objectsMode: 'merge',
      sameEnvironment: true,
      keepUntil: '',
    },
  },
};

export const observed = (parts: Partial<Observed> = {}): Observed => {
  const view = parts.request ?? request('BackupRequest');
  const prd = state(environment());
  return {
    environment: prd,
    source: prd,
    workflow: undefined,
    verify: undefined,
    synced: true,
    creationWaitMs: 0,
    sinceSeenMs: 10_000,
    sinceStatusMs: Number.POSITIVE_INFINITY,
    refusal: undefined,
    ...parts,
    request: view,
  };
};

export const running = { phase: 'Running', workflow: workflowName({ name: 'mine', uid }), backupId };

export const kindsOf = (actions: readonly Action[]): string[] => actions.map((action) => action.do);

export const pick = <K extends Action['do']>(
  actions: readonly Action[],
  kind: K,
): Extract<Action, { do: K }> | undefined =>
  actions.find((action): action is Extract<Action, { do: K }> => action.do === kind);

export const statusIn = (actions: readonly Action[]) => pick(actions, 'patchStatus')?.status;

export const reasonIn = (actions: readonly Action[], type: string): string | undefined =>
  statusIn(actions)?.conditions?.find((condition) => condition.type === type)?.reason;
