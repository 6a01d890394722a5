import { beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Lc2Error } from '../../core/errors.ts';
import { cancelJobs, runJob, runNamedJob } from '../../steps/runtime/jobs.ts';
import { createMemoryService, type MemoryService } from '../fakes/memory-service.ts';
import { messageOf } from './support/streams.ts';
import { createWorld, type World } from './support/world.ts';

const folder = '20251109-143000/steps/export/lportal/';
let world: World;
let service: MemoryService;
beforeEach(() => {
  world = createWorld();
  service = createMemoryService();
});

const run = (
  attempt: string,
  mayStart: () => Promise<void> = () => Promise.resolve(),
  signal: AbortSignal = new AbortController().signal,
) =>
  runJob({
    context: { ...world.context('export', { attempt }), signal },
    service,
    storage: world.storage,
    folder,
    facts: z.object({ time: z.string() }),
    make: (number) =>
      Promise.resolve({
        job: { kind: 'export', database: 'lportal', url: `gs://b/${attempt}-${number}` },
        facts: { time: `of ${attempt}` },
      }),
    mayStart,
  });

describe('a job', () => {
  it('is written down, looked for, asked for, and waited for', async () => {
    const { result, facts } = await run('a');
    expect(service.calls).toEqual(['find gs://b/a-1', 'start gs://b/a-1', 'wait operation-1']);
    expect({ result, facts }).toEqual({ result: { id: 'operation-1' }, facts: { time: 'of a' } });
  });

  it('is gone on with by whoever comes next, without looking for it', async () => {
    await run('a');
    const { facts } = await run('b');
    expect(service.calls.slice(3)).toEqual(['wait operation-1']);
    // The point is that of the export, not of the attempt.
    expect(facts).toEqual({ time: 'of a' });
  });

  it('that was taken while its answer was lost is not asked for again', async () => {
    service.starts.push('lost');
    await run('a');
    expect(service.calls).toEqual(['find gs://b/a-1', 'start gs://b/a-1', 'find gs://b/a-1', 'wait operation-1']);
  });

  it('that was not heard, or met another, is asked for again', async () => {
    service.starts.push('unheard', 'busy');
    await run('a');
    expect(service.calls.filter((call) => call.startsWith('start'))).toHaveLength(3);
  });

  /** Each look at the clock of a run is so many minutes after the one before. */
  const waitFor = async (minutes: number) => {
    let now = Date.parse('2025-11-09T15:00:00Z');
    const context = { ...world.context('export'), clock: { now: () => new Date((now += minutes * 60_000)) } };
    const job = { kind: 'export', database: 'lportal', url: `gs://b/${minutes}` } as const;
    await runNamedJob({ context, service, mayStart: () => Promise.resolve() }, job);
  };

  it('waits for an hour while something else runs, and not for longer than its run may', async () => {
    service.starts.push('busy', 'busy');
    await waitFor(30);
    expect(service.calls.at(-1)).toBe('wait operation-1');
    service.starts.push('busy', 'busy');
    await expect(waitFor(1500)).rejects.toMatchObject({ code: 'SERVICE_BUSY' });
  });

  it('that may not be asked for ends at once, and is asked for by the next attempt', async () => {
    service.starts.push('denied');
    expect(await messageOf(() => run('a'))).toMatch(/^no; /);
    await run('b');
    expect(service.calls).toEqual([
      'find gs://b/a-1',
      'start gs://b/a-1',
      'find gs://b/a-1',
      'start gs://b/a-1',
      'wait operation-1',
    ]);
  });

  it('that fails is not repeated by who saw it fail', async () => {
    service.failing.add('operation-1').add('operation-2').add('operation-3');
    expect(await messageOf(() => run('a'))).toMatch(/^it failed/);
    expect(service.calls.filter((call) => call.startsWith('start'))).toEqual(['start gs://b/a-1']);
  });

  it('that failed in an earlier attempt is followed by another under a new name', async () => {
    service.failing.add('operation-1');
    await messageOf(() => run('a'));
    const { result } = await run('b');
    expect(result).toEqual({ id: 'operation-2' });
    expect(service.calls.at(-2)).toBe('start gs://b/b-2');
  });

  it('is not asked for by an attempt that comes too late', async () => {
    const late = () => Promise.reject(new Lc2Error('OBJECT_EXISTS', 'another attempt has finished this step'));
    expect(await messageOf(() => run('a', late))).toMatch(/^another attempt/);
    expect(service.calls).toEqual([]);
  });

  it('of two attempts at once is one', async () => {
    const results = await Promise.all([run('a'), run('b')]);
    expect(new Set(results.map(({ facts }) => facts.time)).size).toBe(1);
  });

  it('goes on when the attempt that waits for it is told to stop: another may follow', async () => {
    service.failing.add('operation-1');
    const stop = new AbortController();
    const stopped = (): Promise<void> => Promise.resolve(stop.abort());
    await messageOf(() => run('a', stopped, stop.signal));
    expect(service.calls).toContain('wait operation-1');
    expect(service.calls.filter((call) => call.startsWith('cancel'))).toEqual([]);
  });

  it('is given up by its record', async () => {
    await run('a');
    await cancelJobs(world.context('clean-up'), { service, storage: world.storage, prefix: '20251109-143000/steps/' });
    expect(service.calls.at(-1)).toBe('cancel operation-1');
  });

  it('is given up, too, by whom it was asked for and who died before writing down its handle', async () => {
    await run('a');
    const taken = '20251109-143000/steps/export/lportal/0001.operation.json';
    await world.storage.delete([taken]);
    await world.storage.put('20251109-143000/steps/export/lportal/plan.json', Buffer.from('{}'));
    await cancelJobs(world.context('clean-up'), { service, storage: world.storage, prefix: '20251109-143000/steps/' });
    expect(service.calls.slice(-2)).toEqual(['find gs://b/a-1', 'cancel operation-1']);
  });

  const giveUp = (patience?: number) =>
    cancelJobs(world.context('clean-up'), {
      service,
      storage: world.storage,
      prefix: '20251109-143000/steps/',
      ...(patience === undefined ? {} : { patience }),
    });

  it('is seen to its end when it is given up', async () => {
    await run('a');
    service.cancels.push('running', 'running');
    expect(await giveUp()).toBe(true);
    expect(service.calls.filter((call) => call.startsWith('cancel'))).toHaveLength(3);
    service.cancels.push('gone');
    expect(await giveUp()).toBe(true);
  });

  it('is not waited for by whom may not give it up', async () => {
    await run('a');
    service.cancels.push('denied');
    expect(await giveUp()).toBe(false);
    expect(service.calls.filter((call) => call.startsWith('cancel'))).toHaveLength(1);
  });

  it('that goes on all the same is not waited for for ever, and is told', async () => {
    await run('a');
    service.cancels.push('running', 'running', 'running');
    expect(await giveUp(2)).toBe(false);
    expect(service.cancels).toHaveLength(1);
  });
});
