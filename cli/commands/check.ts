import { randomUUID } from 'node:crypto';
import type { ObjectStoreSpec } from '../../core/api/backup-environment.ts';
import { ensureLc2Error, exitStatus } from '../../core/errors.ts';
import { humanBytes } from '../../core/human-bytes.ts';
import type { Manifest } from '../../core/manifest/manifest.ts';
import { tryService } from '../../core/plan/environment.ts';
import { chooseMover } from '../../core/plan/mover-choice.ts';
import type { Problem } from '../../core/ports/database.ts';
import type { ObjectStore } from '../../core/ports/object-store.ts';
import { newestTools, toolsFor } from '../../steps/engines/postgresql/tools.ts';
import type { StoreAt } from '../../steps/runtime/context.ts';
import { requireLocks } from '../../steps/runtime/lock-backup.ts';
import { requirePast } from '../../steps/runtime/past.ts';
import { copyAt, newestSealed, openStorage, storageAt, tryReadManifest } from '../../steps/runtime/storage.ts';
import { type Survey, surveyObjects } from '../survey-objects.ts';
import { type Command, type Io, openScene, printJson, readArgs, type Scene } from '../command.ts';

/** Signatures and expiry go wrong long before this; a few seconds are normal. */
const skewSeconds = 300;

export const check: Command = {
  usage: 'check -f FILE [-e NAME] [--objects] [--json]',
  summary: 'is this environment usable: connections, privileges, storage, clocks; --objects: what a backup would copy',
  run: async (args, io) => {
    const { values } = readArgs(args, { objects: { type: 'boolean', default: false } }, { max: 0 });
    const scene = openScene(values, io);
    const surveys: Survey[] = [];
    const problems = [
      ...(await checkDatabase(scene, io)),
      ...(await checkService(scene)),
      ...(await checkStorage(scene, io)),
      ...(await checkCopies(scene, io)),
      ...(await checkStores(scene, values.objects ? surveys : undefined)),
    ];
    const ok = problems.every(({ severity }) => severity !== 'error');
    const copies = ok ? await planCopies(scene) : [];
    if (values.json)
      printJson(io, {
        ok,
        problems,
        ...(surveys.length > 0 && { objects: surveys }),
        ...(copies.length > 0 && { copies }),
      });
    else {
      for (const { severity, code, message } of problems) io.stdout(`${severity}: ${code}: ${message}\n`);
      for (const { name, objects: found, bytes, toCopy } of surveys)
        io.stdout(
          `objects of ${name}: ${amount(found, bytes)}; a backup copies ${amount(toCopy.objects, toCopy.bytes)}\n`,
        );
      for (const { name, url, mover, bytes, requests } of copies)
        io.stdout(`copy ${name} to ${url} by ${mover}: about ${humanBytes(bytes)} and ${requests} requests\n`);
      if (ok) io.stdout(`environment ${scene.environment.name} is usable\n`);
    }
    return ok ? 0 : exitStatus.user;
  },
};

const amount = (objects: number, bytes: number): string => `${objects} (${humanBytes(bytes)})`;

/** What a part throws is its problem, not the end of the check. */
const collect = async (look: () => Promise<readonly Problem[]>): Promise<readonly Problem[]> => {
  try {
    return await look();
  } catch (thrown) {
    const error = ensureLc2Error(thrown);
    if (error.kind === 'bug') throw thrown;
    return [{ code: error.code, message: error.message, severity: 'error' }];
  }
};

const checkDatabase = async ({ environment, secrets, adapters }: Scene, io: Io): Promise<readonly Problem[]> => {
  if (!environment.spec.database) return [];
  return collect(async () => {
    const database = adapters.openDatabase(environment, secrets.database);
    try {
      newestTools(io.env);
      const restoring = () => (environment.spec.restore.allowed ? database.problems('restore') : Promise.resolve([]));
      const facts = await database.inspect();
      toolsFor(facts.major, io.env);
      const problems = [...(await database.problems('backup')), ...(await restoring())];
      const isCopied = tryService(environment.spec)?.temporary !== undefined;
      return [
        ...skew('the database', facts.now, io),
        ...problems,
        ...(isCopied ? await database.problems('copy') : []),
      ];
    } finally {
      await database.close();
    }
  });
};

const checkService = ({ environment, secrets, adapters }: Scene): Promise<readonly Problem[]> =>
  collect(async () => (await adapters.openService(environment, secrets.database)?.problems()) ?? []);

const skew = (what: string, time: string, io: Io): Problem[] => {
  const seconds = Math.round(Math.abs(new Date(time).getTime() - io.now().getTime()) / 1000);
  return seconds <= skewSeconds
    ? []
    : [
        {
          code: 'CLOCK_SKEW',
          severity: 'warning',
          message: `the clock of ${what} differs by ${seconds} s from this host's`,
        },
      ];
};

