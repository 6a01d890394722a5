import { beforeEach, describe, expect, it } from 'vitest';
import { flows } from '../../core/flow/index.ts';
import { parseEnvironment } from '../../core/plan/environment.ts';
import type { StepName } from '../../core/steps/index.ts';
import { catchUp } from '../../steps/catch-up.ts';
import { cleanUp } from '../../steps/clean-up.ts';
import { commit } from '../../steps/commit.ts';
import { dump } from '../../steps/dump.ts';
import { loadDatabase } from '../../steps/load-database.ts';
import { manifest } from '../../steps/manifest.ts';
import { preview } from '../../steps/preview.ts';
import { restoreObjects } from '../../steps/restore-objects.ts';
import type { StepContext } from '../../steps/runtime/context.ts';
import { snapshot } from '../../steps/snapshot.ts';
import { transfer } from '../../steps/transfer.ts';
import { verifyRestore } from '../../steps/verify-restore.ts';
import { verify } from '../../steps/verify.ts';
import { createMemoryService, type MemoryService } from '../fakes/memory-service.ts';
import { codeOf } from './support/streams.ts';
import { type ContextOptions, createWorld, type World } from './support/world.ts';

let world: World;
let service: MemoryService;

const rds = { engine: 'postgresql', host: 'db', region: 'eu-central-1', instance: 'main' };

const environment = () => {
  const { objectStores, storage } = world.environment.spec;
  const spec = { projectId: 'retail', database: { rds }, objectStores, storage, restore: { allowed: true } };
  return parseEnvironment({ name: 'prd', spec }, 'test');
};

const contextOf = (step: StepName, options: ContextOptions = {}): StepContext => ({
  ...world.context(step, { environment: environment(), ...options }),
  source: environment(),
  openService: () => service,
});

const asked = { 'database-mode': 'new-server', 'new-server': 'retail-2' };
const restoring = (
  step: StepName,
  parameters: Readonly<Record<string, string>> = {},
  run = 'restore-1',
): StepContext => {
  const options = { run, parameters: { ...asked, ...parameters } };
  const context = contextOf(step === 'clean-up' ? 'preview' : step, options);
  return { ...context, step, flow: flows['lc2-restore'] };
};

beforeEach(async () => {
  world = createWorld();
  service = createMemoryService();
  world.documents.write('a', 'bytes of a');
  await snapshot(contextOf('snapshot'));
  await dump(contextOf('dump'));
  await transfer(contextOf('transfer'));
  await catchUp(contextOf('catch-up'));
  await verify(contextOf('verify'));
  await manifest(contextOf('manifest'));
  world.documents.write('a', 'damaged');
});

const load = async (): Promise<void> => {
  await preview(restoring('preview'));
  await loadDatabase(restoring('load-database'));
  await restoreObjects(restoring('restore-objects'));
};

const callsOf = (verb: string): string[] => service.calls.filter((call) => call.startsWith(verb));
const made = (): number => callsOf('start lc2-backup new-server').length;
const removed = (): string[] => callsOf('remove operation-3');

describe('a restore into a new server', () => {
  it('brings back the objects, says where the server is, and leaves the live databases alone', async () => {
    await load();
    const before = structuredClone([...world.database.live]);
    expect(await commit(restoring('commit'))).toMatchObject({ previous: [] });
    const newServer = { name: 'retail-2', host: 'operation-3', port: 5432 };
    expect(await verifyRestore(restoring('verify-restore'))).toMatchObject({ newServer, databases: 1, rows: 2 });
    expect([...world.database.live]).toEqual(before);
    expect(world.documents.text('a')).toBe('bytes of a');
  });

  it('that is named happens once, and says again where the server is', async () => {
    const named = { request: 'monday-0123456789abcdef' };
    for (const run of ['restore-1', 'restore-2']) {
      await preview(restoring('preview', named, run));
      await loadDatabase(restoring('load-database', named, run));
      await restoreObjects(restoring('restore-objects', named, run));
      await commit(restoring('commit', named, run));
    }
    expect(made()).toBe(1);
    expect(await verifyRestore(restoring('verify-restore', named, 'restore-2'))).toMatchObject({
      newServer: { name: 'retail-2', host: 'operation-3' },
    });
  });

  it('asks once, however often its step begins anew', async () => {
    await preview(restoring('preview'));
    service.starts.push('lost');
    await loadDatabase(restoring('load-database'));
    await loadDatabase({ ...restoring('load-database'), attempt: 'attempt-2' });
    expect(made()).toBe(1);
  });

  it('compares what is on it with the backup', async () => {
    await preview(restoring('preview'));
    world.database.live.set('lportal', { 'public.user_': 1 });
    expect(await codeOf(() => loadDatabase(restoring('load-database')))).toBe('RESTORE_DIFFERS');
  });
});

describe('the server of a restore that fails', () => {
  it('goes, as soon as it can be removed', async () => {
    await load();
    service.removals.push('busy');
    await cleanUp(restoring('clean-up'));
    expect(removed()).toHaveLength(2);
  });

  it('stays from the commit on', async () => {
    await load();
    await commit(restoring('commit'));
    await cleanUp(restoring('clean-up'));
    expect(removed()).toEqual([]);
  });

  it('is made by nobody who wakes up after the cleaner', async () => {
    await preview(restoring('preview'));
    await cleanUp(restoring('clean-up'));
    expect(await codeOf(() => loadDatabase(restoring('load-database')))).toBe('RUN_MISSING');
    expect(made()).toBe(0);
  });

  it('is committed by nobody after the cleaner', async () => {
    await load();
    await cleanUp(restoring('clean-up'));
    expect(await codeOf(() => commit(restoring('commit')))).toBe('RUN_MISSING');
  });

  it('leaves no trace when it was refused at the preview', async () => {
    const before = [...world.storage.contents.keys()];
    expect(await codeOf(() => preview(restoring('preview', { 'new-server': '' })))).toBe('INPUT_INVALID');
    await cleanUp(restoring('clean-up', { 'new-server': '' }));
    expect([...world.storage.contents.keys()]).toEqual(before);
  });
});
