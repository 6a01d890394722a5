import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { type Case, readCampaignArgs, runCampaign } from '../campaign.ts';
import { randomFrom } from '../random.ts';
import type { Verdict } from './judged-life.ts';
import { drawPlan } from './lives.ts';
import { type Plan, planText } from './plan.ts';
import { rowCases } from './rows.ts';

const args = readCampaignArgs(process.argv.slice(2), new Date(), {
  count: 10_000,
  workers: availableParallelism(),
  // `--rows B4-9`: only the rows that begin like that; `none`: only random lives.
  options: { rows: 'all' },
});

/** Lives are apart from each other, so each core lives its own; threads wait here while they are idle. */
const idle = Array.from(
  { length: Math.max(1, args.workers) },
  () => new Worker(new URL('life-worker.ts', import.meta.url)),
);
const threads = [...idle];

const judged = async (plan: Plan): Promise<Verdict> => {
  const thread = idle.pop();
  if (thread === undefined) throw new Error('more lives at once than threads');
  thread.postMessage(plan);
  const [verdict] = (await once(thread, 'message')) as [Verdict];
  idle.push(thread);
  return verdict;
};

const caseOf = (stratum: string, name: string, plan: Plan): Case => ({
  stratum,
  name,
  run: async () => {
    const { said, problems } = await judged(plan);
    if (problems.length === 0) return said;
    const failure = new Error();
    failure.stack = [...problems, '', said].join('\n');
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
await Promise.all(threads.map((thread) => thread.terminate()));
