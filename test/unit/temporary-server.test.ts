import { beforeEach, describe, expect, it } from 'vitest';
import { parseEnvironment, tryService } from '../../core/plan/environment.ts';
import { layout } from '../../core/plan/layout.ts';
import { claimRun } from '../../steps/runtime/run.ts';
import { descriptionPrefix, removeLeftovers, sweepService } from '../../steps/runtime/service-leftovers.ts';
import { listStamps, writeOnce } from '../../steps/runtime/storage.ts';
import { openTemporaryServer, removeTemporaryServers } from '../../steps/runtime/temporary-server.ts';
import { createMemoryService, type MemoryService } from '../fakes/memory-service.ts';
import { codeOf } from './support/streams.ts';
import { type ContextOptions, createWorld, type World } from './support/world.ts';

const stamp = '20251109-143000';
const next = { run: 'run-2', time: '2025-11-10T14:30:00Z' };
let world: World;
let service: MemoryService;
/** By the clock of the steps. */
let now: Date;

const contextOf = (options: ContextOptions = {}) => ({
  ...world.context('dump', options),
  openService: () => service,
  clock: { now: () => now },
});

const open = async (options: ContextOptions = {}) => {
  const context = contextOf(options);
  return openTemporaryServer(context, await claimRun(context), { deadline: '4h', asOf: 'snapshot' });
};

const starts = (): string[] => service.calls.filter((call) => call.startsWith('start'));

beforeEach(async () => {
  world = createWorld();
  service = createMemoryService();
  now = new Date('2025-11-09T15:00:00Z');
  const output = { snapshotId: 'snapshot-1', time: '2025-11-09T14:30:01Z' };
  await writeOnce(world.storage, layout.step(stamp, 'snapshot'), {
    step: 'snapshot',
    runUid: 'run-1',
    attempt: 'a',
    output,
  });
});

describe('a temporary server', () => {
  it('stands in for the live one, at the point of the snapshot', async () => {
    const { environment, time } = await open();
    expect(tryService(environment.spec)?.spec).toMatchObject({ engine: 'postgresql', host: 'operation-1', port: 5432 });
    expect(time).toBe('2025-11-09T14:30:01Z');
  });

  it('is one for a run, however often the step begins anew', async () => {
    const first = await open();
    now = new Date('2025-11-09T16:00:00Z');
    const second = await open({ attempt: 'attempt-2' });
    expect(second.environment).toEqual(first.environment);
    expect(starts()).toHaveLength(1);
  });

  it('has its time from when it was first asked for', async () => {
    await open();
    now = new Date('2025-11-09T18:30:00Z');
    const { assertTime } = await open({ attempt: 'attempt-2' });
    assertTime();
    now = new Date('2025-11-09T19:00:01Z');
    expect(assertTime).toThrow(/did not end in time \(2025-11-09T19:00:00.000Z\)/);
  });

  it('is removed when its dump has ended, and the snapshot stays', async () => {
    const context = contextOf();
    const run = await claimRun(context);
    const description = `${descriptionPrefix(run.storage, run.environment, stamp)}run-1 1`;
    service.made.push({ kind: 'snapshot', id: 'snapshot-1', description, state: 'done' });
    await open();
    await removeTemporaryServers(context, run);
    expect(service.made.map(({ id }) => id)).toEqual(['snapshot-1']);
  });

  it.each([
    ['busy', 'SERVICE_FAILED'],
    ['denied', 'SERVICE_DENIED'],
  ] as const)('that cannot be removed (%s) fails the step: it costs money', async (fate, code) => {
    await open();
    service.removals.push(fate);
    const context = contextOf();
    expect(await codeOf(async () => removeTemporaryServers(context, await claimRun(context)))).toBe(code);
  });
});

describe('a temporary server of a time', () => {
  const openAt = async (snapshots = false) => {
    const member = {
      engine: 'postgresql',
      host: 'db',
      subscription: '11111111-2222-3333-4444-555555555555',
      resourceGroup: 'retail',
      server: 'main',
      dumpFrom: 'point',
      snapshot: { enabled: snapshots },
    };
    const spec = { projectId: 'retail', database: { azureFlexibleServer: member }, storage: { url: 's3://backups' } };
    const context = contextOf({ environment: parseEnvironment({ name: 'prd', spec }, 'test') });
    const run = await claimRun(context);
    const temporary = tryService(run.environment.spec)?.temporary;
    if (!temporary) throw new Error('no temporary server');
    return openTemporaryServer(context, run, temporary);
  };

  it('is of the next whole second of the live server', async () => {
    // A moment of 14:30:00.
    expect((await openAt()).time).toBe('2025-11-09T14:30:01.000Z');
  });

  it('is of the snapshot’s, where one was taken', async () => {
    expect((await openAt(true)).time).toBe('2025-11-09T14:30:02.000Z');
  });

  it('whose log does not reach the point is not dumped', async () => {
    const { assertPoint } = await openAt();
    await assertPoint(world.database);
    world.database.log.position = '0/4';
    expect(await codeOf(() => assertPoint(world.database))).toBe('TEMPORARY_SERVER_FAILED');
  });
});

