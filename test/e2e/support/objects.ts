// Requests, environments and Workflows of a namespace: to make them, to wait for them, to say what became of them.
import type { BackupRequestSpec } from '../../../core/api/backup-request.ts';
import type { Phase, RequestStatus } from '../../../core/api/request-status.ts';
import { isTerminal } from '../../../core/api/request-status.ts';
import type { RestoreRequestSpec } from '../../../core/api/restore-request.ts';
import { unansweredRequests } from './gate-front.ts';
import { type Kube, type KubeObject, until } from './kube.ts';

export interface Request extends KubeObject {
  readonly spec: { readonly environment?: string; readonly into?: string };
  readonly status?: RequestStatus;
}

export interface Node {
  readonly id: string;
  readonly displayName: string;
  readonly templateName?: string;
  readonly type: string;
  readonly phase: string;
  readonly message?: string;
  readonly outputs?: { readonly exitCode?: string };
}

export interface Workflow extends KubeObject {
  readonly spec: { readonly shutdown?: string };
  readonly status?: {
    readonly phase?: string;
    readonly message?: string;
    readonly nodes?: Readonly<Record<string, Node>>;
    readonly outputs?: { readonly parameters?: readonly { readonly name: string; readonly value?: string }[] };
  };
}

export interface Pod extends KubeObject {
  readonly status?: {
    readonly phase?: string;
    readonly containerStatuses?: readonly {
      readonly name: string;
      readonly containerID?: string;
      readonly imageID: string;
      readonly restartCount?: number;
      readonly state?: { readonly running?: object; readonly terminated?: object };
    }[];
  };
}

const own = '/apis/backup.lc2.dev/v1alpha1';
const argo = '/apis/argoproj.io/v1alpha1';
export const path = {
  environments: (namespace: string) => `${own}/namespaces/${namespace}/backupenvironments`,
  backups: (namespace: string) => `${own}/namespaces/${namespace}/backuprequests`,
  restores: (namespace: string) => `${own}/namespaces/${namespace}/restorerequests`,
  workflows: (namespace: string) => `${argo}/namespaces/${namespace}/workflows`,
  cronWorkflows: (namespace: string) => `${argo}/namespaces/${namespace}/cronworkflows`,
  pods: (namespace: string) => `/api/v1/namespaces/${namespace}/pods`,
} as const;

const apiVersion = 'backup.lc2.dev/v1alpha1';

export const requestBackup = (
  kube: Kube,
  namespace: string,
  request: { readonly name: string; readonly spec: Partial<BackupRequestSpec> & { readonly environment: string } },
): Promise<Request> =>
  kube.create(path.backups(namespace), {
    apiVersion,
    kind: 'BackupRequest',
    metadata: { name: request.name },
    spec: request.spec,
  });

type RestoreWish = Partial<Omit<RestoreRequestSpec, 'backup'>> & {
  readonly into: string;
  readonly backup: { readonly id?: string; readonly latest?: boolean };
};

export const requestRestore = (
  kube: Kube,
  namespace: string,
  request: { readonly name: string; readonly spec: RestoreWish },
): Promise<Request> =>
  kube.create(path.restores(namespace), {
    apiVersion,
    kind: 'RestoreRequest',
    metadata: { name: request.name },
    spec: request.spec,
  });

/** The end of a request, whatever it is. A step waits 300 s for a server that says nothing, and asks again. */
export const ended = (kube: Kube, collection: string, name: string, seconds = 420): Promise<RequestStatus> =>
  until(
    `${name} ends`,
    async () => {
      const status = (await kube.get<Request>(`${collection}/${name}`))?.status;
      return isTerminal(status?.phase) ? status : undefined;
    },
    seconds,
  ).catch(async (error: unknown) => {
    throw new Error(`${name} does not end: ${await stateOf(kube, collection, name)}`, { cause: error });
  });

