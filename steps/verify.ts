import type { EnvironmentSpec } from '../core/api/backup-environment.ts';
import { tryService } from '../core/plan/environment.ts';
import { Lc2Error } from '../core/errors.ts';
import type { ObjectStoreEntry } from '../core/manifest/manifest.ts';
import { layout } from '../core/plan/layout.ts';
import { cutsOf } from '../core/plan/split-listing.ts';
import { catchUp, type CatchUpOutput } from '../core/steps/catch-up.ts';
import { dump, type DumpOutput } from '../core/steps/dump.ts';
import { exportStep } from '../core/steps/export.ts';
import type { StepName } from '../core/steps/index.ts';
import { stores, tryParseUrl } from '../core/stores/index.ts';
import { verify as contract, type VerifyOutput } from '../core/steps/verify.ts';
import { checkDump, checkFile } from './runtime/check-dump.ts';
import { checkObjects, type ObjectsLevel } from './runtime/check-objects.ts';
import type { StepContext } from './runtime/context.ts';
import { readInventory } from './runtime/inventory-io.ts';
import { createProblems, finding, type Problems } from './runtime/problems.ts';
import { type BackupRun, once, openRun, requireStepOutput } from './runtime/run.ts';

/** Reads back from storage what this run wrote, with expectations from the source side. One problem, and nothing is sealed. */
export const verify = async (context: StepContext): Promise<VerifyOutput> => {
  const run = await openRun(context);
  const target = { storage: run.storage, key: layout.step(run.stamp, contract.name), step: contract.name };
  return once(target, context, contract.output, async (): Promise<VerifyOutput> => {
    const problems = createProblems();
    const { components } = run.record;
    const { runUid } = context;
    const keyOf = (step: string): string => layout.step(run.stamp, step);
    const dumped = components.includes('database')
      ? await requireStepOutput(run.storage, keyOf(dumpStepOf(run)), { schema: dump.output, runUid })
      : undefined;
    const caught = components.some((name) => name !== 'database')
      ? await requireStepOutput(run.storage, keyOf(catchUp.name), { schema: catchUp.output, runUid })
      : undefined;
    const { tables, digests } = dumped
      ? await verifyDumps(context, run, { dumped, problems })
      : { tables: {}, digests: {} };
    const leftovers = new Set<string>();
    const level = objectsLevel(run.environment.spec);
    for (const [index, entry] of (caught?.stores ?? []).entries()) {
      await verifyStore({ run, entry, level, problems, leftovers });
      context.progress.set(0.5 + (0.5 * (index + 1)) / (caught?.stores.length ?? 1));
    }
    await addLeftovers(run, leftovers, referenced(dumped, caught));
    assertSound(problems);
    return {
      tables,
      digests,
      database: dumped ? 'read' : 'none',
      objects: caught ? level : 'none',
      at: context.clock.now().toISOString(),
      leftovers: [...leftovers].sort(),
    };
  });
};

/** Which step has made the dumps: the service's own, or ours. */
export const dumpStepOf = ({ environment }: BackupRun): StepName =>
  tryService(environment.spec)?.uses.export === true ? exportStep.name : dump.name;

/** `listed` trusts checksums that the store computed of the content; a folder has none, so there the bytes are read. */
export const objectsLevel = ({ verification, storage }: EnvironmentSpec): ObjectsLevel => {
  if (verification.objects !== 'auto') return verification.objects;
  const parsed = tryParseUrl(storage.url);
  return parsed !== undefined && stores[parsed.store].contentChecksums ? 'listed' : 'full';
};

const verifyDumps = async (
  context: StepContext,
  run: BackupRun,
  { dumped, problems }: { dumped: DumpOutput; problems: Problems },
): Promise<Pick<VerifyOutput, 'tables' | 'digests'>> => {
  const database = context.openDatabase(run.environment, {});
  const tables: VerifyOutput['tables'] = {};
  const digests: VerifyOutput['digests'] = {};
  try {
    for (const [index, entry] of dumped.dumps.entries()) {
      await finding(problems, entry.key, async () => {
        const { rows, digest } = await checkDump(run.storage, entry, database);
        tables[entry.database] = { ...rows };
        if (entry.digest === undefined) digests[entry.database] = digest;
      });
      context.progress.set((0.5 * (index + 1)) / dumped.dumps.length);
    }
    await finding(problems, dumped.globals.key, () => checkFile(run.storage, dumped.globals));
    return { tables, digests };
  } finally {
    await database.close();
  }
};

const verifyStore = async (task: {
  readonly run: BackupRun;
  readonly entry: ObjectStoreEntry;
  readonly level: ObjectsLevel;
  readonly problems: Problems;
  readonly leftovers: Set<string>;
}): Promise<void> => {
  const { run, entry, level, problems, leftovers } = task;
  await finding(problems, entry.name, () =>
    checkObjects({
      storage: run.storage,
      stamp: run.stamp,
      store: entry.name,
      lines: readInventory(run.storage, entry.inventory),
      cuts: () => cutsOf(entry.inventory),
      level,
      // What an earlier run sealed was read then; that it is still there with its size and checksum is seen now.
      inherited: 'listed',
      onProblem: (problem) => problems.add(problem),
      onExtra: (key) => leftovers.add(key),
    }),
  );
};

const referenced = (dumped: DumpOutput | undefined, caught: CatchUpOutput | undefined): Set<string> =>
  new Set([
    ...(dumped ? [dumped.globals.key, ...dumped.dumps.map(({ key }) => key)] : []),
    ...(caught?.stores ?? []).flatMap((entry) =>
      [...entry.inventory, ...entry.deletedSincePoint.parts].map(({ key }) => key),
    ),
  ]);

/** Files that attempts of this run left when they died: nobody refers to them, and the manifest says that we know. */
const addLeftovers = async (run: BackupRun, leftovers: Set<string>, known: ReadonlySet<string>): Promise<void> => {
  for (const folder of ['database/', 'inventory/']) {
    for await (const { key } of run.storage.list({ prefix: `${run.stamp}/${folder}` }))
      if (!known.has(key)) leftovers.add(key);
  }
};

const assertSound = (problems: Problems): void => {
  const [first] = problems.list;
  if (!first) return;
  const more = problems.count > 1 ? ` and ${problems.count - 1} more` : '';
  throw new Lc2Error('VERIFICATION_FAILED', `${first.message}${more}`, { where: first.key });
};
