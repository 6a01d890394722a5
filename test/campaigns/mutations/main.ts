// Every kind of stored file, changed in every way: verify says so with the right key, and restore refuses what verify refuses.
import { setup } from '../../support/package.ts';
import { type Case, type Closing, readCampaignArgs, runCampaign } from '../campaign.ts';
import { type Random, randomFrom } from '../random.ts';
import { byteMutations, elsewhere, type Mutation, textMutations } from './byte-mutations.ts';
import { type Change, type Expected, expectedOf } from './expected.ts';
import { type Facts, type Kind, kinds, readFacts } from './facts.ts';
import { forgeries } from './forgeries.ts';
import { restoreByCommand, restoreHere, type RestoreOutcome, verifyByCommand, verifyHere } from './judge.ts';
import { type Live, lookAt, resetTarget } from './target.ts';
import { type Bench, createWorld, type Medium, type World } from './world.ts';

const args = readCampaignArgs(process.argv.slice(2), new Date(), { count: 300, workers: 2 });

/** Kinds of files, and what is not one file: each gets as many cases as every other. */
const strata = [...kinds, 'untouched', 'outside of the backup', 'digests that fit', 'digests that fit, again'] as const;
type Stratum = (typeof strata)[number];

interface Plan {
  readonly index: number;
  readonly stratum: Stratum;
  readonly medium: Medium;
  readonly random: Random;
}

const isKind = (stratum: Stratum): stratum is Kind => (kinds as readonly string[]).includes(stratum);

const planOf = (index: number): Plan => {
  const random = randomFrom(args.seed, index);
  const stratum = strata[index % strata.length] ?? 'untouched';
  const medium = stratum === 'object in parts' || random.chance(0.5) ? 'bucket' : 'folder';
  return { index, stratum, medium, random };
};

/** How often each mutation was made. */
const hit = new Map<string, number>();

interface Mutated {
  readonly what: string;
  readonly expected: Expected;
}

const textKinds: ReadonlySet<Kind> = new Set(['manifest.json', 'run.json', 'steps/*.json', 'owner.json']);

const mutationsOf = (stratum: Stratum): Readonly<Record<string, Mutation>> => {
  if (stratum === 'untouched') return {};
  if (!isKind(stratum)) return elsewhere;
  return textKinds.has(stratum) ? { ...byteMutations, ...textMutations } : byteMutations;
};

const mutate = async ({ stratum, medium, random }: Plan, bench: Bench, facts: Facts): Promise<Mutated> => {
  const { place } = bench;
  if (stratum.startsWith('digests')) {
    const name = random.pick(Object.keys(forgeries) as (keyof typeof forgeries)[]);
    return { what: name, expected: await forgeries[name]({ place, facts, random }) };
  }
  const key = isKind(stratum) ? random.pick(facts.of(stratum)) : '';
  const silent = new Set<string>();
  const behind = medium === 'bucket' && random.chance(0.5);
  const change = async (changed: string, bytes: Uint8Array): Promise<void> => {
    if (behind) {
      silent.add(changed);
      await place.rot(changed, bytes);
    } else await place.write(changed, bytes);
  };
  const mutations = mutationsOf(stratum);
  let what = 'nothing';
  for (const name of random.shuffle(Object.keys(mutations))) {
    what = `${name}${behind ? ', behind the storage’s back' : ''}: ${key}`;
    if (await mutations[name]?.({ place, facts, random, key, change })) break;
  }
  const changes: Change[] = [];
  for (const touched of place.touched()) {
    const [before, after] = [await place.original(touched), await place.read(touched)];
    changes.push({ key: touched, before, after, silent: silent.has(touched) });
  }
  return { what, expected: expectedOf(changes, facts, medium) };
};

const refusals = ['BACKUP_DAMAGED', 'MANIFEST_INVALID', 'MANIFEST_VERSION', 'BACKUP_NOT_FOUND'];
const failures = ['BACKUP_DAMAGED', 'LOAD_FAILED', 'RESTORE_DIFFERS', 'STORE_FAILED'];

const same = (what: string, found: unknown, expected: unknown): void => {
  if (JSON.stringify(found) !== JSON.stringify(expected))
    throw new Error(`${what}\n  found    ${JSON.stringify(found)}\n  expected ${JSON.stringify(expected)}`);
};

