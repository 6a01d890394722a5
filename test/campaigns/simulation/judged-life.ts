import { historyOf } from './history.ts';
import { judge } from './oracle.ts';
import type { Plan } from './plan.ts';
import { type Ending, live } from './world.ts';

/** What became of a life; with problems it is the smallest one that still goes wrong, and its history. */
export interface Verdict {
  readonly said: string;
  readonly problems: readonly string[];
}

const undisturbed = new Map<string, Ending>();
const undisturbedOf = async (plan: Plan): Promise<Ending> => {
  const key = `${plan.life} ${plan.outcome} ${plan.requests}`;
  const known = undisturbed.get(key) ?? (await live({ ...plan, seed: 0, faults: [] }));
  undisturbed.set(key, known);
  return known;
};

const problemsOf = async (plan: Plan): Promise<{ readonly ending: Ending; readonly problems: readonly string[] }> => {
  const ending = await live(plan);
  return { ending, problems: judge(ending, await undisturbedOf(plan)) };
};

/** Leaves out one fault after the other, as long as the life goes wrong. */
const shrink = async (plan: Plan): Promise<Plan> => {
  for (const fault of plan.faults) {
    const smaller = { ...plan, faults: plan.faults.filter((each) => each !== fault) };
    if ((await problemsOf(smaller)).problems.length > 0) return shrink(smaller);
  }
  return plan;
};

export const judgedLife = async (plan: Plan): Promise<Verdict> => {
  const { ending, problems } = await problemsOf(plan);
  if (problems.length > 0) {
    const small = await problemsOf(await shrink(plan));
    const until = (small.ending.convergedAt ?? 1_000_000) + 300_000;
    return { said: historyOf(small.ending, until), problems: small.problems };
  }
  const [request] = ending.requests;
  return { said: ending.requests.length === 1 ? (request?.terminalPhase ?? 'gone') : 'several requests', problems };
};
