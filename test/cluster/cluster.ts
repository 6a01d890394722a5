// A real Kubernetes of one node with Argo Workflows, for end-to-end tests: started here, or one that exists already.
import type { Cluster } from './cluster-port.ts';
import { existingCluster } from './existing-cluster.ts';
import { ownCluster } from './own-cluster.ts';

export type { Cluster, Command, CommandOptions, Versions } from './cluster-port.ts';

/**
 * Ends first what a killed run left behind. One cluster per machine: rejects while another process runs one.
 * With LC2_E2E_KUBECONFIG set, that cluster is used instead: Argo is installed there, images are already in it and
 * LC2_E2E_IMAGES names them (comma-separated), LC2_E2E_HOST_ADDRESS is how its pods reach this machine.
 */
export const startCluster = (): Promise<Cluster> => {
  const existing = process.env['LC2_E2E_KUBECONFIG'];
  return existing === undefined || existing === '' ? ownCluster() : existingCluster(existing);
};
