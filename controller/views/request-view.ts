import { z } from 'zod';
import { backupRequestSpec, type BackupRequestSpec } from '../../core/api/backup-request.ts';
import { phases, requestStatus, type RequestStatus } from '../../core/api/request-status.ts';
import { restoreRequestSpec, type RestoreRequestSpec } from '../../core/api/restore-request.ts';
import type { ErrorCode } from '../../core/errors.ts';
import { describeIssues } from '../../core/plan/environment.ts';
import type { Identified } from '../kube/store.ts';
import { identified, metadata } from './common.ts';

/** A request as the controller keeps it. */
export interface RequestView extends Identified {
  readonly kind: RequestKind;
  readonly generation: number;
  readonly createdAt: string;
  readonly deletedAt?: string;
  readonly finalizers: readonly string[];
  readonly wish: Wish;
  /** Read apart from the rest of the wish: a spec that this version does not understand can still be cancelled. */
  readonly cancel: boolean;
  readonly preview: boolean;
  readonly status: RequestStatus;
}

export type RequestKind = 'BackupRequest' | 'RestoreRequest';

export type Wish =
  | { readonly kind: 'backup'; readonly spec: BackupRequestSpec }
  | { readonly kind: 'restore'; readonly spec: RestoreRequestSpec }
  | { readonly kind: 'invalid'; readonly code: ErrorCode; readonly message: string };

const object = z.object({ metadata, spec: z.unknown().optional(), status: z.unknown().optional() });
const flags = z
  .object({ cancel: z.boolean().catch(false), preview: z.boolean().catch(false) })
  .catch({ cancel: false, preview: false });

/** What must survive when the rest was written by another version: above all, that the request has ended. */
const essentials = z
  .object({
    phase: z.enum(phases).optional().catch(undefined),
    workflow: z.string().optional().catch(undefined),
    backupId: z.string().optional().catch(undefined),
  })
  .catch({});

const withoutUndefined = (status: z.output<typeof essentials>): RequestStatus => ({
  ...(status.phase === undefined ? {} : { phase: status.phase }),
  ...(status.workflow === undefined ? {} : { workflow: status.workflow }),
  ...(status.backupId === undefined ? {} : { backupId: status.backupId }),
});

const readStatus = (value: unknown): RequestStatus => {
  const whole = requestStatus.safeParse(value ?? {});
  return whole.success ? whole.data : withoutUndefined(essentials.parse(value));
};

const invalid = (error: z.ZodError): Wish => {
  const unconfirmed = error.issues.every((issue) => issue.message === 'confirm must equal into');
  return unconfirmed
    ? { kind: 'invalid', code: 'RESTORE_NOT_CONFIRMED', message: 'spec.confirm must equal spec.into' }
    : { kind: 'invalid', code: 'INPUT_INVALID', message: `spec: ${describeIssues(error)}` };
};

const readWish: Readonly<Record<RequestKind, (spec: unknown) => Wish>> = {
  BackupRequest: (value) => {
    const parsed = backupRequestSpec.safeParse(value);
    return parsed.success ? { kind: 'backup', spec: parsed.data } : invalid(parsed.error);
  },
  RestoreRequest: (value) => {
    const parsed = restoreRequestSpec.safeParse(value);
    return parsed.success ? { kind: 'restore', spec: parsed.data } : invalid(parsed.error);
  },
};

export const requestView =
  (kind: RequestKind) =>
  (value: unknown): RequestView => {
    const { metadata: meta, spec, status } = object.parse(value);
    return {
      ...identified(meta),
      kind,
      generation: meta.generation,
      createdAt: meta.creationTimestamp,
      ...(meta.deletionTimestamp === undefined ? {} : { deletedAt: meta.deletionTimestamp }),
      finalizers: meta.finalizers,
      wish: readWish[kind](spec),
      ...flags.parse(spec),
      status: readStatus(status),
    };
  };

/** The environment that the request is about: the one backed up, or written to. */
export const environmentOf = ({ wish }: RequestView): string | undefined => {
  if (wish.kind === 'invalid') return undefined;
  return wish.kind === 'backup' ? wish.spec.environment : wish.spec.into;
};

/** The environment whose storage is used. */
export const sourceOf = (request: RequestView): string | undefined =>
  request.wish.kind === 'restore' ? (request.wish.spec.source ?? request.wish.spec.into) : environmentOf(request);
