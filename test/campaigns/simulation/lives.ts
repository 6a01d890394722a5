import type { Random } from '../random.ts';
import { callFaults, deeds, eventFaults, type Fault, hiddenFaults, lifeKinds, outcomes, type Plan } from './plan.ts';

/** Random lives, with several faults each. */

const spans: Readonly<Record<string, readonly [number, number]>> = {
  crash: [100, 300_000],
  'server down': [1000, 60_000],
  'server overloaded': [1000, 60_000],
  'server slow': [1000, 60_000],
  'server stale': [1000, 30_000],
  'clock step': [-600_000, 600_000],
  pause: [1000, 90_000],
  'argo down': [1000, 600_000],
  'no CRD': [1000, 120_000],
  'late environment': [1000, 50_000],
  'expire workflow': [0, 20_000],
  'recreate workflow': [100, 20_000],
  'recreate request': [0, 10_000],
  'break environment': [500, 30_000],
  'delete environment': [500, 90_000],
  'refuse workflows': [500, 30_000],
};

const timed = (random: Random, what: (typeof hiddenFaults)[number] | (typeof deeds)[number]): Fault => {
  const [least, most] = spans[what] ?? [0, 0];
  const isAtStart = what === 'no CRD' || (what === 'refuse workflows' && random.chance(0.7));
  return { on: 'time', at: isAtStart ? 0 : random.between(0, 40_000), what, ms: random.between(least, most) };
};

const drawFault = (random: Random): Fault => {
  const kind = random.int(10);
  if (kind < 4) {
    const what = random.pick(callFaults);
    return {
      on: 'call',
      index: random.int(24),
      what,
      ms: what.startsWith('crash') ? random.between(50, 60_000) : random.between(50, 20_000),
    };
  }
  if (kind < 6)
    return {
      on: 'event',
      index: random.int(20),
      what: random.chance(0.1) ? 'drop' : random.pick(eventFaults.filter((each) => each !== 'drop')),
    };
  return timed(random, random.pick(hiddenFaults));
};

export const drawPlan = (random: Random, seed: number): Plan => ({
  life: random.chance(0.6) ? 'backup' : random.pick(lifeKinds),
  outcome: random.chance(0.5) ? 'good' : random.pick(outcomes),
  requests: random.chance(0.94) ? 1 : random.between(2, 4),
  seed,
  faults: [
    ...Array.from({ length: random.between(1, 5) }, () => drawFault(random)),
    ...(random.chance(0.4) ? [timed(random, random.pick(deeds))] : []),
  ],
});
