import { describe, expect, test } from 'vitest';
import { startFakeArgo } from '../../fakes/kube/argo.ts';
import { backupRequest, environmentObject, namespace, put } from '../../fakes/kube/fixtures.ts';
import type { Fate } from '../../fakes/kube/server.ts';
import type { SentEvent } from '../../fakes/kube/watches.ts';
import {
  ended,
  pause,
  quickTimings,
  setStage,
  type Stage,
  startController,
  statusOf,
  until,
  workflowsOf,
} from './harness.ts';

/** Everything that goes wrong between the controller and an API server; the end is the same. */

const readyEnvironment = async (stage: Stage): Promise<void> => {
  put(stage.objects, environmentObject());
  await until('the environment', () => statusOf(stage.objects, 'backupenvironments', 'prd').ready === 'True');
};

const expectOneGoodBackup = async (stage: Stage, name = 'nightly'): Promise<void> => {
  const { objects } = stage;
  const status = await until('the end', () => ended(objects, 'backuprequests', name));
  expect(status.phase).toBe('Succeeded');
  await until(
    'the finalizer to go',
    () => objects.get('backuprequests', namespace, name).metadata.finalizers === undefined,
  );
  expect(workflowsOf(objects)).toHaveLength(1);
  expect(workflowsOf(objects, 'lc2-verify')).toHaveLength(0);
};

describe('watches', () => {
  test('a cut is survived without missing what happened meanwhile', async () => {
    await using stage = await setStage();
    stage.later(startFakeArgo({ objects: stage.objects }));
    startController(stage);
    await readyEnvironment(stage);
    stage.kube.watches.cutAll();
    put(stage.objects, backupRequest());
    await expectOneGoodBackup(stage);
    const lists = stage.kube.calls.filter((call) => call.method === 'GET' && call.plural === 'backuprequests');
    expect(lists).toHaveLength(1);
  });

  test('a forgotten past (410) means listing again, and repeats nothing', async () => {
    await using stage = await setStage();
    stage.later(startFakeArgo({ objects: stage.objects }));
    startController(stage);
    await readyEnvironment(stage);
    put(stage.objects, backupRequest('first'));
    await until('the first', () => ended(stage.objects, 'backuprequests', 'first'));
    stage.kube.setWatchFate(() => 'cut-before');
    stage.kube.watches.cutAll();
    put(stage.objects, backupRequest('nightly'));
    stage.objects.remove('backuprequests', namespace, 'first');
    for (const { metadata } of workflowsOf(stage.objects)) stage.objects.remove('workflows', namespace, metadata.name);
    stage.objects.compact();
    stage.kube.setWatchFate(() => 'pass');
    await expectOneGoodBackup(stage);
  });

  test('410 as the answer to a watch means the same', async () => {
    await using stage = await setStage();
    stage.later(startFakeArgo({ objects: stage.objects }));
    startController(stage);
    await readyEnvironment(stage);
    let refusals = 0;
    stage.kube.setWatchFate(() => (refusals++ < 8 ? { code: 410, reason: 'Expired', message: 'too old' } : 'pass'));
    stage.kube.watches.cutAll();
    put(stage.objects, backupRequest());
    await expectOneGoodBackup(stage);
    expect(refusals).toBeGreaterThan(8);
  });

  test('a connection that dies silently is noticed', async () => {
    await using stage = await setStage();
    stage.later(startFakeArgo({ objects: stage.objects }));
    startController(stage, { timings: { ...quickTimings, watchSeconds: 100, idleMs: 500 } });
    await readyEnvironment(stage);
    stage.kube.watches.silence();
    put(stage.objects, backupRequest());
    await expectOneGoodBackup(stage);
  });

  test('dropped events are made up for by the next list', async () => {
    await using stage = await setStage();
    stage.later(startFakeArgo({ objects: stage.objects }));
    startController(stage, { timings: { ...quickTimings, watchSeconds: 1, relistMs: 800 } });
    await readyEnvironment(stage);
    stage.kube.watches.setMangle(() => []);
    put(stage.objects, backupRequest());
    await expectOneGoodBackup(stage);
  });

  test('doubled and reordered events write nothing more', async () => {
    await using stage = await setStage();
    stage.later(startFakeArgo({ objects: stage.objects }));
    startController(stage);
    await readyEnvironment(stage);
    const held = new Map<string, SentEvent>();
    stage.kube.watches.setMangle((event) => {
      const { kind } = event.object as { readonly kind: string };
      const earlier = held.get(kind);
      held.set(kind, event);
      return earlier === undefined ? [event, event] : [event, earlier, event, earlier];
    });
    const before = stage.kube.calls.length;
    put(stage.objects, backupRequest());
    await expectOneGoodBackup(stage);
    await pause(300);
    const writes = stage.kube.calls
      .slice(before)
      .filter((call) => call.method !== 'GET' && call.plural !== 'backupenvironments');
    expect(writes.length).toBeLessThanOrEqual(7);
  });

  test('thousands of objects come in pages', async () => {
    await using stage = await setStage();
    for (let i = 0; i < 1201; i++) put(stage.objects, { ...backupRequest(`old-${i}`) });
    stage.objects.list('backuprequests').forEach(({ metadata }) => {
      stage.objects.edit('backuprequests', metadata, (object) => {
        object.status = { phase: 'Succeeded' };
      });
    });
    stage.later(startFakeArgo({ objects: stage.objects }));
    const controller = startController(stage);
    await until('readiness', () => controller.ready());
    const lists = stage.kube.calls.filter((call) => call.method === 'GET' && call.plural === 'backuprequests');
    expect(lists).toHaveLength(13);
    await readyEnvironment(stage);
    put(stage.objects, backupRequest());
    await expectOneGoodBackup(stage);
  });
});

