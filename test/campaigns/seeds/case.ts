// One case: draws databases and a library, backs them up twice while they change, and restores them in several ways.
import { zstdDecompressSync } from 'node:zlib';
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
import { bucketPlace, folderPlace, type Place, type PlaceKind } from './place.ts';
import type { CasePlan } from './plan.ts';
import { dropDatabase, elsewhere, runRestore, type Sealing, type Stage } from './restores.ts';
import { captureState } from './state.ts';
import { createWriter, type Log, restoredRows, type Writer, writerPrefix } from './writer.ts';
import { otherRole, type World } from './world.ts';

/** Runs the case; says how many documents fell into the gap that is known. */
export const runCase = async (world: World, plan: CasePlan): Promise<string> => {
  const lab = await createLab();
  try {
    for (const { name, create, contents, properties } of plan.databases) {
      await accepted(create, () => runPsql(connectTo(world.source), create));
      await accepted(contents, () => runPsql(connectTo(world.source, name), contents));
      await accepted(properties, () =>
        runPsql(connectTo(world.source), `SET standard_conforming_strings = on;\n${properties}`),
      );
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

const backUpAndRestore = async (world: World, plan: CasePlan, lab: Lab): Promise<string> => {
  const { random, library, databases } = plan;
  const [source, storage, target] = [
    await openPlace(world, lab, { kind: plan.source, name: 'source' }),
    await openPlace(world, lab, { kind: plan.storage, name: 'backups' }),
    await openPlace(world, lab, { kind: plan.target, name: 'target' }),
  ];
  for (const object of library.objects) await source.put(object);
  const names = databases.map(({ name }) => name);
  const live = `live-${plan.index}`;
  const environments = {
    live,
    copy: `copy-${plan.index}`,
    uat: `uat-${plan.index}`,
    uatAdmin: `uat-admin-${plan.index}`,
  } as const;
  const file = await writeEnvironments(world, lab, { environments, names, source, storage, target });
  const [first = ''] = names;
  const writer = await createWriter({ server: world.source, database: first, place: source, random: plan.ofWriter });
  try {
    const backUp = async (busy: boolean): Promise<Sealing & { readonly log: Log | undefined }> => {
      const state = await captureState(world.source, names, { place: source, busy });
      const { result, log } = await during(writer, busy, () => lab.json<Sealed>('backup', '-f', file, '-e', live));
      return { id: result.backupId, state, log };
    };
    const older = await backUp(plan.busy[0]);
    for (const drawn of databases) {
      const sql = drawn.change();
      await accepted(sql, () => runPsql(connectTo(world.source, drawn.name), sql));
    }
    for (const { key } of random.shuffle(library.objects).slice(0, 5))
      await (random.chance(0.5) ? source.remove(key) : source.put(library.next(key)));
    for (let n = 0; n < 4; n++) await source.put(library.next());
    const newer = await backUp(plan.busy[1]);
    await writer.close();
    const stage: Stage = { world, plan, lab, file, source, target, environments, older, newer };
    let gap = 0;
    for (const sealing of [older, newer]) {
      if (sealing.log === undefined && sealing !== newer) continue;
      const label = sealing === older ? 'older elsewhere' : 'newer elsewhere';
      const made = await naming(label, () =>
        elsewhere(stage, sealing, {
          server: world.source,
          environment: environments.copy,
          superuser: true,
          databases: names,
        }),
      );
      if (sealing.log)
        gap += await assertConsistent({ stage, sealing, storage, log: sealing.log, database: made[0] ?? '' });
      for (const name of made) await dropDatabase(world.source, name);
    }
    for (const form of plan.restores) await naming(form, () => runRestore(stage, form));
    const left = await lab.leftBehind();
    if (left.length > 0) throw new Error(`temporary files are left: ${left.join(', ')}`);
    const verified = await lab.json<{ ok: boolean }>('verify', newer.id, '-f', file, '-e', live, '--objects', 'full');
    if (!verified.ok) throw new Error('the newer backup does not verify');
    return gap > 0 ? 'equal (with documents in the known gap)' : 'equal';
  } finally {
    await writer.close();
  }
};

const naming = async <T>(form: string, run: () => Promise<T>): Promise<T> => {
  try {
    return await run();
  } catch (error) {
    throw new Error(`restore "${form}": ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
};

const during = async <T>(
  writer: Writer,
  busy: boolean,
  run: () => Promise<T>,
): Promise<{ result: T; log: Log | undefined }> =>
  busy ? writer.workDuring(run) : { result: await run(), log: undefined };

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

/**
 * Every row has its document, but for what was deleted after the point and before transfer came to it. What was deleted
 * later is in the backup, and named as deleted since the point.
 */
const assertConsistent = async (options: {
  stage: Stage;
  sealing: Sealing;
  storage: Place;
  log: Log;
  database: string;
}): Promise<number> => {
  const { stage, sealing, storage, log, database } = options;
  const { lab, file, environments, target, world } = stage;
  const rows = await restoredRows(world.source, database);
  const documents = new Map((await target.capture()).map(({ key, sha256 }) => [key, sha256]));
  const wrong = (what: string, key: string): never => {
    throw new Error(`backup ${sealing.id}: ${what}: ${JSON.stringify(key)}`);
  };
  for (const key of log.steady) if (!rows.has(key)) wrong('a row that stood all the time is missing', key);
  for (const key of log.gone) if (rows.has(key)) wrong('a row that was gone before is there', key);
  for (const [key, digest] of documents)
    if (key.startsWith(writerPrefix) && log.documents.get(key)?.digest !== digest)
      wrong('a document is not what was written', key);
  const manifest = await lab.json<Manifest>('show', sealing.id, '-f', file, '-e', environments.live);
  const root = `retail/${environments.live}`;
  const named = await deletedKeys(storage, root, manifest);
  for (const key of named) {
    if (log.documents.get(key)?.removed === undefined) wrong('deletedSincePoint names what was never deleted', key);
    if (!documents.has(key)) wrong('deletedSincePoint names what is not in the backup', key);
  }
  const ended = (step: string): Promise<number> =>
    storage.writtenBefore(`${root}/${sealing.id.slice(-15)}/steps/${step}.json`);
  const [transferred, caughtUp] = [await ended('transfer'), await ended('catch-up')];
  const lonely = [...rows].filter(([key, digest]) => documents.get(key) !== digest).map(([key]) => key);
  for (const key of lonely) {
    const { removed } = log.documents.get(key) ?? {};
    if (removed === undefined) wrong('a row has no document, though that was never deleted', key);
    else if (removed > (log.early.has(key) ? transferred : caughtUp))
      wrong('a row has no document, though that was deleted after it was transferred', key);
  }
  return lonely.length;
};

interface Manifest {
  readonly objectStores: readonly {
    readonly deletedSincePoint: { readonly parts: readonly { readonly key: string }[] };
  }[];
}

const deletedKeys = async (storage: Place, root: string, { objectStores }: Manifest): Promise<string[]> => {
  const keys: string[] = [];
  for (const { key } of objectStores.flatMap(({ deletedSincePoint }) => deletedSincePoint.parts)) {
    const lines = zstdDecompressSync(await storage.read(`${root}/${key}`)).toString('utf8');
    keys.push(
      ...lines
        .split('\n')
        .filter(Boolean)
        .map((line) => (JSON.parse(line) as { key: string }).key),
    );
  }
  return keys;
};
