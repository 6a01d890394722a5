// One case: draws databases and a library, backs them up twice while they change, and restores them in several ways.
import { runPsql } from '../../oracle/psql.ts';
import {
  connectTo,
  createLab,
  databaseSecret,
  databaseSpec,
  environmentDocument,
  type Lab,
  type Sealed,
  secretDocument,
} from '../../support/lab.ts';
import { assertConsistent } from './consistency.ts';
import { bucketPlace, folderPlace, type Place, type PlaceKind } from './place.ts';
import type { CasePlan } from './plan.ts';
import { dropDatabase, elsewhere, runRestore, type Sealing, type Stage } from './restores.ts';
import { captureState } from './state.ts';
import { createWriter, type Log } from './writer.ts';
import { otherRole, type World } from './world.ts';

/** Runs the case; says how many documents fell into the gap that is known. */
export const runCase = async (world: World, plan: CasePlan): Promise<string> => {
  const lab = await createLab();
  try {
    for (const { name, create, contents, properties, settled } of plan.databases) {
      await accepted(create, () => runPsql(connectTo(world.source), create));
      await accepted(contents, () => runPsql(connectTo(world.source, name), contents));
      await accepted(properties, () =>
        runPsql(connectTo(world.source), `SET standard_conforming_strings = on;\n${properties}`),
      );
      await accepted(settled, () => runPsql(connectTo(world.source, name), settled));
    }
    return await backUpAndRestore(world, plan, lab);
  } finally {
    for (const { name } of plan.databases) await dropDatabase(world.source, name).catch(() => undefined);
    await lab.remove();
  }
};

/** A statement that the server refuses is a fault of the generator, and is shown. */
const accepted = async (script: string, run: () => Promise<unknown>): Promise<void> => {
  try {
    await run();
  } catch (error) {
    throw new Error(
      `the generator made SQL that is refused: ${String(error)}\n${process.env['SEEDS_SHOW'] === undefined ? '' : script}`,
      { cause: error },
    );
  }
};

const openPlace = (world: World, lab: Lab, { kind, name }: { kind: PlaceKind; name: string }): Promise<Place> => {
  if (kind === 'file') return folderPlace(lab.path(name));
  const server = kind === 'gateway' ? world.gateway : world.memory;
  return bucketPlace(server, `${name}-${lab.folder.slice(-6).toLowerCase()}-${kind}`);
};

interface Logged extends Sealing {
  readonly log: Log | undefined;
}

const backUpAndRestore = async (world: World, plan: CasePlan, lab: Lab): Promise<string> => {
  const { index, library, databases } = plan;
  const place = (kind: PlaceKind, name: string): Promise<Place> => openPlace(world, lab, { kind, name });
  const source = await place(plan.source, 'source');
  const storage = await place(plan.storage, 'backups');
  const target = await place(plan.target, 'target');
  for (const object of library.objects) await source.put(object);
  const names = databases.map(({ name }) => name);
  const environments = {
    live: `live-${index}`,
    copy: `copy-${index}`,
    uat: `uat-${index}`,
    uatAdmin: `uat-admin-${index}`,
  } as const;
  const file = await writeEnvironments(world, lab, { environments, names, source, storage, target });
  const base = { world, plan, lab, file, source, target, environments };
  const { older, newer } = await backUpTwice(base);
  const stage: Stage = { ...base, older, newer };
  const gap = plan.narrow ? 0 : await restoreElsewhere(stage, storage, older === newer ? [newer] : [older, newer]);
  for (const form of plan.restores) await naming(form, () => runRestore(stage, form));
  const left = await lab.leftBehind();
  if (left.length > 0) throw new Error(`temporary files are left: ${left.join(', ')}`);
  if (plan.narrow) return 'equal';
  const args = ['-f', file, '-e', environments.live, '--objects', 'full'];
  const verified = await lab.json<{ ok: boolean }>('verify', newer.id, ...args);
  if (!verified.ok) throw new Error('the newer backup does not verify');
  return gap > 0 ? 'equal (with documents in the known gap)' : 'equal';
};

