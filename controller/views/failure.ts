import { catalogue, type ErrorCode, oneLine } from '../../core/errors.ts';
import type { StepName } from '../../core/steps/index.ts';
import type { Node } from './node.ts';

/** Why a run failed, as its first failed step said it. */
export interface Failure {
  readonly step: StepName;
  readonly code: ErrorCode;
  readonly message: string;
  /** The step itself said so in its last words; otherwise somebody else ended it. */
  readonly stated: boolean;
}

const messageLimit = 1500;

const isErrorCode = (text: string): text is ErrorCode => Object.hasOwn(catalogue, text);

/** What Kubernetes and Argo say when a step could not speak for itself. */
const foreign: readonly { readonly pattern: RegExp; readonly message: string }[] = [
  {
    pattern: /OOMKilled/i,
    message: 'it ran out of memory (OOMKilled); a node may be overcommitted, see the limits of the step',
  },
  { pattern: /deadline/i, message: 'it reached its deadline; raise scheduling.deadline of the environment' },
  {
    pattern: /evict|low on resource|preempt/i,
    message: 'its pod was evicted; free resources on the nodes and start it again',
  },
  {
    pattern: /ErrImagePull|ImagePullBackOff|InvalidImageName/i,
    message: 'its image could not be pulled; check image and registry',
  },
  { pattern: /pod deleted/i, message: 'its pod was deleted; start it again' },
  { pattern: /exit code 137/i, message: 'it was killed (exit code 137); start it again' },
];

/** `main: Error (exit code 78): CODE: message; remedy` as code and message; whatever else is said, in plain words. */
export const readMessage = (
  raw: string,
): { readonly code: ErrorCode; readonly message: string; readonly stated: boolean } => {
  const lastWords = raw.replace(/^[^]*?\(exit code -?\d+\): /, '');
  const [, code = '', message = ''] = /^([A-Z][A-Z0-9_]*): ([^]*)$/.exec(lastWords) ?? [];
  if (isErrorCode(code)) return { code, message: oneLine(message.trim()).slice(0, messageLimit), stated: true };
  const known = foreign.find(({ pattern }) => pattern.test(raw));
  const said = oneLine(raw.trim()).slice(0, 300);
  const text = known === undefined ? said || 'it failed without a message' : `${known.message} [${said}]`;
  return { code: 'STEP_FAILED', message: text, stated: false };
};

const isFailed = (node: Node): boolean => node.phase === 'Failed' || node.phase === 'Error';
const endOf = (node: Node): string => node.finishedAt ?? node.startedAt ?? '';
const byEnd = (a: Node, b: Node): number => (endOf(a) < endOf(b) ? -1 : endOf(a) > endOf(b) ? 1 : 0);

interface Failed {
  readonly step: StepName;
  readonly leaves: readonly Node[];
  readonly end: string;
}

/** Attempts of steps that have failed for good, in the order in which those steps ended. */
const failedSteps = (
  groups: ReadonlyMap<StepName, readonly Node[]>,
  states: Readonly<Partial<Record<StepName, { readonly state: string }>>>,
): Failed[] => {
  const failed: Failed[] = [];
  for (const [step, nodes] of groups) {
    if (step === 'clean-up' || states[step]?.state !== 'failed') continue;
    const pods = nodes.filter((node) => isFailed(node) && node.type === 'Pod');
    const leaves = (pods.length > 0 ? pods : nodes.filter(isFailed)).toSorted(byEnd);
    const last = leaves.at(-1);
    if (last !== undefined) failed.push({ step, leaves, end: endOf(last) });
  }
  return failed.sort((a, b) => (a.end < b.end ? -1 : a.end > b.end ? 1 : 0));
};

export const readFailure = (
  groups: ReadonlyMap<StepName, readonly Node[]>,
  states: Readonly<Partial<Record<StepName, { readonly state: string }>>>,
): Failure | undefined => {
  const [first] = failedSteps(groups, states);
  if (first === undefined) return undefined;
  const told = first.leaves.map((node) => readMessage(node.message));
  // The last attempt decides; only when it could not speak does an earlier one that did explain more.
  const last = told.at(-1);
  const best = last?.stated === true ? last : (told.findLast((each) => each.stated) ?? last);
  return best === undefined
    ? undefined
    : { step: first.step, code: best.code, message: best.message, stated: last?.stated === true };
};