/** Where a request stands: its Workflow's attempts, the last lines of its pods, and what servers owe. */
const stateOf = async (kube: Kube, collection: string, name: string): Promise<string> => {
  const request = await kube.get<Request>(`${collection}/${name}`);
  if (request === undefined) return 'there is no such request';
  const { namespace = '', uid } = request.metadata;
  const [workflow] = await workflowsOf(kube, namespace, uid);
  if (workflow === undefined) return 'it has no Workflow';
  const pods = await podsOf(kube, namespace, { workflow: workflow.metadata.name });
  const said = await Promise.all(pods.map((pod) => lastOf(kube, pod)));
  return [attempts(workflow), ...said, ...unansweredRequests()].join('\n');
};

const lastOf = async (kube: Kube, { metadata: { name, namespace = '' }, status }: Pod): Promise<string> => {
  const log = await kube.text(`${path.pods(namespace)}/${name}/log?container=main&tailLines=5`);
  return `${name} ${JSON.stringify(status?.containerStatuses?.map((container) => container.state))}\n${log.trimEnd()}`;
};

/** The end of a request, which must be this one. */
export const endsAs = async (
  kube: Kube,
  where: { readonly collection: string; readonly name: string; readonly seconds?: number },
  phase: Phase,
): Promise<RequestStatus> => {
  const status = await ended(kube, where.collection, where.name, where.seconds);
  if (status.phase !== phase)
    throw new Error(`${where.name} is ${status.phase ?? 'nothing'} and not ${phase}: ${status.message ?? ''}`);
  return status;
};

export const workflowOf = (kube: Kube, namespace: string, uid: string): Promise<Workflow> =>
  until('the request has a Workflow', async () => (await workflowsOf(kube, namespace, uid))[0], 60);

export const workflowsOf = (kube: Kube, namespace: string, uid: string): Promise<readonly Workflow[]> =>
  kube.list<Workflow>(`${path.workflows(namespace)}?labelSelector=backup.lc2.dev/request-uid%3D${uid}`);

/** Pods of a run, or of a step of it, of all attempts that still exist. */
export const podsOf = async (
  kube: Kube,
  namespace: string,
  run: { readonly workflow: string; readonly step?: string },
) => {
  const pods = await kube.list<Pod>(
    `${path.pods(namespace)}?labelSelector=workflows.argoproj.io%2Fworkflow%3D${run.workflow}`,
  );
  const node = new RegExp(`\\.${run.step ?? '.*'}(\\(\\d+\\))?$`, 'u');
  return pods.filter((pod) => node.test(pod.metadata.annotations?.['workflows.argoproj.io/node-name'] ?? ''));
};

/** One whose main container runs or has ended: nobody sees a short step run who looks now and then. */
export const startedPod = (
  kube: Kube,
  namespace: string,
  run: { readonly workflow: string; readonly step: string; readonly not?: string },
): Promise<Pod> =>
  until(`a pod of ${run.step} has started`, async () =>
    (await podsOf(kube, namespace, run)).find(
      (pod) =>
        pod.metadata.uid !== run.not &&
        pod.status?.containerStatuses?.some(
          ({ name, state }) => name === 'main' && (state?.running ?? state?.terminated) !== undefined,
        ),
    ),
  );

const isAttempt = ({ type }: Node): boolean => type === 'Pod';

/** Every attempt of every step: `dump(0)=Failed(143) dump(1)=Succeeded …` */
export const attempts = (workflow: Workflow | undefined): string =>
  Object.values(workflow?.status?.nodes ?? {})
    .filter(isAttempt)
    .map(({ displayName, phase, outputs, message = '' }) => {
      const code = outputs?.exitCode ?? '0';
      return `${displayName}=${phase}${code === '0' ? '' : `(${code}: ${message})`}`;
    })
    .join(' ');

/** First to last: Argo keeps its nodes in no order, and a displayed name ends in the number of the attempt. */
export const attemptsOf = (workflow: Workflow | undefined, step: string): readonly Node[] =>
  Object.values(workflow?.status?.nodes ?? {})
    .filter((node) => isAttempt(node) && node.templateName === step)
    .sort((a, b) => a.displayName.localeCompare(b.displayName, 'en', { numeric: true }));

export const requireWorkflow = async (kube: Kube, namespace: string, name: string): Promise<Workflow> => {
  const found = await kube.get<Workflow>(`${path.workflows(namespace)}/${name}`);
  if (found === undefined) throw new Error(`there is no Workflow ${name}`);
  return found;
};
