import { callFaults, eventFaults, lifeKinds, type Plan } from './plan.ts';
import { live } from './world.ts';

export interface RowCase {
  readonly stratum: string;
  readonly name: string;
  readonly plan: Plan;
}

export const rowCases = async (): Promise<readonly RowCase[]> => {
  const cases: RowCase[] = [];
  for (const life of lifeKinds) {
    const plan: Plan = { life, outcome: 'good', requests: 1, seed: 1, faults: [] };
    const { calls, events, convergedAt = 0 } = await live(plan);
    const last = calls.filter(({ at }) => at <= convergedAt).length;
    for (let index = 0; index < last; index++)
      for (const what of callFaults)
        cases.push({
          stratum: `${life}: every call x ${what}`,
          name: `call ${index}`,
          plan: { ...plan, faults: [{ on: 'call', index, what, ms: 3000 }] },
        });
    for (let index = 0; index < events.length; index++)
      for (const what of eventFaults)
        cases.push({
          stratum: `${life}: every event x ${what}`,
          name: `event ${index}`,
          plan: { ...plan, faults: [{ on: 'event', index, what }] },
        });
  }
  return cases;
};
