import {
  callFaults,
  type Deed,
  eventFaults,
  type Fault,
  type HiddenFault,
  lifeKinds,
  outcomes,
  type Plan,
  type RunOutcome,
} from './plan.ts';
import { live } from './world.ts';

/** The exhaustive part: every call and every event of a life with every fault, and each row of the fault catalogue. */
export interface RowCase {
  readonly stratum: string;
  readonly name: string;
  readonly plan: Plan;
}

const base: Plan = { life: 'backup', outcome: 'good', requests: 1, seed: 1, faults: [] };

const everyCallAndEvent = async (): Promise<readonly RowCase[]> => {
  const cases: RowCase[] = [];
  for (const life of lifeKinds) {
    const plan = { ...base, life };
    const { calls, events, convergedAt = 0 } = await live(plan);
    const last = calls.filter(({ at }) => at <= convergedAt).length;
    const add = (stratum: string, name: string, fault: Fault): void => {
      cases.push({ stratum, name: `${life}, ${name}`, plan: { ...plan, faults: [fault] } });
    };
    for (let index = 0; index < last; index++)
      for (const what of callFaults) add(rowOfCall(what), `call ${index}`, { on: 'call', index, what, ms: 3000 });
    for (let index = 0; index < events.length; index++)
      for (const what of eventFaults) add(rowOfEvent[what], `event ${index}`, { on: 'event', index, what });
  }
  return [...cases, ...(await aroundTheCreation()), ...(await twoThatDiffer())];
};

/** Two controllers, one of which learns a thing late, or nothing more of it and all that follows. */
const twoThatDiffer = async (): Promise<readonly RowCase[]> => {
  const second: Fault = { on: 'time', at: 13, what: 'second controller', ms: 0 };
  const byHand: Fault = { on: 'time', at: 14_000, what: 'recreate workflow', ms: 900 };
  const gone: Fault = { on: 'time', at: 14_000, what: 'delete workflow', ms: 0 };
  const silence: Fault = { on: 'time', at: 14_000, what: 'argo down', ms: 30_000 };
  const lives: Readonly<Record<string, Plan>> = {
    good: { ...base, faults: [second] },
    'mute, unsealed': { ...base, outcome: 'mute, unsealed', faults: [second] },
    'made again by hand': { ...base, faults: [second, byHand] },
    'made again by hand before the second came': { ...base, faults: [byHand, { ...second, at: 16_000 }] },
    'deleted, and storage answers late': { ...base, faults: [second, gone, silence] },
  };
  const cases: RowCase[] = [];
  for (const [name, plan] of Object.entries(lives)) {
    const { events } = await live(plan);
    for (let index = 0; index < events.length; index++)
      for (const what of ['freeze', 'late'] as const)
        cases.push({
          stratum: `B4-25 two controllers, and one learns late: ${what}`,
          name: `${name}, event ${index}`,
          plan: { ...plan, faults: [...plan.faults, { on: 'event', index, what }] },
        });
  }
  return cases;
};

/** The calls that matter most, by name. */
const aroundTheCreation = async (): Promise<readonly RowCase[]> => {
  const { calls, events } = await live(base);
  const post = calls.findIndex(({ verb, plural }) => verb === 'create' && plural === 'workflows');
  const end = calls.findIndex(
    ({ body }) => (body as { status?: { phase?: string } } | undefined)?.status?.phase === 'Succeeded',
  );
  const crash = (index: number, what: 'crash before' | 'crash after', ms: number): Plan => ({
    ...base,
    faults: [{ on: 'call', index, what, ms }],
  });
  const added = events.findIndex(({ text }) => text.startsWith('ADDED workflows'));
  const unheard: RowCase = {
    stratum: 'B4-5 the answer to a creation and the event of it are lost',
    name: 'the Workflow is found by its name',
    plan: {
      ...base,
      faults: [
        { on: 'call', index: post, what: 'answer lost', ms: 0 },
        { on: 'event', index: added, what: 'freeze' },
      ],
    },
  };
  const deaths = [100, 3000, 120_000].flatMap((ms) => [
    { stratum: 'B4-1 killed before POST Workflow', name: `down for ${ms} ms`, plan: crash(post, 'crash before', ms) },
    {
      stratum: 'B4-2 killed after POST, before status',
      name: `down for ${ms} ms`,
      plan: crash(post, 'crash after', ms),
    },
    {
      stratum: 'B4-3 killed between status patch and finalizer removal',
      name: `down for ${ms} ms`,
      plan: crash(end, 'crash after', ms),
    },
  ]);
  return [unheard, ...deaths];
};

const rowOfCall = (what: (typeof callFaults)[number]): string => {
  if (what === 'answer lost' || what === 'hangs') return `B4-5 response lost after the write: ${what}`;
  if (what.startsWith('error') || what === 'slow') return `B4-7 slow or busy API server: ${what}`;
  return what === 'never arrives' ? 'B4-5 request lost before the write' : `B4-4 killed at every call: ${what}`;
};

const rowOfEvent: Readonly<Record<(typeof eventFaults)[number], string>> = {
  freeze: 'B4-8 watch half-open: every event freezes',
  drop: 'B4-11 every event dropped',
  merge: 'B4-11 every event merged with the next',
  double: 'B4-12 every event doubled',
  late: 'B4-12 every event after its successor',
};

interface Row {
  readonly row: string;
  readonly what: HiddenFault | Deed;
  readonly ms: number;
  readonly outcome?: RunOutcome;
  readonly requests?: number;
  /** At other times than the usual ones. */
  readonly at?: readonly number[];
  /** What happens besides. */
  readonly also?: readonly Fault[];
}