describe('calls', () => {
  const faults: [string, Fate][] = [
    ['a lost call', 'cut-before'],
    ['a lost answer', 'cut-after'],
    ['an overloaded server', { code: 429, reason: 'TooManyRequests', message: 'later' }],
    ['a failing server', { code: 500, reason: 'InternalError', message: 'etcdserver: request timed out' }],
    ['a conflict', { code: 409, reason: 'Conflict', message: 'the object has been modified' }],
  ];
  test.each(faults)('%s at every write of a life changes nothing in the end', async (_name, fault) => {
    await using stage = await setStage();
    stage.later(startFakeArgo({ objects: stage.objects }));
    const failed = new Set<string>();
    const writes = new Map<string, number>();
    // The first try of each different write fails.
    stage.kube.setFate((call) => {
      if (call.method === 'GET') return 'pass';
      const kind = `${call.method} ${call.plural} ${call.subresource ?? ''}`;
      const turn = (writes.get(kind) ?? 0) + 1;
      writes.set(kind, turn);
      if (turn % 2 === 0) return 'pass';
      failed.add(kind);
      return fault;
    });
    startController(stage);
    await readyEnvironment(stage);
    put(stage.objects, backupRequest());
    await expectOneGoodBackup(stage);
    expect(failed.size).toBeGreaterThan(5);
  });

  test('an API server that is away for a while is waited for', async () => {
    await using stage = await setStage();
    stage.later(startFakeArgo({ objects: stage.objects }));
    const controller = startController(stage);
    await readyEnvironment(stage);
    await stage.kube.pause();
    put(stage.objects, backupRequest());
    await pause(600);
    await stage.kube.resume();
    await expectOneGoodBackup(stage);
    expect(controller.ready()).toBe(true);
  });

  test('a Workflow that is refused for good ends the request, without a loop', async () => {
    await using stage = await setStage();
    const refusal = {
      code: 403,
      reason: 'Forbidden',
      message: 'admission webhook "policy" denied the request: no',
    } as const;
    let tries = 0;
    stage.kube.setFate((call) =>
      call.method === 'POST' && call.plural === 'workflows' && ++tries > 0 ? refusal : 'pass',
    );
    startController(stage);
    await readyEnvironment(stage);
    put(stage.objects, backupRequest());
    const status = await until('the end', () => ended(stage.objects, 'backuprequests', 'nightly'));
    expect(status).toMatchObject({ phase: 'Failed' });
    expect(status.message).toContain('admission webhook');
    expect(tries).toBe(1);
  });

  test('events that cannot be written stop nothing', async () => {
    await using stage = await setStage();
    stage.later(startFakeArgo({ objects: stage.objects }));
    stage.kube.setFate((call) =>
      call.plural === 'events' ? { code: 403, reason: 'Forbidden', message: 'no' } : 'pass',
    );
    startController(stage);
    await readyEnvironment(stage);
    put(stage.objects, backupRequest());
    await expectOneGoodBackup(stage);
  });

  test('two controllers at once make one Workflow and one end', async () => {
    await using stage = await setStage();
    stage.later(startFakeArgo({ objects: stage.objects }));
    startController(stage);
    startController(stage);
    await readyEnvironment(stage);
    put(stage.objects, backupRequest());
    await expectOneGoodBackup(stage);
    const sealed = stage.objects.list('events').filter((event) => (event as { reason?: string }).reason === 'Sealed');
    expect(sealed).toHaveLength(1);
  });
});
