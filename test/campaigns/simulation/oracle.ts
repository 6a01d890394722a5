import type { KubeObject } from '../../fakes/kube/objects.ts';
import type { RunTruth } from './argo.ts';
import { expectedEnds } from './expected-ends.ts';
import { hasDeeds } from './plan.ts';
import type { Call } from './server.ts';
import { type Ending, type RequestTruth } from './world.ts';

/** Judges lives. It knows what was promised and what really happened, and nothing of how the controller works. */

/** From the end of a run, or of the last fault, to the end of its request. */
const convergenceMs = 60_000;
/** An event that the server never sends breaks its promise; the next full list makes up for it. */
const relistMs = 1_200_000;
const statusBytes = 16 * 1024;
/** Those that find out that the server is away; then at most one a second. */
const firstCalls = 5;
/** Seven and one of progress, which a life of 20 s tells once. */
const writesOfRequest = 8;
const touchable = new Set([
  'backupenvironments',
  'backuprequests',
  'restorerequests',
  'workflows',
  'configmaps',
  'events',
]);
const writes = new Set<Call['verb']>(['create', 'apply', 'merge', 'json']);

const patience = ({ plan }: Ending): number =>
  plan.faults.filter(({ what }) => what === 'drop').length * relistMs + convergenceMs;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === 'object';
const at = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((from, key) => (isRecord(from) ? from[key] : undefined), value);

const cameToRest = (ending: Ending): string[] => {
  if (ending.convergedAt === undefined) return ['something never came to an end'];
  const ends = [
    ...ending.requests.map(({ terminalAt, goneAt }) => goneAt ?? terminalAt ?? 0),
    ...ending.runs.map(({ endedAt, goneAt }) => endedAt ?? goneAt ?? 0),
  ];
  const until = Math.max(ending.lastFaultAt, ...ends) + patience(ending);
  const late = ending.calls.filter((call) => writes.has(call.verb) && call.at > until);
  const changing = late
    .filter((call) => call.changed)
    .map(
      (call) =>
        `${call.verb} ${call.plural} ${call.name} at ${call.at}, though all had ended by ${until - patience(ending)}`,
    );
  const controllers = new Set(late.map(({ by }) => by)).size;
  const allowed = Math.ceil((ending.endedAt - until) / 590_000) * controllers;
  const idle = late.length - changing.length;
  return [...changing, ...(idle > allowed ? [`${idle} writes that change nothing after the end`] : [])];
};

const inTime = (ending: Ending): string[] =>
  ending.requests.flatMap(({ uid, name, createdAt, cancelledAt = 0, deletedAt = 0, terminalAt, goneAt }) => {
    const own = ending.runs.filter(({ requestUid }) => requestUid === uid);
    const from = Math.max(
      createdAt,
      cancelledAt,
      deletedAt,
      ending.lastFaultAt,
      ...own.map((run) => run.endedAt ?? run.goneAt ?? 0),
    );
    const end = deletedAt > 0 ? goneAt : terminalAt;
    if (end === undefined) return [`request ${name} never ended`];
    return end > from + patience(ending) ? [`request ${name} ended at ${end}, long after ${from}`] : [];
  });

const oneRunEach = (ending: Ending): string[] => {
  const byHand = ending.deeds.filter(({ what }) => what === 'recreate workflow').length;
  return ending.requests.flatMap(({ uid, name }) => {
    const own = ending.runs.filter(({ requestUid }) => requestUid === uid);
    const verifies = own.filter(({ template }) => template === 'lc2-verify').length;
    const runs = own.length - verifies;
    return [
      ...(runs > 1 + byHand ? [`request ${name} has ${runs} Workflows`] : []),
      ...(verifies > 1 ? [`request ${name} was verified ${verifies} times`] : []),
    ];
  });
};

const succeededMeansSealed = ({ requests, runs, storage, objects, plan }: Ending): string[] =>
  requests.flatMap(({ uid, name, terminalPhase, changedAfterEnd }) => {
    const changed = changedAfterEnd ? [`the end of request ${name} was changed`] : [];
    if (terminalPhase !== 'Succeeded') return changed;
    const own = runs.filter(({ requestUid, template }) => requestUid === uid && template !== 'lc2-verify');
    const status = objects.find(({ metadata }) => metadata.uid === uid)?.status;
    if (status === undefined) return changed;
    if (plan.life !== 'backup')
      return own.some(({ endedAs }) => endedAs === 'Succeeded')
        ? changed
        : [...changed, `request ${name} succeeded, its run did not`];
    const backupId = String(status['backupId']);
    const good =
      own.some((run) => run.backupId === backupId && run.sealedAt !== undefined) &&
      storage.sealed.get(backupId) === at(status, 'manifest', 'digest');
    return good ? changed : [...changed, `request ${name} succeeded with ${backupId}, which is not sealed like that`];
  });