/** Before, in and after every part of a life. */
const usualTimes = [
  500, 2000, 3998, 4006, 4014, 4022, 4100, 5000, 9000, 15_000, 21_000, 23_000, 24_318, 24_326, 24_334,
];
const crashAfter = (index: number, ms: number): Fault => ({ on: 'call', index, what: 'crash after', ms });

const rows: readonly Row[] = [
  { row: 'B4-6 API server away for 30 s', what: 'server down', ms: 30_000 },
  { row: 'B4-7 etcd at 2 s latency', what: 'server slow', ms: 30_000 },
  { row: 'B4-7 429 for everything, 30 s', what: 'server overloaded', ms: 30_000 },
  { row: 'B4-8 watches cut', what: 'cut watches', ms: 0 },
  { row: 'B4-8 watches half-open', what: 'silence watches', ms: 0 },
  { row: 'B4-9 410 on watch start and in stream', what: 'forget history', ms: 0 },
  { row: 'B4-10 restart on an API server that is 20 s behind', what: 'server stale', ms: 20_000 },
  {
    row: 'B4-10 restart on an API server from before a Workflow that is gone',
    what: 'server stale',
    ms: 25_000,
    at: [4002, 4006, 4010, 4014, 4018, 4100, 4322, 4400, 9000],
    also: [{ on: 'time', at: 0, what: 'expire workflow', ms: 500 }],
  },
  { row: 'B4-13 Workflow deleted by TTL right after its end', what: 'expire workflow', ms: 0, at: [0] },
  ...([0, 5, 10, 100] as const).map((ms): Row => ({
    row: 'B4-13 Workflow deleted by TTL while the controller was down',
    what: 'expire workflow',
    ms,
    at: [0],
    also: [crashAfter(8, 60_000)],
  })),
  ...[7, 8, 9, 10, 11, 12, 13, 14, 15].map((index): Row => ({
    row: 'B4-13 Workflow created, ended and deleted while the controller was down',
    what: 'expire workflow',
    ms: 1000,
    at: [0],
    also: [crashAfter(index, 90_000)],
  })),
  {
    row: 'B4-13 Workflow ended and deleted while the controller was down, and only storage knows how',
    what: 'expire workflow',
    ms: 1000,
    at: [0],
    outcome: 'hidden nodes',
    also: [crashAfter(8, 90_000)],
  },
  { row: 'B4-14 Workflow deleted by a user', what: 'delete workflow', ms: 0 },
  { row: 'B4-14 Workflow deleted and made again by hand', what: 'recreate workflow', ms: 2000 },
  { row: 'B4-24 clock 10 min ahead', what: 'clock step', ms: 600_000 },
  { row: 'B4-24 clock 10 min back', what: 'clock step', ms: -600_000 },
  {
    row: 'B4-24 clock 10 min ahead while an environment is waited for',
    what: 'clock step',
    ms: 600_000,
    also: [{ on: 'time', at: 0, what: 'late environment', ms: 30_000 }],
  },
  { row: 'B4-25 two controllers', what: 'second controller', ms: 0 },
  {
    row: 'B4-25 a controller paused for 60 s, and another',
    what: 'pause',
    ms: 60_000,
    also: [{ on: 'time', at: 4500, what: 'second controller', ms: 0 }],
  },
  { row: 'B4-26 request deleted', what: 'delete request', ms: 0 },
  { row: 'B4-26 request deleted and made again', what: 'recreate request', ms: 1000 },
  { row: 'B4-26 request deleted and its finalizer taken away', what: 'force request away', ms: 0 },
  { row: 'B4-26 request cancelled', what: 'cancel', ms: 0 },
  { row: 'B4-28 environment edited in a run', what: 'edit environment', ms: 0 },
  { row: 'B4-28 environment made invalid and mended', what: 'break environment', ms: 8000 },
  { row: 'B4-28 environment deleted and made again', what: 'delete environment', ms: 8000 },
  { row: 'B4-29 Argo away for 10 min', what: 'argo down', ms: 600_000 },
  { row: 'B4-30 kinds of Argo missing at the start', what: 'no CRD', ms: 90_000, at: [0] },
  { row: 'B4-31 webhook refuses our Workflow', what: 'refuse workflows', ms: 300_000, at: [0] },
  { row: 'B4-31 webhook refuses our Workflow for a while', what: 'refuse workflows', ms: 5000 },
  ...(['no result', 'fails', 'out of memory', 'mute, sealed', 'mute, unsealed', 'hidden nodes'] as const).flatMap(
    (outcome): Row[] => [
      { row: `B4-33 never Succeeded without the seal: ${outcome}`, what: 'crash', ms: 3000, outcome },
      { row: `B4-33 cancelled: ${outcome}`, what: 'cancel', ms: 0, outcome },
    ],
  ),
  { row: 'B4-35 200 requests at once', what: 'crash', ms: 3000, requests: 200, at: [60_000] },
  { row: 'B4-36 flood of messages', what: 'cut watches', ms: 0, outcome: 'flood', at: [9000] },
];

const undisturbed = (): readonly RowCase[] =>
  lifeKinds.flatMap((life) =>
    outcomes.map((outcome) => ({ stratum: `undisturbed ${life}`, name: outcome, plan: { ...base, life, outcome } })),
  );

const catalogue = (): readonly RowCase[] =>
  rows.flatMap(({ row, what, ms, outcome = 'good', requests = 1, at = usualTimes, also = [] }) =>
    at.map((time) => ({
      stratum: row,
      name: `at ${time} ms`,
      plan: { ...base, outcome, requests, faults: [{ on: 'time' as const, at: time, what, ms }, ...also] },
    })),
  );

export const rowCases = async (): Promise<readonly RowCase[]> => [
  ...undisturbed(),
  ...(await everyCallAndEvent()),
  ...catalogue(),
];