const checkStorage = (scene: Scene, io: Io): Promise<readonly Problem[]> =>
  checkPlace(storageAt(scene.environment, scene.secrets.storage), scene, io);

const checkCopies = async (scene: Scene, io: Io): Promise<readonly Problem[]> => {
  const { environment, secrets } = scene;
  const found: Problem[] = [];
  for (const place of environment.spec.storage.copies) {
    const problems = await checkPlace(copyAt(environment, place, secrets.copies), scene, io);
    found.push(...problems.map((problem) => ({ ...problem, message: `copy ${place.name}: ${problem.message}` })));
  }
  return found;
};

/** Writes, reads and deletes a probe: what a backup needs, shown now and not at night. */
const checkPlace = (at: StoreAt, { environment, adapters }: Scene, io: Io): Promise<readonly Problem[]> =>
  collect(async () => {
    const storage = await adapters.openStore(at);
    const key = `probe-${randomUUID()}`;
    try {
      const probe = await storage.put(key, Buffer.from('lc2-backup check\n'), { createOnly: true });
      const seen = await storage.head(key);
      const lost: Problem[] = seen
        ? []
        : [{ code: 'STORE_FAILED', severity: 'error', message: `${storage.url} does not show what was written` }];
      const locks = await collect(async () => {
        // Of copies, those that can lock must; a storage that cannot is refused as it is.
        if (environment.spec.storage.immutability && storage.locks) await requireLocks(storage);
        return [];
      });
      return [...lost, ...locks, ...skew('the storage', probe.mtime, io), ...(await removeProbe(storage, key))];
    } finally {
      await storage.close();
    }
  });

/** What the next backup would bring there, if it were as large as the newest one and all of it had to be copied. */
const planCopies = async (scene: Scene) => {
  const { storage: kept } = scene.environment.spec;
  if (kept.copies.length === 0) return [];
  const manifest = await withNewest(scene, (_, newest) => Promise.resolve(newest));
  const bytes = (manifest?.sizes.database ?? 0) + (manifest?.sizes.objects ?? 0);
  const objects = (manifest?.objectStores ?? []).reduce((sum, { objectCount }) => sum + objectCount, 0);
  return kept.copies.map((place) => {
    const mover = chooseMover('auto', kept, place);
    const each = (mover === 'copy' ? 1 : 2) + (kept.immutability ? 2 : 0);
    return { name: place.name, url: place.url, mover, bytes, requests: objects * each };
  });
};

const removeProbe = async (storage: ObjectStore, key: string): Promise<Problem[]> => {
  try {
    await storage.delete([key]);
    return [];
  } catch (thrown) {
    const error = ensureLc2Error(thrown);
    return [{ code: error.code, severity: 'warning', message: `the probe ${key} could not be deleted: ${error.what}` }];
  }
};

const checkStores = async (scene: Scene, surveys: Survey[] | undefined): Promise<readonly Problem[]> => {
  const { environment, secrets, adapters } = scene;
  const found: Problem[] = [];
  for (const location of environment.spec.objectStores) {
    const problems = await collect(async () => {
      const store = await adapters.openStore({ location, secrets: secrets.objects });
      for await (const _ of store.list()) break;
      if (location.versions === 'atPoint') await requirePast(store);
      const surveyed = surveys && (await surveyStore(scene, location, store));
      if (surveyed) surveys?.push(surveyed.survey);
      await store.close();
      if (location.storageTransfer) await adapters.openTransfer(location.storageTransfer, secrets.storage).probe();
      return surveyed?.problems ?? [];
    });
    found.push(...problems.map((problem) => ({ ...problem, message: `${location.name}: ${problem.message}` })));
  }
  return found;
};

const surveyStore = (scene: Scene, store: ObjectStoreSpec, source: ObjectStore): ReturnType<typeof surveyObjects> =>
  withNewest(scene, (storage, manifest) => {
    const base = manifest?.objectStores.find(({ name }) => name === store.name);
    const { spec } = scene.environment;
    return surveyObjects({ source, storage, spec, store, base, onSeen: () => undefined });
  });

/** The storage, and the manifest of the newest sealed backup there. */
const withNewest = async <T>(
  { environment, secrets, adapters }: Scene,
  use: (storage: ObjectStore, manifest: Manifest | undefined) => Promise<T>,
): Promise<T> => {
  const storage = await openStorage(adapters, environment, secrets.storage);
  try {
    const stamp = await newestSealed(storage);
    return await use(storage, stamp === undefined ? undefined : await tryReadManifest(storage, stamp));
  } finally {
    await storage.close();
  }
};