const isGuarded = ({ verb, plural, subresource, body }: Call): boolean => {
  const version = at(body, 'metadata', 'resourceVersion');
  if (verb === 'create')
    return typeof at(body, 'metadata', 'name') === 'string' && at(body, 'metadata', 'generateName') === undefined;
  if (verb === 'json') return Array.isArray(body) && body.some((each: unknown) => at(each, 'op') === 'test');
  if (subresource === 'status') return typeof version === 'string' && typeof at(body, 'metadata', 'uid') === 'string';
  if (verb === 'merge' && plural === 'workflows' && at(body, 'metadata') === undefined)
    return JSON.stringify(Object.keys(body ?? {})) === '["spec"]';
  if (verb === 'merge') return typeof version === 'string';
  return plural === 'configmaps';
};

const behaves = ({ calls, asked, downs, largestStatus, complaints }: Ending): string[] => {
  const foreign = calls.filter(({ plural }) => !touchable.has(plural)).map(({ verb, plural }) => `${verb} ${plural}`);
  const unguarded = calls
    .filter((call) => writes.has(call.verb) && !isGuarded(call))
    .map(({ verb, plural, name }) => `${verb} ${plural} ${name} has no precondition`);
  const hot = downs.flatMap(({ from, to }) => {
    const during = asked.filter(({ at: time }) => time > from && time <= to);
    const counts = [...new Set(during.map(({ by }) => by))].map((one) => during.filter(({ by }) => by === one).length);
    const most = Math.max(0, ...counts);
    const seconds = (to - from) / 1000;
    return most > seconds + firstCalls ? [`${most} calls while the server was down for ${seconds} s`] : [];
  });
  return [
    ...foreign,
    ...unguarded,
    ...hot,
    ...(largestStatus < statusBytes ? [] : [`a status of ${largestStatus} bytes`]),
    ...complaints,
  ];
};

const nothingLeft = ({ objects }: Ending): string[] =>
  objects
    .filter(({ metadata }) => metadata.finalizers !== undefined || metadata.deletionTimestamp !== undefined)
    .map(({ kind, metadata }) => `${kind} ${metadata.name} keeps a finalizer`);

const reasonOf = ({ status }: KubeObject): string => {
  const conditions = status?.['conditions'];
  const found: unknown = Array.isArray(conditions)
    ? conditions.find((each: unknown) => at(each, 'type') === 'Succeeded')
    : undefined;
  return `${String(status?.['phase'])}/${String(at(found, 'reason'))}`;
};

const endsAsExpected = (ending: Ending): string[] =>
  ending.requests.flatMap((request: RequestTruth) => {
    const object = ending.objects.find(({ metadata }) => metadata.uid === request.uid);
    if (object === undefined) return request.deletedAt === undefined ? [`request ${request.name} is gone`] : [];
    const expected = expectedEnds(request, ending);
    const end = reasonOf(object);
    return expected.has(end)
      ? []
      : [`request ${request.name} ended as ${end}, expected ${[...expected].join(' or ') || 'nothing'}`];
  });

/** Times and what is made of them are others in every life. */
const timeless = (text: string): string =>
  text
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replaceAll(/\d{8}-\d{6}/g, 'STAMP')
    .replaceAll(/[0-9a-f]{64}/g, 'DIGEST')
    // Why, as far as it was seen.
    .replaceAll(/was not sealed: [^"]*/g, 'was not sealed');

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  );
};

/** The end state, as far as two lives can be compared. */
const endState = ({ objects }: Ending): readonly string[] =>
  objects
    .filter(({ kind }) => kind !== 'Event')
    .map(({ kind, metadata: { name, labels, finalizers }, spec, data, status = {} }) => {
      // How far a run had come that then failed is told as far as it was seen.
      const { progress, ...rest } = status;
      const told = status['phase'] === 'Succeeded' ? { progress, ...rest } : rest;
      return timeless(JSON.stringify(sorted({ kind, name, labels, finalizers, spec, data, status: told })));
    })
    .sort();

