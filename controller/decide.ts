import type { Phase, RequestStatus } from '../core/api/request-status.ts';
import { isTerminal } from '../core/api/request-status.ts';
import { type Condition, reasonOf } from '../core/api/conditions.ts';
import { backupIdOf, stampOf } from '../core/plan/backup-id.ts';
import type { Action } from './actions.ts';
import { accept, type Acceptance } from './decide-acceptance.ts';
import { failed, type Outcome, outcomeOf, outcomeOfVerify, restoreGone } from './decide-outcome.ts';
import { finalizer, verifyWorkflowName } from './names.ts';
import type { Observed } from './observed.ts';
import { componentsOf, progressOf } from './progress.ts';
import { conditionOf, cutMessage, isMinor, sameStatus, type Saying, withConditions } from './status.ts';
import { hasEnded, isHeld, type WorkflowView } from './views/workflow-view.ts';

export const patience = {
  /** An environment that is not there yet. */
  environmentMs: 60_000,
  /** A deleted request whose Workflow does not stop. */
  deletionMs: 15 * 60_000,
  /** A Workflow that Argo has not looked at. */
  freshMs: 1000,
  /** Between writes of one status: two controllers that see differently must not answer each other without a pause. */
  statusMs: 1000,
  /** Between writes of mere progress. */
  progressMs: 10_000,
  /** Safety net under the watches. */
  resyncMs: 60_000,
} as const;

/** What to do about a request now. The same question has the same answer, and doing it twice does nothing more. */
export const decide = (observed: Observed, now: Date): readonly Action[] => {
  const { request, workflow, synced } = observed;
  if (isTerminal(request.status.phase)) return release(observed);
  if (!synced) return [];
  if (request.deletedAt !== undefined) return decideDeleted(observed, now);
  if (workflow !== undefined && !isAsking(observed, workflow)) return decideRun(observed, workflow, now);
  if (request.status.workflow !== undefined) return decideGone(observed, now);
  return request.cancel ? end(observed, now, stoppedBeforeStart) : decideStart(observed, now);
};

const stoppedBeforeStart: Outcome = {
  phase: 'Cancelled',
  reason: reasonOf('CANCELLED'),
  message: 'cancelled before it started',
  facts: {},
};

const releaseWorkflow = (workflow: WorkflowView | undefined): readonly Action[] =>
  workflow !== undefined && isHeld(workflow) ? [{ do: 'releaseWorkflow', workflow }] : [];

/** Lets go of the run and then of the request: whoever comes after a crash in between still knows both. */
const release = ({ request, workflow }: Observed): readonly Action[] => [
  ...releaseWorkflow(workflow),
  ...(request.finalizers.includes(finalizer) ? [{ do: 'removeFinalizer' as const }] : []),
];

/** The status with changes; unnamed fields stay. */
const change = (
  observed: Observed,
  now: Date,
  parts: { readonly set: RequestStatus; readonly say: readonly Saying[] },
): RequestStatus => {
  const { status, generation } = observed.request;
  return {
    ...status,
    ...parts.set,
    observedGeneration: generation,
    conditions: withConditions(status.conditions, parts.say, { now, generation }),
  };
};

/** With all that can be told of the run: its end may be the first that is seen of it. */
const withRun = (observed: Observed, now: Date): Observed => {
  const { request, workflow } = observed;
  return workflow === undefined
    ? observed
    : { ...observed, request: { ...request, status: mirror(observed, workflow, now) } };
};

/** A phase only goes on, so two cannot answer each other with it: it is told at once. */
const pauseFor = (before: RequestStatus, after: RequestStatus): number => {
  if (isMinor(before, after)) return patience.progressMs;
  return before.phase === after.phase ? patience.statusMs : 0;
};

const write = (observed: Observed, status: RequestStatus): readonly Action[] => {
  const before = observed.request.status;
  if (sameStatus(before, status)) return [];
  const wait = pauseFor(before, status) - observed.sinceStatusMs;
  if (wait > 0) return [{ do: 'requeueAfter', ms: Math.ceil(wait) }];
  return [{ do: 'patchStatus', status }];
};

