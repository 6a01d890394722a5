// Starts the cluster on this machine, in a network and a mount namespace of its own, and takes it down again.
import { readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from './cluster-port.ts';
import { clusterCommands } from './commands.ts';
import { writeConfigFiles } from './config-files.ts';
import { executorImage, executorRef, pauseImage, refOfArchive } from './images.ts';
import { claimOwnership, otherOwner } from './owner.ts';
import { run } from './run.ts';
import { containerdSocket, kubeconfig, name, network, nodeName, places, requirePrograms } from './settings.ts';
import { firewallRules, leftovers, sweep } from './sweep.ts';

const node = join(import.meta.dirname, 'node.sh');

const nodeEnvironment = (pauseArchive: string): Record<string, string> => ({
  NAME: name,
  NODE_NAME: nodeName,
  STATE: places.state,
  LOGS: places.logs,
  PROGRAMS: places.programs,
  HOST_LINK: network.hostLink,
  NODE_LINK: network.nodeLink,
  HOST_ADDRESS: network.hostAddress,
  NODE_ADDRESS: network.nodeAddress,
  POD_RANGE: network.podRange,
  POD_GATEWAY: network.podGateway,
  SERVICE_RANGE: network.serviceRange,
  PAUSE_IMAGE: pauseArchive,
  EXECUTOR_REF: executorRef,
});

const makeFolders = async (): Promise<void> => {
  await rm(places.logs, { recursive: true, force: true });
  for (const folder of [places.state, join(places.state, 'pids'), join(places.state, 'cni'), places.logs]) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  }
};

/** In containerd's own mount namespace: its socket and its layers are nowhere else to be seen. */
const importImage = async (archive: string, ref: string): Promise<void> => {
  const pid = readFileSync(join(places.state, 'pids', 'containerd'), 'utf8').trim();
  const ctr = [join(places.programs, 'ctr'), '--address', containerdSocket, '--namespace', 'k8s.io', 'images'];
  const images = (...args: readonly string[]) =>
    run(['nsenter', `--target=${pid}`, '--mount', ...ctr, ...args], { timeoutMs: 300_000 });
  await images('import', archive);
  const imported = await refOfArchive(archive);
  if (imported !== undefined && imported !== ref) {
    await images('tag', '--force', imported, ref);
  }
};

const installArgo = async (kubectl: Cluster['kubectl'], env: Record<string, string>): Promise<void> => {
  // Half the time without the client's own validation of 11 MB; the server validates all the same.
  await kubectl(['apply', '--server-side', '--validate=false', '-f', join(places.argo, 'crds.yaml')]);
  const resources = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'argo' } },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'workflow-controller-configmap', namespace: 'argo' } },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'test-kubelet-access' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:kubelet-api-admin' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'kube-apiserver' }],
    },
  ];
  await kubectl(['apply', '-f', '-'], { input: resources.map((resource) => JSON.stringify(resource)).join('\n---\n') });
  await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
  await run(['nsenter', `--net=/run/netns/${name}`, 'bash', node, 'argo'], { env });
};

const stopOwn = async (rulesBefore: readonly string[]): Promise<void> => {
  await sweep();
  const left = await leftovers(rulesBefore);
  if (left.length > 0) {
    throw new Error(`the test cluster left behind:\n${left.join('\n')}`);
  }
};

export const ownCluster = async (): Promise<Cluster> => {
  requirePrograms();
  const owner = otherOwner();
  if (owner !== undefined) {
    throw new Error(`process ${owner} runs the test cluster of this machine: wait for it, or end it`);
  }
  await sweep();
  const rulesBefore = await firewallRules();
  await makeFolders();
  await claimOwnership();
  const [pause, executor] = [await pauseImage(), await executorImage()];
  const env = nodeEnvironment(pause.archive);
  const commands = clusterCommands(
    { kubectl: join(places.programs, 'kubectl'), argo: join(places.programs, 'argo') },
    kubeconfig,
  );
  try {
    const pki = join(places.state, 'pki');
    await run(['bash', join(import.meta.dirname, 'pki.sh'), pki, nodeName, network.nodeAddress, network.apiService]);
    await writeConfigFiles();
    await run(['bash', node, 'host'], { env, timeoutMs: 330_000 });
    await Promise.all([importImage(executor.archive, executor.ref), installArgo(commands.kubectl, env)]);
  } catch (error) {
    await sweep();
    throw new Error(`the test cluster did not start; its logs are in ${places.logs}`, { cause: error });
  }
  return {
    ...commands,
    kubeconfig,
    hostAddress: network.hostAddress,
    auditLog: join(places.logs, 'audit.ndjson'),
    importImage,
    stop: () => stopOwn(rulesBefore),
  };
};
