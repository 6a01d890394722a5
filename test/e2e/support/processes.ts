// Processes of a container, as the machine sees them: to kill one without asking Kubernetes, and to freeze one.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { name as clusterName, places } from '../../cluster/settings.ts';
import type { Pod } from './objects.ts';

const hierarchies = ['/sys/fs/cgroup/memory', '/sys/fs/cgroup'] as const;

const containerId = (pod: Pod, container: string): string => {
  const id = pod.status?.containerStatuses?.find(({ name }) => name === container)?.containerID;
  const bare = id?.replace(/^.*:\/\//, '');
  if (bare === undefined || bare === '') throw new Error(`pod ${pod.metadata.name} has no container ${container}`);
  return bare;
};

const cgroupOf = (folder: string, id: string): string | undefined => {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const below = join(folder, entry.name);
    const found = entry.name.includes(id) ? below : cgroupOf(below, id);
    if (found !== undefined) return found;
  }
  return undefined;
};

/** Only where the pods run on this machine: not in a cluster that LC2_E2E_KUBECONFIG names. */
const pidsOf = (pod: Pod, container: string): readonly number[] => {
  const root = hierarchies.map((folder) => join(folder, clusterName)).find((folder) => existsSync(folder));
  if (root === undefined)
    throw new Error('the pods of this cluster run on another machine: their processes cannot be reached');
  const folder = cgroupOf(root, containerId(pod, container));
  if (folder === undefined) throw new Error(`container ${container} of ${pod.metadata.name} has no cgroup`);
  return readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
};

const commandLine = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch (error) {
    if (error instanceof Error) return '';
    throw error;
  }
};

/** Everything in the container but Argo's own supervisor. */
export const programsOf = (
  pod: Pod,
  container: string,
): readonly { readonly pid: number; readonly command: string }[] =>
  pidsOf(pod, container)
    .map((pid) => ({ pid, command: commandLine(pid) }))
    .filter(({ command }) => command !== '' && !command.includes('argoexec'));

/** The Node process of a step or of the controller. */
export const mainProcess = (pod: Pod, container: string): number => {
  const found = programsOf(pod, container).find(({ command }) => /^\S*node /.test(command));
  if (found === undefined) throw new Error(`no Node process runs in ${pod.metadata.name}`);
  return found.pid;
};

/** What containerd has placed over the pod: while it stands still, nobody can end the pod's processes. */
export const shimOf = (pod: Pod, container: string): number => {
  let pid = mainProcess(pod, container);
  for (let depth = 0; depth < 10; depth += 1) {
    if (commandLine(pid).includes('containerd-shim')) return pid;
    pid = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  }
  throw new Error(`pod ${pod.metadata.name} has no shim above it`);
};

/** As Argo's supervisor in the container wrote it down; read from the node, so also of a pod that the API server forgot. */
export const tryExitCode = (pod: Pod, container: string): number | undefined => {
  const volume = join(
    places.state,
    'kubelet',
    'pods',
    pod.metadata.uid,
    'volumes',
    'kubernetes.io~empty-dir',
    'var-run-argo',
  );
  const file = join(volume, 'ctr', container, 'exitcode');
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined;
};

/** Stands still while `use` runs: whoever talks to it waits, as with a machine that hangs. */
export const frozen = async <T>(
  program: 'kube-apiserver' | 'workflow-controller',
  use: () => Promise<T>,
): Promise<T> => {
  const file = join(places.state, 'pids', program);
  if (!existsSync(file)) throw new Error(`the ${program} of this cluster runs elsewhere: it cannot be frozen`);
  const pid = Number(readFileSync(file, 'utf8'));
  process.kill(pid, 'SIGSTOP');
  try {
    return await use();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
};
