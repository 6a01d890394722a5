import { randomUUID } from 'node:crypto';
import { ensureLc2Error, exitStatus } from '../../core/errors.ts';
import type { Problem } from '../../core/ports/database.ts';
import type { ObjectStore } from '../../core/ports/object-store.ts';
import { newestTools, toolsFor } from '../../steps/engines/postgresql/tools.ts';
import { requireLocks } from '../../steps/runtime/lock-backup.ts';
import { openStorage } from '../../steps/runtime/storage.ts';
import { type Command, type Io, openScene, printJson, readArgs, type Scene } from '../command.ts';

/** Signatures and expiry go wrong long before this; a few seconds are normal. */
const skewSeconds = 300;

export const check: Command = {
  usage: 'check -f FILE [-e NAME] [--json]',
  summary: 'is this environment usable: connections, privileges, storage, clocks',
  run: async (args, io) => {
    const { values } = readArgs(args, {}, { max: 0 });
    const scene = openScene(values, io);
    const problems = [
      ...(await checkDatabase(scene, io)),
      ...(await checkService(scene)),
      ...(await checkStorage(scene, io)),
      ...(await checkStores(scene)),
    ];
    const ok = problems.every(({ severity }) => severity !== 'error');
    if (values.json) printJson(io, { ok, problems });
    else {
      for (const { severity, code, message } of problems) io.stdout(`${severity}: ${code}: ${message}\n`);
      if (ok) io.stdout(`environment ${scene.environment.name} is usable\n`);
    }
    return ok ? 0 : exitStatus.user;
  },
};

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
      return [...skew('the database', facts.now, io), ...(await database.problems('backup')), ...(await restoring())];
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

/** Writes, reads and deletes a probe: what a backup needs, shown now and not at night. */
const checkStorage = ({ environment, secrets, adapters }: Scene, io: Io): Promise<readonly Problem[]> =>
  collect(async () => {
    const storage = await openStorage(adapters, environment, secrets.storage);
    const key = `probe-${randomUUID()}`;
    try {
      const probe = await storage.put(key, Buffer.from('lc2-backup check\n'), { createOnly: true });
      const seen = await storage.head(key);
      const lost: Problem[] = seen
        ? []
        : [{ code: 'STORE_FAILED', severity: 'error', message: `${storage.url} does not show what was written` }];
      const locks = await collect(async () => {
        if (environment.spec.storage.immutability) await requireLocks(storage);
        return [];
      });
      return [...lost, ...locks, ...skew('the storage', probe.mtime, io), ...(await removeProbe(storage, key))];
    } finally {
      await storage.close();
    }
  });

const removeProbe = async (storage: ObjectStore, key: string): Promise<Problem[]> => {
  try {
    await storage.delete([key]);
    return [];
  } catch (thrown) {
    const error = ensureLc2Error(thrown);
    return [{ code: error.code, severity: 'warning', message: `the probe ${key} could not be deleted: ${error.what}` }];
  }
};

const checkStores = async ({ environment, secrets, adapters }: Scene): Promise<readonly Problem[]> => {
  const found: Problem[] = [];
  for (const location of environment.spec.objectStores) {
    const problems = await collect(async () => {
      const store = await adapters.openStore({ location, secrets: secrets.objects });
      for await (const _ of store.list()) break;
      await store.close();
      if (location.storageTransfer) await adapters.openTransfer(location.storageTransfer, secrets.storage).probe();
      return [];
    });
    found.push(...problems.map((problem) => ({ ...problem, message: `${location.name}: ${problem.message}` })));
  }
  return found;
};
