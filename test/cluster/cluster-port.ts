// What a test may ask of a cluster, whoever runs it.
import type { RunOptions, RunResult } from './run.ts';

export type CommandOptions = Pick<RunOptions, 'input' | 'allow' | 'timeoutMs'>;

/** Rejects when the program fails, unless `allow` has its exit status. */
export type Command = (args: readonly string[], options?: CommandOptions) => Promise<RunResult>;

export interface Versions {
  readonly kubernetes: string;
  readonly argo: string;
  readonly containerRuntime: string;
}

export interface Cluster {
  /** File; its user may do everything. */
  readonly kubeconfig: string;
  /** Where a pod reaches a server that listens on this machine, at that address. */
  readonly hostAddress: string;
  /** What the API server was asked, one JSON object per line; undefined where the cluster is not ours. */
  readonly auditLog: string | undefined;
  readonly kubectl: Command;
  readonly argo: Command;
  /** Makes an OCI archive usable by pods as `ref`, with imagePullPolicy Never. */
  readonly importImage: (archive: string, ref: string) => Promise<void>;
  readonly versions: () => Promise<Versions>;
  /** Rejects when anything of the cluster is left on this machine. An existing cluster stays as it is. */
  readonly stop: () => Promise<void>;
}