const judgeVerify = async (bench: Bench, { expected }: Mutated, byCommand: boolean): Promise<void> => {
  for (const level of ['listed', 'full'] as const) {
    const found = byCommand && level === 'full' ? await verifyByCommand(bench, level) : await verifyHere(bench, level);
    same(`verify --objects ${level}`, found, expected[level].toSorted());
  }
};

const judgeRestore = (outcome: RestoreOutcome, { expected }: Mutated, whole: boolean): void => {
  const { restoring } = expected;
  const at = restoring === 'refuses' ? 'preview' : restoring === 'fails' && whole ? 'later' : 'end';
  same(`restore ends (${outcome.code ?? 'well'})`, outcome.at, at);
  const codes = at === 'preview' ? refusals : failures;
  if (at !== 'end' && !codes.includes(outcome.code ?? '')) throw new Error(`restore ended with ${outcome.code}`);
};

/** Nothing is changed by what was refused; of what failed half-way, no database and none of the damaged objects. */
const judgeTarget = (before: Live, after: Live, { expected, facts }: { expected: Expected; facts: Facts }): void => {
  same('databases after a restore that was refused', after.databases, before.databases);
  if (expected.restoring === 'refuses')
    same('objects after a restore that was refused', after.libraries, before.libraries);
  for (const problem of expected.full) {
    const line = facts.lines.get(problem.slice(problem.indexOf(' ') + 1));
    const key = line && `${line.at.split('/')[2] ?? ''}/${line.key}`;
    if (key !== undefined) same(`the damaged ${key}`, after.objects.get(key), before.objects.get(key));
  }
};

const saidOf = (expected: Expected): string => {
  if (expected.full.length === 0) return `not noticed (${expected.harmless ?? 'nothing was done'})`;
  const level = expected.listed.length > 0 ? 'named' : 'named by full';
  return `${level}, restore ${expected.restoring}`;
};

const judge = async (world: World, bench: Bench, plan: Plan): Promise<string> => {
  const facts = await readFacts(bench.place);
  const mutated = await mutate(plan, bench, facts);
  const { expected, what } = mutated;
  const [name = ''] = what.split(/[,:] /u);
  hit.set(name, (hit.get(name) ?? 0) + 1);
  const byCommand = plan.index % 10 === 9;
  const whole = plan.random.chance(expected.restoring === 'fails' ? 0.4 : 0.1);
  try {
    await judgeVerify(bench, mutated, byCommand);
    const before = await lookAt(world.server, bench);
    const outcome =
      whole && byCommand
        ? await restoreByCommand(bench)
        : await restoreHere(bench, { runUid: `restore-${plan.index}`, whole });
    judgeRestore(outcome, mutated, whole);
    if (expected.restoring !== 'accepts' || !whole)
      judgeTarget(before, await lookAt(world.server, bench), { expected, facts });
  } catch (error) {
    const found = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Error(`${plan.medium}, ${what}\npromised ${JSON.stringify(expected)}\n${found}`, { cause: error });
  } finally {
    if (whole) await resetTarget(world.server, bench);
  }
  return saidOf(expected);
};

const plans = Array.from({ length: args.count }, (_, index) => planOf(index));
const wanted = plans.filter(({ index }) => args.only.length === 0 || args.only.includes(index));
const removePackage = await setup();
const world = await createWorld(args.workers, [...new Set(wanted.map(({ medium }) => medium))]);

const caseOf = (plan: Plan): Case => ({
  stratum: plan.stratum,
  name: plan.medium,
  run: async () => {
    const bench = await world.take(plan.medium);
    try {
      return await judge(world, bench, plan);
    } finally {
      await bench.place.undo();
      world.give(bench);
    }
  },
});

/** Fewer would mean that the campaign looks away. */
const close = (said: ReadonlyMap<string, number>): readonly Closing[] => {
  const noticed = [...said].reduce((sum, [text, count]) => sum + (text.startsWith('named') ? count : 0), 0);
  const least = Math.floor(args.count / 3);
  const counts = [...hit].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, count]) => `${count} ${name}`);
  return [
    {
      good: noticed >= least,
      text: `${noticed} of ${args.count} cases were named by verify, at least ${least} must be`,
    },
    { good: true, text: `what was done: ${counts.join(', ')}` },
  ];
};

try {
  await runCampaign({ name: 'mutations', args, cases: plans.map(caseOf), close });
} finally {
  await world.stop();
  await removePackage();
}
