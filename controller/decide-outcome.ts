import type { z } from 'zod';
import { reasonOf } from '../core/api/conditions.ts';
import type { Phase, RequestStatus } from '../core/api/request-status.ts';
import { catalogue, type ErrorCode } from '../core/errors.ts';
import { copy } from '../core/steps/copy.ts';
import { manifest } from '../core/steps/manifest.ts';
import { preview } from '../core/steps/preview.ts';
import { verifyBackup } from '../core/steps/verify-backup.ts';
import { switchOverLine, verifyRestore, type VerifyRestoreOutput } from '../core/steps/verify-restore.ts';
import { humanBytes } from '../core/human-bytes.ts';
import type { RequestView } from './views/request-view.ts';
import { hasEnded, type WorkflowView } from './views/workflow-view.ts';

/** How a request ended. Success is told by a result that exists only after the deed, never by a phase. */
export interface Outcome {
  readonly phase: Extract<Phase, 'Succeeded' | 'Failed' | 'Cancelled'>;
  readonly reason: string;
  readonly message: string;
  readonly facts: Pick<
    RequestStatus,
    'backupId' | 'restoreId' | 'manifest' | 'size' | 'bytes' | 'objects' | 'copies' | 'previous' | 'newServer'
  >;
}

/** An output of a run as its contract describes it; anything else is no output. */
const read = <S extends z.ZodType>(text: string | undefined, schema: S): z.output<S> | undefined => {
  if (text === undefined) return undefined;
  try {
    const parsed = schema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    // A truncated or foreign value proves nothing.
    return undefined;
  }
};

export const sealedBackup = (workflow: WorkflowView) => read(workflow.outputs[manifest.result], manifest.output);
export const verification = (workflow: WorkflowView) =>
  read(workflow.outputs[verifyBackup.result], verifyBackup.output);

export const failed = (code: ErrorCode, message: string): Outcome => ({
  phase: 'Failed',
  reason: reasonOf(code),
  message,
  facts: {},
});

const withRemedy = (code: ErrorCode, what: string): Outcome => failed(code, `${what}; ${catalogue[code].remedy}`);

const sizes = (bytes: number, objects: number): Pick<RequestStatus, 'size' | 'bytes' | 'objects'> => ({
  size: humanBytes(bytes),
  bytes,
  objects,
});

const backupSuccess = (workflow: WorkflowView): Outcome | undefined => {
  const sealed = sealedBackup(workflow);
  if (sealed === undefined) return undefined;
  const done = read(workflow.outputs[copy.result], copy.output)?.copies ?? [];
  const missing = sealed.copies.filter((name) => !done.some((each) => each.name === name));
  return {
    ...(missing.length === 0
      ? {
          phase: 'Succeeded',
          reason: 'Sealed',
          message: `backup ${sealed.backupId} is sealed and verified (${sealed.verified})`,
        }
      : notCopied(workflow, sealed.backupId, missing)),
    facts: {
      backupId: sealed.backupId,
      manifest: { url: sealed.url, digest: sealed.digest },
      ...(done.length === 0 ? {} : { copies: done.map(({ name, url }) => ({ name, url })) }),
      ...sizes(sealed.bytes, sealed.objects),
    },
  };
};

/** The backup is good, the run is not: somebody counts on the copies. */
const notCopied = (
  { failure }: WorkflowView,
  backupId: string,
  missing: readonly string[],
): Pick<Outcome, 'phase' | 'reason' | 'message'> => ({
  phase: 'Failed',
  reason: reasonOf(failure?.step === copy.name ? failure.code : 'COPY_INCOMPLETE'),
  message:
    `backup ${backupId} is sealed, but not copied to ${missing.join(', ')}: ` +
    (failure?.step === copy.name ? failure.message : 'its run ended before'),
});

const previewSuccess = (workflow: WorkflowView): Outcome | undefined => {
  const seen = read(workflow.outputs[preview.result], preview.output);
  // The output of a preview is there before the run has ended, and a preview that failed later is none.
  if (seen === undefined || workflow.phase !== 'Succeeded') return undefined;
  const { plan, lines } = seen;
  return {
    phase: 'Succeeded',
    reason: 'Previewed',
    message: lines.join('; ') || `backup ${plan.backupId} can be restored into ${plan.into}`,
    facts: { backupId: plan.backupId, restoreId: plan.restoreId },
  };
};

const atNewServer = ({ newServer }: VerifyRestoreOutput): string => (newServer ? `; ${switchOverLine(newServer)}` : '');

const restoreSuccess = (workflow: WorkflowView): Outcome | undefined => {
  const done = read(workflow.outputs[verifyRestore.result], verifyRestore.output);
  if (done === undefined) return undefined;
  return {
    phase: 'Succeeded',
    reason: 'Restored',
    message: `backup ${done.backupId} is restored: ${done.databases} databases, ${done.rows} rows, ${done.objects} objects${atNewServer(done)}`,
    facts: {
      backupId: done.backupId,
      restoreId: done.restoreId,
      previous: done.previous.slice(0, 100),
      ...(done.newServer && { newServer: done.newServer }),
      ...sizes(done.bytes, done.objects),
    },
  };
};