/** Writes what is known of a run, and lets it go once its request names it. */
const record = (observed: Observed, status: RequestStatus): readonly Action[] => {
  const { request, workflow } = observed;
  const writes = write(observed, status);
  const named = request.status.workflow !== undefined || writes.some((action) => action.do === 'patchStatus');
  return named ? [...writes, ...releaseWorkflow(workflow)] : writes;
};

const accepted: Saying = { type: 'Accepted', status: 'True', reason: 'Valid', message: 'the request is valid' };

/** The one way into a terminal phase. */
const end = (observed: Observed, now: Date, outcome: Outcome, say: readonly Saying[] = []): readonly Action[] => {
  const { workflow } = observed;
  const good = outcome.phase === 'Succeeded';
  const known = withRun(observed, now);
  const components = known.request.status.components?.map(({ name }) => ({
    name,
    state: good ? ('Done' as const) : ('Failed' as const),
  }));
  const message = cutMessage(outcome.message);
  const ended = { status: 'False', reason: 'Ended', message: `phase ${outcome.phase}` } as const;
  const status = change(known, now, {
    set: {
      ...outcome.facts,
      phase: outcome.phase,
      message,
      finishedAt: workflow?.finishedAt ?? now.toISOString(),
      ...(good ? { progress: '100%' } : {}),
      ...(components === undefined ? {} : { components }),
    },
    say: [
      ...say,
      { type: 'Progressing', ...ended },
      { type: 'Succeeded', status: good ? 'True' : 'False', reason: outcome.reason, message },
    ],
  });
  return [
    {
      do: 'emitEvent',
      event: { about: 'end', type: outcome.phase === 'Failed' ? 'Warning' : 'Normal', reason: outcome.reason, message },
    },
    { do: 'patchStatus', status },
    ...release(observed),
  ];
};

const refuse = (
  observed: Observed,
  now: Date,
  { code, message }: Exclude<Acceptance, { is: 'accepted' }>,
): readonly Action[] =>
  end(observed, now, failed(code, message), [{ type: 'Accepted', status: 'False', reason: reasonOf(code), message }]);

const decideStart = (observed: Observed, now: Date): readonly Action[] => {
  const acceptance = accept(observed);
  if (acceptance.is === 'refused') return refuse(observed, now, acceptance);
  if (acceptance.is === 'waiting') return decideWaiting(observed, now, acceptance);
  if (observed.refusal !== undefined) {
    return refuse(observed, now, {
      is: 'refused',
      code: 'INPUT_INVALID',
      message: `the API server refuses the Workflow: ${observed.refusal}`,
    });
  }
  if (observed.creationWaitMs > 0) return [{ do: 'requeueAfter', ms: Math.ceil(observed.creationWaitMs) }];
  const stale = acceptance.environments.filter((state) => !state.configMapCurrent);
  return [
    { do: 'ensureFinalizer' },
    ...stale.map(({ view }) => ({ do: 'applyConfigMap' as const, environment: view })),
    { do: 'createWorkflow', workflow: acceptance.workflow },
  ];
};

const decideWaiting = (
  observed: Observed,
  now: Date,
  acceptance: Exclude<Acceptance, { is: 'accepted' }>,
): readonly Action[] => {
  const left = patience.environmentMs - observed.sinceSeenMs;
  if (left <= 0) return refuse(observed, now, acceptance);
  const { code, message } = acceptance;
  const status = change(observed, now, {
    set: { phase: 'Pending', message: cutMessage(message) },
    say: [{ type: 'Accepted', status: 'False', reason: reasonOf(code), message }],
  });
  return [...write(observed, status), { do: 'requeueAfter', ms: Math.ceil(left) }];
};