/** Only where two texts part: they are long. */
const parting = (text: string, others: readonly string[]): string => {
  const same = others.map((other) => {
    let index = 0;
    while (index < text.length && text[index] === other[index]) index++;
    return index;
  });
  const from = Math.max(0, ...same);
  return `${text.slice(0, 60)} … ${text.slice(Math.max(60, from - 60), from + 140)}`;
};

const known = new WeakMap<Ending, readonly string[]>();

const sameAs = (ending: Ending, undisturbed: Ending): string[] => {
  const now = endState(ending);
  const then = known.get(undisturbed) ?? endState(undisturbed);
  known.set(undisturbed, then);
  const extra = now.filter((text) => !then.includes(text));
  const missing = then.filter((text) => !now.includes(text));
  const events = ending.objects.filter(({ kind }) => kind === 'Event').length;
  const usual = undisturbed.objects.filter(({ kind }) => kind === 'Event').length;
  return [
    ...extra.map((text) => `other than undisturbed: ${parting(text, missing)}`),
    ...missing.map((text) => `undisturbed: ${parting(text, extra)}`),
    ...(events > usual ? [`${events} events instead of ${usual}`] : []),
  ];
};

/** Nothing is written that says nothing new, unless the news of a write had got lost; and little is asked. */
const isFrugal = ({ calls, plan, requests }: Ending): string[] => {
  const idle = calls.filter(
    ({ subresource, answer, changed }) => subresource === 'status' && answer === 'ok' && !changed,
  );
  const unknown = plan.faults.length * requests.length;
  const first = idle.length > unknown ? [`${idle.length} statuses written that changed nothing`] : [];
  if (plan.faults.length > 0 || requests.length > 1) return first;
  const own = calls.filter(
    ({ verb, plural, name }) =>
      writes.has(verb) && plural !== 'backupenvironments' && plural !== 'configmaps' && !name.startsWith('prd.'),
  );
  const gets = calls.filter(({ verb }) => verb === 'get').length;
  const most =
    plan.outcome.startsWith('mute') || plan.outcome === 'hidden nodes' ? writesOfRequest + 2 : writesOfRequest;
  return [
    ...first,
    ...(own.length > most ? [`${own.length} writes for one request`] : []),
    ...(gets > 0 ? [`${gets} objects read`] : []),
  ];
};

/** Nobody writes one status again and again, as two do who see differently and answer each other. */
const isCalm = ({ calls }: Ending): string[] => {
  const statuses = calls.filter(({ subresource, changed }) => subresource === 'status' && changed);
  const hasty = statuses.find(({ at: time, by, name }) => {
    const soon = statuses.filter(
      (call) => call.by === by && call.name === name && call.at >= time && call.at < time + 10_000,
    );
    return soon.length > 8;
  });
  return hasty === undefined ? [] : [`the status of ${hasty.name} is written again and again from ${hasty.at} on`];
};

/**
 * Two controllers at once may start two runs in one second, and so may somebody who makes one by hand: a controller keeps only
 * its own creations apart. Then the second run says so and fails.
 */
const collisions = ({ runs, plan, storage }: Ending): string[] => {
  const isByHand = (run: RunTruth | undefined): boolean =>
    runs.some((other) => run !== undefined && other.name === run.name && other.createdAt < run.createdAt);
  const claimant = ({ backupId = '' }: RunTruth) => runs.find(({ uid }) => uid === storage.claims.get(backupId));
  const two = plan.faults.some(({ what }) => what === 'second controller');
  return two
    ? []
    : runs
        .filter((run) => run.collided && !isByHand(run) && !isByHand(claimant(run)))
        .map(({ name }) => `run ${name} has the backup id of another`);
};

/** What is wrong with a life; nothing, when every promise was kept. */
export const judge = (ending: Ending, undisturbed: Ending): readonly string[] => [
  ...cameToRest(ending),
  ...inTime(ending),
  ...oneRunEach(ending),
  ...succeededMeansSealed(ending),
  ...behaves(ending),
  ...nothingLeft(ending),
  ...endsAsExpected(ending),
  ...collisions(ending),
  ...isFrugal(ending),
  ...isCalm(ending),
  ...(hasDeeds(ending.plan) || ending.runs.some(({ collided }) => collided) ? [] : sameAs(ending, undisturbed)),
];
