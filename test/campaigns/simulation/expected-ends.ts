import type { RunTruth } from './argo.ts';
import type { Deed, Plan } from './plan.ts';
import type { Ending, RequestTruth } from './world.ts';

/** How a request may end, as `phase/reason`, from what really happened to its runs and what people did. */

const lost = 'Failed/ResultLost';

const failure = ({ outcome, life }: Plan): string => {
  if (outcome === 'no result') return lost;
  if (outcome === 'fails' || outcome === 'flood') return 'Failed/DumpFailed';
  if (life === 'backup' && (outcome === 'mute, unsealed' || outcome === 'hidden nodes')) return 'Failed/ResultLost';
  return 'Failed/StepFailed';
};

const happy: Readonly<Record<Plan['life'], string>> = {
  backup: 'Succeeded/Sealed',
  restore: 'Succeeded/Restored',
  preview: 'Succeeded/Previewed',
};

/** Storage could not be asked, because there was nowhere to ask. */
const isDeaf = ({ deeds }: Ending): boolean =>
  deeds.some(
    ({ what }) => what === 'break environment' || what === 'delete environment' || what === 'refuse workflows',
  );

const endsOfSealed = (mute: boolean, ending: Ending): readonly string[] =>
  mute && isDeaf(ending) ? [happy.backup, lost] : [happy.backup];

const isFailing = ({ endedAs }: RunTruth, { outcome }: Plan): boolean =>
  endedAs === 'Failed' || outcome === 'no result';

/** By itself, without anybody's doing. */
const ownEnds = (run: RunTruth, ending: Ending): readonly string[] => {
  const { plan } = ending;
  if (run.endedAs === undefined) return [];
  if (!isFailing(run, plan)) return plan.life === 'backup' ? [] : [happy[plan.life]];
  return plan.outcome.startsWith('mute') && isDeaf(ending) ? [failure(plan), lost] : [failure(plan)];
};

const endsOfRun = (run: RunTruth, request: RequestTruth, ending: Ending): readonly string[] => {
  const { plan } = ending;
  if (run.collided) return ['Failed/StepFailed'];
  const vanished = run.goneAt !== undefined && run.goneAt <= (request.terminalAt ?? Number.POSITIVE_INFINITY);
  const cancelled = request.cancelledAt !== undefined;
  if (plan.life === 'backup' && run.sealedAt !== undefined)
    return endsOfSealed(vanished || cancelled || plan.outcome !== 'good', ending);
  return [...(cancelled ? ['Cancelled/Cancelled'] : []), ...(vanished ? [lost] : []), ...ownEnds(run, ending)];
};

const withoutRun: Readonly<Partial<Record<Deed | 'mend environment', string>>> = {
  cancel: 'Cancelled/Cancelled',
  'refuse workflows': 'Failed/InputInvalid',
  'break environment': 'Failed/FileLocationOnCluster',
  'delete environment': 'Failed/EnvironmentNotFound',
};

export const expectedEnds = (request: RequestTruth, ending: Ending): ReadonlySet<string> => {
  const own = ending.runs.filter(
    ({ requestUid, template, createdAt }) =>
      requestUid === request.uid &&
      template !== 'lc2-verify' &&
      createdAt <= (request.terminalAt ?? Number.POSITIVE_INFINITY),
  );
  if (own.length > 0) return new Set(own.flatMap((run) => endsOfRun(run, request, ending)));
  return new Set(ending.deeds.flatMap(({ what }) => withoutRun[what as Deed] ?? []));
};
