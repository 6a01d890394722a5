import type { StepName } from '../steps/index.ts';

/** A flow as data: rendered to an Argo template by templates/, executed by the local runner. */
export interface Flow {
  readonly name: 'lc2-backup' | 'lc2-restore' | 'lc2-verify';
  readonly title: string;
  readonly description: string;
  readonly parameters: readonly FlowParameter[];
  /** Parameter that names the environment that is backed up or written to. */
  readonly environment: string;
  /** Parameter that names the environment whose storage is used; empty value: the same. */
  readonly source: string;
  /** Topologically ordered. */
  readonly steps: readonly FlowStep[];
  /** Runs after a run that did not succeed. */
  readonly onFailure?: StepName;
  /** One run at a time per environment. */
  readonly exclusive: boolean;
}

export interface FlowStep {
  readonly step: StepName;
  readonly needs: readonly StepName[];
  /** All must hold, else the step is skipped and counts as done. */
  readonly when: readonly FlowCondition[];
}

export type FlowCondition =
  /** A key of the environment's ConfigMap is "true". */
  | { readonly flag: EnvironmentFlag }
  /** The run's components (all, when none is named) include the database, or any object store. */
  | { readonly component: 'database' | 'objects' }
  | { readonly parameter: string; readonly is: string };

export const environmentFlags = [
  'has-database',
  'has-objects',
  'has-snapshot',
  'has-export',
  'has-dump',
  'has-copies',
] as const;
export type EnvironmentFlag = (typeof environmentFlags)[number];

export const flagsOf = (isSet: (flag: EnvironmentFlag) => boolean): Record<EnvironmentFlag, boolean> => ({
  'has-database': isSet('has-database'),
  'has-objects': isSet('has-objects'),
  'has-snapshot': isSet('has-snapshot'),
  'has-export': isSet('has-export'),
  'has-dump': isSet('has-dump'),
  'has-copies': isSet('has-copies'),
});

export interface FlowParameter {
  readonly name: string;
  readonly description: string;
  /** Without one the value must be given. */
  readonly value?: string;
  readonly enum?: readonly string[];
  /** Set by the controller and not meant for people. */
  readonly internal?: boolean;
}

/** When a failed attempt is tried again. The same table drives Argo's retryStrategy and the local runner. */
export const retry = {
  limit: 4,
  /** Our "try again", and the kernel's and the node's ways to end a pod. */
  statuses: [75, 137, 143],
  /** A deadline that was reached once will be reached again, and so will a memory limit. */
  unlessMessages: ['deadline', 'OOMKilled'],
  backoff: { seconds: 10, factor: 2, capSeconds: 300 },
} as const;

export interface FlowFacts {
  readonly flags: Readonly<Record<EnvironmentFlag, boolean>>;
  readonly parameters: Readonly<Record<string, string>>;
}

export const holds = (condition: FlowCondition, facts: FlowFacts): boolean => {
  if ('flag' in condition) return facts.flags[condition.flag];
  if ('parameter' in condition) return (facts.parameters[condition.parameter] ?? '') === condition.is;
  const chosen = splitList(facts.parameters['components'] ?? '');
  if (chosen.length === 0) return true;
  return condition.component === 'database' ? chosen.includes('database') : chosen.some((name) => name !== 'database');
};

/** `a,b` as a list; parameters of Argo are strings. */
export const splitList = (text: string): string[] => text.split(',').filter((item) => item !== '');
