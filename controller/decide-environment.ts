import type { EnvironmentStatus } from '../core/api/backup-environment.ts';
import { reasonOf } from '../core/api/conditions.ts';
import { isStamp, timeOfStamp } from '../core/plan/backup-id.ts';
import { tryService } from '../core/plan/environment.ts';
import type { Action } from './actions.ts';
import { sealedBackup, verification } from './decide-outcome.ts';
import type { EnvironmentState } from './observed.ts';
import { conditionOf, sameStatus, type Saying, withConditions } from './status.ts';
import type { WorkflowView } from './views/workflow-view.ts';

/** A good backup of an environment, whoever asked for it. */
export interface KnownBackup {
  readonly backupId: string;
  readonly verified: string | undefined;
}

export interface ObservedEnvironment extends EnvironmentState {
  readonly newest: KnownBackup | undefined;
  readonly synced: boolean;
}

/** How often the ConfigMap is written again, in case somebody changed or deleted it. */
const refreshMs = 600_000;

export const decideEnvironment = (observed: ObservedEnvironment, now: Date): readonly Action[] => {
  const { view, configMapCurrent, synced } = observed;
  if (!synced || view.deletedAt !== undefined) return [];
  const status = statusOf(observed, now);
  const before = conditionOf(view.status.conditions, 'Ready');
  const after = conditionOf(status.conditions, 'Ready');
  const turned = after !== undefined && before?.status !== after.status;
  return [
    ...(view.verdict.ok && !configMapCurrent ? [{ do: 'applyConfigMap' as const, environment: view }] : []),
    ...(turned
      ? [
          {
            do: 'emitEvent' as const,
            event: {
              about: `${after.reason} ${after.message}`,
              type: view.verdict.ok ? ('Normal' as const) : ('Warning' as const),
              reason: after.reason,
              message: after.message,
            },
          },
        ]
      : []),
    ...(sameStatus(view.status, status) ? [] : [{ do: 'patchEnvironmentStatus' as const, status }]),
    { do: 'requeueAfter', ms: refreshMs },
  ];
};

const readyOf = ({ view: { verdict, status } }: ObservedEnvironment): Saying => {
  if (verdict.ok) return { type: 'Ready', status: 'True', reason: 'Valid', message: 'backups and restores can start' };
  const kept = status.service === undefined ? '' : '; runs that start without a request keep the last good version';
  return { type: 'Ready', status: 'False', reason: reasonOf(verdict.code), message: `${verdict.message}${kept}` };
};

const statusOf = (observed: ObservedEnvironment, now: Date): EnvironmentStatus => {
  const { view, newest } = observed;
  const { verdict, generation } = view;
  const ready = readyOf(observed);
  const service = verdict.ok ? (tryService(verdict.environment.spec)?.name ?? 'none') : undefined;
  return {
    ...view.status,
    observedGeneration: generation,
    ready: ready.status,
    ...(service === undefined ? {} : { service }),
    ...lastBackup(view.status, newest),
    conditions: withConditions(view.status.conditions, [ready], { now, generation }),
  };
};

const stampIn = (backupId: string | undefined): string => backupId?.slice(-15) ?? '';

/** Runs and requests are deleted in time; what the status remembers of them is not forgotten with them. */
const lastBackup = (
  status: EnvironmentStatus,
  newest: KnownBackup | undefined,
): Pick<EnvironmentStatus, 'lastBackupId' | 'lastBackupTime' | 'verified'> => {
  if (newest === undefined) return {};
  const stamp = stampIn(newest.backupId);
  if (!isStamp(stamp) || stamp < stampIn(status.lastBackupId)) return {};
  const verified = newest.verified ?? (newest.backupId === status.lastBackupId ? status.verified : undefined);
  return { lastBackupId: newest.backupId, lastBackupTime: timeOfStamp(stamp), verified: verified ?? 'unknown' };
};

/** The backup that a run is known to have made or found sound. */
export const backupOf = (workflow: WorkflowView): KnownBackup | undefined => {
  const sealed = sealedBackup(workflow);
  if (sealed !== undefined) return { backupId: sealed.backupId, verified: sealed.verified };
  const found = verification(workflow);
  return found?.sealed === true && found.ok ? { backupId: found.backupId, verified: found.verified } : undefined;
};

export const newer = (a: KnownBackup | undefined, b: KnownBackup | undefined): KnownBackup | undefined => {
  if (a === undefined || b === undefined) return a ?? b;
  return stampIn(b.backupId) > stampIn(a.backupId) ? b : a;
};
