// Names, addresses and places of the test cluster. Everything it makes on the machine carries `name`.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export const name = 'lc2e2e';

const cacheHome = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');

/** The folder that test/install fills; see install.sh. */
export const cache = process.env['LC2_CACHE_DIR'] ?? join(cacheHome, 'lc2-backup');

export const places = {
  programs: join(cache, 'bin'),
  argo: join(cache, 'argo'),
  images: join(cache, 'images'),
  /** Exists while a cluster runs, or after one was not stopped. */
  state: join(cache, 'cluster'),
  /** Kept after the cluster is gone, until the next one starts. */
  logs: join(cache, 'cluster-logs'),
} as const;

export const network = {
  hostLink: `${name}-host`,
  nodeLink: `${name}-node`,
  hostAddress: '172.30.77.1',
  nodeAddress: '172.30.77.2',
  podRange: '172.30.80.0/20',
  podGateway: '172.30.80.1',
  serviceRange: '172.30.96.0/20',
  apiService: '172.30.96.1',
} as const;

export const nodeName = 'node';
export const containerdSocket = '/run/containerd/containerd.sock';
export const kubeconfig = join(places.state, 'admin.kubeconfig');

/** Programs that run for as long as the cluster does, in the order in which node.sh starts them. */
export const daemons = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'containerd',
  'kubelet',
  'kube-proxy',
  'coredns',
  'workflow-controller',
] as const;

const commands = [...daemons, 'containerd-shim-runc-v2', 'ctr', 'kubectl', 'argo', 'argoexec'];

export const requirePrograms = (): void => {
  const missing = commands.filter((command) => !existsSync(join(places.programs, command)));
  if (missing.length > 0) {
    throw new Error(`missing in ${places.programs}: ${missing.join(', ')}; run: bash test/install/install.sh cluster`);
  }
};