describe('what a run leaves at a service', () => {
  const leave = async (): Promise<void> => {
    await open();
    const { storage, record } = await claimRun(contextOf());
    const description = `${descriptionPrefix(storage, world.environment, stamp)}${record.runUid} 1`;
    service.made.push(
      { kind: 'snapshot', id: 'snapshot-1', description, state: 'done' },
      { kind: 'snapshot', id: 'of-another', description: description.replace('prd', 'uat'), state: 'done' },
    );
  };
  const remove = async () =>
    removeLeftovers(contextOf(), { service, storage: (await claimRun(contextOf())).storage, stamp });

  it('goes with the next run’s sweep when it died, and nothing of others', async () => {
    await leave();
    await sweepService(contextOf(next), world.storage, '20251110-143000');
    expect(service.made.map(({ id }) => id)).toEqual(['of-another']);
    // What was forgotten is not looked for again.
    const calls = service.calls.length;
    await sweepService(contextOf(next), world.storage, '20251110-143000');
    expect(service.calls.length).toBe(calls);
  });

  it('goes with a later step of the next run when it could not be deleted at first, and the files of the dead run too', async () => {
    await leave();
    service.removals.push('busy', 'busy');
    await sweepService(contextOf(next), world.storage, '20251110-143000');
    expect(await world.storage.head(layout.run(stamp))).toBeDefined();
    await sweepService(contextOf(next), world.storage, '20251110-143000');
    expect(service.made.map(({ id }) => id)).toEqual(['of-another']);
    expect(await listStamps(world.storage)).toEqual([]);
  });

  it('goes also when a backup was sealed since, and not when five were', async () => {
    await leave();
    const sealed = (day: number): string => `202511${day}-143000`;
    for (const day of [11, 12, 13, 14, 15]) await world.storage.put(layout.manifest(sealed(day)), Buffer.from('{}'));
    const later = { run: 'run-9', time: '2025-11-20T14:30:00Z' };
    await sweepService(contextOf(later), world.storage, '20251120-143000');
    expect(service.made).toHaveLength(3);
    await world.storage.delete([layout.manifest(sealed(15))]);
    await sweepService(contextOf(later), world.storage, '20251120-143000');
    expect(service.made.map(({ id }) => id)).toEqual(['of-another']);
  });

  it('is given up before where it is an export that goes on', async () => {
    await leave();
    const job = { kind: 'export', database: 'lportal', url: 'gs://b/lportal.sql.gz' } as const;
    const handle = await service.start(job);
    const key = `${layout.jobs(stamp, 'export', 'lportal')}0001`;
    const { storage } = world;
    await storage.put(`${key}.json`, Buffer.from(JSON.stringify({ runUid: 'run-1', attempt: 'a', job, facts: {} })));
    await storage.put(`${key}.operation.json`, Buffer.from(JSON.stringify({ handle })));
    await sweepService(contextOf(next), storage, '20251110-143000');
    expect(service.calls).toContain(`cancel ${handle}`);
    expect(await listStamps(storage)).toEqual([]);
  });

  it('stays when the run is sealed, but for what is named', async () => {
    await leave();
    await world.storage.put(layout.manifest(stamp), Buffer.from('{}'));
    await sweepService(contextOf(next), world.storage, '20251110-143000');
    expect(service.made).toHaveLength(3);
  });

  it('goes one by one: what cannot be deleted yet keeps nothing else', async () => {
    await leave();
    service.removals.push('busy');
    expect(await remove()).toBe('some');
    expect(service.made.map(({ id }) => id)).toEqual(['operation-1', 'of-another']);
    expect(await remove()).toBe('none');
  });

  it('that may not be deleted is not tried for ever', async () => {
    await leave();
    service.removals.push('denied', 'denied');
    expect(await remove()).toBe('refused');
  });
});