export const successOf = (request: RequestView, workflow: WorkflowView): Outcome | undefined => {
  if (request.kind === 'BackupRequest') return backupSuccess(workflow);
  return request.preview ? previewSuccess(workflow) : restoreSuccess(workflow);
};

/** Only who asked to stop may call it cancelled; Argo calls a stopped run Failed, or Succeeded when it was still waiting. */
const wasStopped = (request: RequestView, workflow: WorkflowView | undefined): boolean =>
  request.cancel || request.deletedAt !== undefined || workflow?.shutdown !== undefined;

const cancelled = (request: RequestView, workflow: WorkflowView): Outcome => {
  const swapped = request.kind === 'RestoreRequest' && workflow.steps?.commit?.state === 'done';
  const beside = request.wish.kind === 'restore' && request.wish.spec.newServer !== undefined;
  const live = beside
    ? 'stopped after the new server was made and checked: it stays'
    : 'stopped after the new databases were already live; the previous ones were kept';
  const message = swapped ? live : 'stopped on request';
  return { phase: 'Cancelled', reason: reasonOf('CANCELLED'), message, facts: {} };
};

/** Of a run that has ended; `unclear` when it may have sealed its backup without being able to say so. */
export const outcomeOf = (request: RequestView, workflow: WorkflowView): Outcome | 'unclear' => {
  const success = successOf(request, workflow);
  if (success !== undefined) return success;
  const { failure } = workflow;
  // A seal that was killed half-way may have happened: only storage knows.
  const mute = failure?.step === manifest.name ? !failure.stated : workflow.hidden && workflow.phase !== 'Succeeded';
  if (request.kind === 'BackupRequest' && mute) return 'unclear';
  if (wasStopped(request, workflow)) return cancelled(request, workflow);
  if (workflow.phase === 'Succeeded') {
    const wanted = request.kind === 'BackupRequest' ? 'a manifest' : 'a result';
    return withRemedy('RESULT_LOST', `Workflow ${workflow.name} ended as Succeeded, but without ${wanted}`);
  }
  if (failure !== undefined) return failed(failure.code, `${failure.step}: ${failure.message}`);
  return withRemedy('STEP_FAILED', `Workflow ${workflow.name} failed: ${workflow.message || 'no message'}`);
};

const lost = (backupId: string, why: string): Outcome =>
  withRemedy('RESULT_LOST', `whether ${backupId} was sealed is unknown: ${why}`);

export interface Asked {
  readonly request: RequestView;
  /** The run itself, where it still exists. */
  readonly workflow: WorkflowView | undefined;
  readonly verify: WorkflowView;
  readonly backupId: string;
}

const notSealed = ({ request, workflow, backupId }: Asked): Outcome => {
  if (wasStopped(request, workflow)) {
    return { phase: 'Cancelled', reason: reasonOf('CANCELLED'), message: 'stopped on request', facts: {} };
  }
  const why = workflow?.failure === undefined ? 'its Workflow vanished' : workflow.failure.message;
  return withRemedy('RESULT_LOST', `backup ${backupId} was not sealed: ${why}`);
};

const unanswered = ({ verify, backupId }: Asked): Outcome => {
  const why = verify.failure === undefined ? verify.message : `${verify.failure.code}: ${verify.failure.message}`;
  return lost(backupId, why || 'lc2-verify ended without a result');
};

/** Of a backup whose own run can no longer be asked, from what lc2-verify found in storage. */
export const outcomeOfVerify = (asked: Asked): Outcome | undefined => {
  const { verify, backupId } = asked;
  if (!hasEnded(verify)) return undefined;
  const found = verification(verify);
  if (found === undefined) return unanswered(asked);
  if (found.backupId !== backupId) return lost(backupId, `lc2-verify looked at ${found.backupId}`);
  if (!found.sealed) return notSealed(asked);
  if (!found.ok || found.digest === undefined) {
    const [problem] = found.problems;
    return withRemedy(
      'BACKUP_DAMAGED',
      `backup ${backupId} is sealed but not sound: ${problem?.message ?? 'no manifest digest'}`,
    );
  }
  return {
    phase: 'Succeeded',
    reason: 'Sealed',
    message: `backup ${backupId} is sealed; its run could not say so, storage was asked`,
    facts: {
      backupId,
      manifest: { url: found.url, digest: found.digest },
      ...(found.bytes === undefined ? {} : { size: humanBytes(found.bytes), bytes: found.bytes }),
      ...(found.objects === undefined ? {} : { objects: found.objects }),
    },
  };
};

export const restoreGone = (request: RequestView): Outcome => ({
  phase: 'Failed',
  reason: reasonOf('RESULT_LOST'),
  message:
    `Workflow ${request.status.workflow ?? ''} vanished before its end was seen; ` +
    'create the RestoreRequest again: what was restored is not restored twice',
  facts: {},
});
