import { type Case, readCampaignArgs, runCampaign } from '../campaign.ts';
import { randomFrom } from '../random.ts';
import { historyOf } from './history.ts';
import { drawPlan } from './lives.ts';
import { judge } from './oracle.ts';
import { type Plan, planText } from './plan.ts';
import { type Ending, live } from './world.ts';
import { rowCases } from './rows.ts';

const args = readCampaignArgs(process.argv.slice(2), new Date(), {
  count: 10_000,
  workers: 1,
  // `--rows B4-9`: only the rows that begin like that; `none`: only random lives.
  options: { rows: 'all' },
});

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

const caseOf = (stratum: string, name: string, plan: Plan): Case => ({
  stratum,
  name,
  run: async () => {
    const { ending, problems } = await problemsOf(plan);
    if (problems.length === 0)
      return ending.requests.length === 1 ? (ending.requests[0]?.terminalPhase ?? 'gone') : 'several requests';
    const small = await problemsOf(await shrink(plan));
    const failure = new Error();
    failure.stack = [
      ...small.problems,
      '',
      historyOf(small.ending, (small.ending.convergedAt ?? 1_000_000) + 300_000),
    ].join('\n');
    throw failure;
  },
});

const wanted = args.options['rows'] ?? 'all';
const all = wanted === 'none' ? [] : await rowCases();
const rows = all
  .filter(({ stratum }) => wanted === 'all' || stratum.startsWith(wanted))
  .map(({ stratum, name, plan }) => caseOf(stratum, name, plan));
const randomCases = Array.from({ length: args.count }, (_, index) => {
  const plan = drawPlan(randomFrom(args.seed, index), index + 1);
  return caseOf(`random ${plan.life}`, planText(plan), plan);
});

await runCampaign({ name: 'simulation', args, cases: [...rows, ...randomCases] });
