// The two command lines of a cluster, and what they say about its versions.
import type { Cluster, CommandOptions, Versions } from './cluster-port.ts';
import { run } from './run.ts';

export type Commands = Pick<Cluster, 'kubectl' | 'argo' | 'versions'>;

interface ClusterPrograms {
  readonly kubectl: string;
  readonly argo: string;
}

const defaultTimeoutMs = 300_000;

const versionOf = (text: string): string => /v?\d+\.\d+\.\d+/.exec(text)?.[0] ?? 'unknown';

export const clusterCommands = (programs: ClusterPrograms, kubeconfig: string): Commands => {
  // Also by environment, for argo; and not what a developer's shell may say about another cluster.
  const env = { KUBECONFIG: kubeconfig, ARGO_SERVER: '', ARGO_TOKEN: '', ARGO_NAMESPACE: '' };
  const command =
    (program: string, first: readonly string[]): Commands['kubectl'] =>
    (args, options: CommandOptions = {}) =>
      run([program, ...first, ...args], { timeoutMs: defaultTimeoutMs, ...options, env });
  const kubectl = command(programs.kubectl, ['--kubeconfig', kubeconfig]);
  const argo = command(programs.argo, ['--kubeconfig', kubeconfig]);

  const versions = async (): Promise<Versions> => {
    const [server, runtime, workflows] = await Promise.all([
      kubectl(['version']),
      kubectl(['get', 'nodes', '-o', 'jsonpath={.items[0].status.nodeInfo.containerRuntimeVersion}']),
      // Its own version it prints; then it asks for a server's, which nobody runs.
      argo(['version', '--short'], { allow: [1] }),
    ]);
    return {
      kubernetes: versionOf(/Server Version: .*/.exec(server.stdout)?.[0] ?? ''),
      argo: versionOf(workflows.stdout),
      containerRuntime: runtime.stdout,
    };
  };
  return { kubectl, argo, versions };
};