/** Before and after the application changed something, and while it does, if that was drawn. A narrow case is one backup. */
const backUpTwice = async (stage: Omit<Stage, 'older' | 'newer'>): Promise<{ older: Logged; newer: Logged }> => {
  const { world, plan, lab, file, source, environments } = stage;
  const names = plan.databases.map(({ name }) => name);
  const [database = ''] = names;
  const writer = await createWriter({ server: world.source, database, place: source, random: plan.ofWriter });
  const backUp = async (busy: boolean): Promise<Logged> => {
    const state = await captureState(world.source, names, { place: source, busy });
    const run = (): Promise<Sealed> => lab.json('backup', '-f', file, '-e', environments.live);
    const { result, log } = busy ? await writer.workDuring(run) : { result: await run(), log: undefined };
    return { id: result.backupId, state, log };
  };
  try {
    const older = await backUp(plan.busy[0]);
    if (plan.narrow) return { older, newer: older };
    await changeAll(stage);
    return { older, newer: await backUp(plan.busy[1]) };
  } finally {
    await writer.close();
  }
};

const changeAll = async ({ world, plan, source }: Omit<Stage, 'older' | 'newer'>): Promise<void> => {
  const { random, library, databases } = plan;
  for (const drawn of databases) {
    const sql = drawn.change();
    await accepted(sql, () => runPsql(connectTo(world.source, drawn.name), sql));
  }
  for (const { key } of random.shuffle(library.objects).slice(0, 5))
    await (random.chance(0.5) ? source.remove(key) : source.put(library.next(key)));
  for (let n = 0; n < 4; n++) await source.put(library.next());
};

/** Each backup that was made while the application worked, and the newer one in any case. */
const restoreElsewhere = async (stage: Stage, storage: Place, sealings: readonly Logged[]): Promise<number> => {
  const { world, plan, environments } = stage;
  const databases = plan.databases.map(({ name }) => name);
  const where = { server: world.source, environment: environments.copy, superuser: true, databases };
  let gap = 0;
  for (const sealing of sealings) {
    const { log } = sealing;
    if (log === undefined && sealing !== sealings.at(-1)) continue;
    gap += await naming(sealing === stage.older ? 'older elsewhere' : 'newer elsewhere', async () => {
      const made = await elsewhere(stage, sealing, where);
      const found = log ? await assertConsistent({ stage, sealing, storage, log, database: made[0] ?? '' }) : 0;
      for (const name of made) await dropDatabase(world.source, name);
      return found;
    });
  }
  return gap;
};

const naming = async <T>(form: string, run: () => Promise<T>): Promise<T> => {
  try {
    return await run();
  } catch (error) {
    throw new Error(`restore "${form}": ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
};

const writeEnvironments = (
  world: World,
  lab: Lab,
  options: { environments: Stage['environments']; names: string[]; source: Place; storage: Place; target: Place },
): Promise<string> => {
  const { environments, names, source, storage, target } = options;
  const store = (place: Place) => [{ name: 'documents', ...place.location }];
  const uat = (secretName: string) => ({
    ...databaseSpec(world.other, { role: otherRole.owner }),
    credentials: { secretName },
  });
  const spec = { storage: storage.location };
  return lab.write('environments.yaml', [
    environmentDocument(environments.live, {
      ...spec,
      database: databaseSpec(world.source, { databases: names }),
      objectStores: store(source),
    }),
    environmentDocument(environments.copy, {
      ...spec,
      database: databaseSpec(world.source),
      objectStores: store(target),
    }),
    environmentDocument(environments.uat, { ...spec, database: uat('uat'), objectStores: store(target) }),
    environmentDocument(environments.uatAdmin, { ...spec, database: uat('uat-admin'), objectStores: store(target) }),
    databaseSecret(world.source),
    secretDocument('uat', { username: otherRole.user, password: otherRole.password }),
    secretDocument('uat-admin', { username: world.other.superuser, password: world.other.password }),
    secretDocument('s3', world.gateway.secrets),
  ]);
};