/** Known from the Workflow alone, so that it survives the environment. */
const backupIdOfRun = ({ project, environment, createdAt }: WorkflowView): string | undefined =>
  project === undefined || environment === undefined
    ? undefined
    : backupIdOf({ projectId: project, environment, stamp: stampOf(new Date(createdAt)) });

const phaseOf = ({ phase }: WorkflowView): Phase => (phase === '' || phase === 'Pending' ? 'Pending' : 'Running');

const progressing = (observed: Observed, workflow: WorkflowView): Saying => {
  const base = { type: 'Progressing', status: 'True' } as const;
  if (workflow.shutdown !== undefined || observed.request.cancel) {
    return { ...base, reason: 'Stopping', message: `Workflow ${workflow.name} is being stopped` };
  }
  if (phaseOf(workflow) === 'Running') return { ...base, reason: 'Running', message: `Workflow ${workflow.name} runs` };
  return workflow.message === ''
    ? { ...base, reason: 'Submitted', message: `Workflow ${workflow.name} is submitted` }
    : { ...base, reason: 'Waiting', message: workflow.message };
};

/** What is told of a run only goes on: who sees less than was told looks at an old view of it. */
const stages = ['Submitted', 'Waiting', 'Running', 'Stopping'];

const furthest = (told: Condition | undefined, seen: Saying): Saying =>
  told !== undefined && stages.indexOf(told.reason) > stages.indexOf(seen.reason) ? told : seen;

const componentNames = (observed: Observed): readonly string[] => {
  const known = observed.request.status.components;
  if (known !== undefined) return known.map(({ name }) => name);
  const acceptance = accept(observed);
  return acceptance.is === 'accepted' ? acceptance.components : [];
};

const mirror = (observed: Observed, workflow: WorkflowView, now: Date): RequestStatus => {
  const { request } = observed;
  const backupId = request.status.backupId ?? (request.kind === 'BackupRequest' ? backupIdOfRun(workflow) : undefined);
  const progress = progressOf(workflow, request.status.progress);
  const startedAt = request.status.startedAt ?? workflow.startedAt;
  const say = furthest(conditionOf(request.status.conditions, 'Progressing'), progressing(observed, workflow));
  return change(observed, now, {
    set: {
      phase: request.status.phase === 'Running' ? 'Running' : phaseOf(workflow),
      workflow: workflow.name,
      message: cutMessage(say.message),
      components: componentsOf(workflow, componentNames(observed), request.status.components),
      ...(backupId === undefined ? {} : { backupId }),
      ...(progress === undefined ? {} : { progress }),
      ...(startedAt === undefined ? {} : { startedAt }),
    },
    say: [accepted, say],
  });
};

/** Without a node it waits for its turn; Argo lets a stopped run wait on, and only a terminated one leave the queue. */
const isWaiting = ({ phase, steps, hidden }: WorkflowView): boolean =>
  phase === 'Pending' && steps === undefined && !hidden;

const stop = ({ request }: Observed, workflow: WorkflowView): readonly Action[] => {
  const wanted = request.cancel || request.deletedAt !== undefined;
  const how = isWaiting(workflow) ? 'Terminate' : 'Stop';
  const done = workflow.shutdown === 'Terminate' || workflow.shutdown === how;
  return wanted && !done && !hasEnded(workflow) ? [{ do: 'stopWorkflow', name: workflow.name, how }] : [];
};

/** Argo takes up a new run within a moment, and then one write says what two would have. */
const isFresh = ({ request, sinceSeenMs }: Observed, { phase }: WorkflowView): boolean =>
  phase === '' && request.status.workflow === undefined && !request.cancel && sinceSeenMs < patience.freshMs;

const decideRun = (observed: Observed, workflow: WorkflowView, now: Date): readonly Action[] => {
  if (isFresh(observed, workflow)) return [{ do: 'requeueAfter', ms: patience.freshMs }];
  if (!hasEnded(workflow)) {
    return [
      ...stop(observed, workflow),
      ...record(observed, mirror(observed, workflow, now)),
      { do: 'requeueAfter', ms: patience.resyncMs },
    ];
  }
  const outcome = outcomeOf(observed.request, workflow);
  if (outcome === 'unclear')
    return askStorage(observed, now, observed.request.status.backupId ?? backupIdOfRun(workflow));
  return end(observed, now, outcome, [accepted]);
};

