// A cluster that somebody else runs, e.g. k3d or kind with Argo installed. Nothing of it is started or stopped here.
import type { Cluster } from './cluster-port.ts';
import { clusterCommands } from './commands.ts';

export const existingCluster = async (kubeconfig: string): Promise<Cluster> => {
  const commands = clusterCommands({ kubectl: 'kubectl', argo: 'argo' }, kubeconfig);
  await commands.kubectl(['get', 'crd', 'clusterworkflowtemplates.argoproj.io']);
  const images = new Set((process.env['LC2_E2E_IMAGES'] ?? '').split(',').map((ref) => ref.trim()));
  return {
    ...commands,
    kubeconfig,
    hostAddress: process.env['LC2_E2E_HOST_ADDRESS'] ?? 'host.docker.internal',
    auditLog: undefined,
    importImage: async (_archive, ref) => {
      if (!images.has(ref)) {
        throw new Error(`image ${ref} is needed: import it into the cluster and name it in LC2_E2E_IMAGES`);
      }
    },
    stop: () => Promise.resolve(),
  };
};