/** Once storage is asked its answer counts: a Workflow that still seems to run is an old view, or somebody's own. */
const isAsking = ({ request }: Observed, workflow: WorkflowView): boolean =>
  request.kind === 'BackupRequest' &&
  !hasEnded(workflow) &&
  conditionOf(request.status.conditions, 'Progressing')?.reason === 'Verifying';

const decideGone = (observed: Observed, now: Date): readonly Action[] => {
  const { request } = observed;
  if (request.kind === 'RestoreRequest') return end(observed, now, restoreGone(request));
  return askStorage(observed, now, request.status.backupId);
};

/** The run cannot tell whether it sealed its backup: lc2-verify looks, and until it has, nothing is claimed. */
const askStorage = (observed: Observed, now: Date, backupId: string | undefined): readonly Action[] => {
  const { request, verify, environment } = observed;
  if (backupId === undefined)
    return end(observed, now, failed('RESULT_LOST', 'the Workflow vanished before its backup id was known'));
  if (verify !== undefined) {
    const outcome = outcomeOfVerify({ request, workflow: observed.workflow, verify, backupId });
    if (outcome !== undefined) return end(observed, now, outcome, [accepted]);
  } else if (observed.refusal !== undefined) {
    return end(
      observed,
      now,
      failed('RESULT_LOST', `storage could not be asked whether ${backupId} was sealed: ${observed.refusal}`),
    );
  } else if (environment === undefined || !environment.view.verdict.ok) {
    return end(
      observed,
      now,
      failed('RESULT_LOST', `the environment is not usable, so storage could not be asked about ${backupId}`),
    );
  }
  const message = `the run ended unseen; lc2-verify looks whether ${backupId} was sealed`;
  const status = change(withRun(observed, now), now, {
    set: { phase: 'Running', backupId, message },
    say: [accepted, { type: 'Progressing', status: 'True', reason: 'Verifying', message }],
  });
  // Written first: who decided by an old view fails here, and starts nothing.
  return [
    ...record(observed, status),
    ...createVerify(observed, backupId),
    { do: 'requeueAfter', ms: patience.resyncMs },
  ];
};

const createVerify = ({ request, verify, environment }: Observed, backupId: string): readonly Action[] => {
  if (verify !== undefined || environment === undefined || !environment.view.verdict.ok) return [];
  const { name, spec } = environment.view.verdict.environment;
  const { nodeSelector, tolerations } = spec.scheduling;
  return [
    ...(environment.configMapCurrent ? [] : [{ do: 'applyConfigMap' as const, environment: environment.view }]),
    {
      do: 'createVerifyWorkflow',
      workflow: {
        name: verifyWorkflowName(request),
        flow: 'lc2-verify',
        environment: name,
        projectId: spec.projectId,
        parameters: { environment: name, backup: backupId, level: 'seal' },
        scheduling: { nodeSelector, tolerations },
      },
    },
  ];
};

const decideDeleted = (observed: Observed, now: Date): readonly Action[] => {
  const { request, workflow } = observed;
  if (workflow === undefined || hasEnded(workflow)) return release(observed);
  const age = now.getTime() - Date.parse(request.deletedAt ?? '');
  if (!(age < patience.deletionMs)) return release(observed);
  const stopping = conditionOf(request.status.conditions, 'Progressing')?.reason === 'Stopping';
  return [
    ...stop(observed, workflow),
    ...(stopping
      ? releaseWorkflow(workflow)
      : record(observed, mirror(observed, { ...workflow, shutdown: 'Stop' }, now))),
    { do: 'requeueAfter', ms: Math.ceil(Math.min(patience.resyncMs, patience.deletionMs - age)) },
  ];
};
