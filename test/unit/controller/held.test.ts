import { describe, expect, test } from 'vitest';
import { eventBody, workflowBody } from '../../../controller/bodies.ts';
import { decide } from '../../../controller/decide.ts';
import { finalizer } from '../../../controller/names.ts';
import { isHeld } from '../../../controller/views/workflow-view.ts';
import {
  kindsOf,
  now,
  observed,
  pick,
  request,
  running,
  sealed,
  state,
  environment,
  statusIn,
  workflow,
} from './samples.ts';

/** A run is held from its creation until its request says that it exists, so that it can neither vanish unseen nor run twice. */

const held = workflow({ held: true });

describe('a run', () => {
  test('is created held, a verification is not', () => {
    const plan = pick(decide(observed(), now), 'createWorkflow')?.workflow;
    if (plan === undefined) throw new Error('nothing was created');
    const body = (flow: 'lc2-backup' | 'lc2-verify') =>
      workflowBody({ ...plan, flow }, request('BackupRequest'), { instanceId: undefined });
    expect(body('lc2-backup')).toMatchObject({ metadata: { finalizers: [finalizer] } });
    expect(body('lc2-verify')).not.toHaveProperty('metadata.finalizers');
  });
  test('is let go after the status that names it, and not before', () => {
    const actions = decide(observed({ workflow: held }), now);
    expect(kindsOf(actions)).toEqual(['patchStatus', 'releaseWorkflow', 'requeueAfter']);
    expect(pick(actions, 'releaseWorkflow')?.workflow).toBe(held);
  });
  test('is let go once', () => {
    const view = request('BackupRequest', { status: running });
    expect(kindsOf(decide(observed({ request: view, workflow: workflow() }), now))).not.toContain('releaseWorkflow');
    expect(isHeld(workflow())).toBe(false);
  });
  test.each([
    ['that ended while nobody looked', { workflow: workflow({ held: true, phase: 'Succeeded', outputs: sealed }) }],
    [
      'of a request that has ended',
      { request: request('BackupRequest', { status: { phase: 'Failed' } }), workflow: held },
    ],
    [
      'of a request that is being deleted',
      {
        request: request('BackupRequest', { metadata: { deletionTimestamp: '2026-03-01T10:00:05Z' } }),
        workflow: held,
      },
    ],
    ['whose end only storage knows', { workflow: workflow({ held: true, phase: 'Failed', compressed: true }) }],
  ])('%s is let go', (_name, parts) => {
    const actions = kindsOf(decide(observed(parts), now));
    expect(actions).toContain('releaseWorkflow');
    expect(actions.indexOf('releaseWorkflow')).toBeGreaterThan(actions.indexOf('patchStatus'));
  });
});

describe('the first that is seen of a run', () => {
  test('may be its end: the status names it all the same', () => {
    const status = statusIn(decide(observed({ workflow: workflow({ phase: 'Succeeded', outputs: sealed }) }), now));
    expect(status).toMatchObject({
      phase: 'Succeeded',
      workflow: 'lc2-mine-0a1b2c3d',
      components: [
        { name: 'database', state: 'Done' },
        { name: 'documents', state: 'Done' },
      ],
    });
  });
  test('may be an end that only storage knows: it is named before storage is asked, and never started again', () => {
    const actions = decide(observed({ workflow: workflow({ phase: 'Failed', compressed: true }) }), now);
    expect(kindsOf(actions)).toEqual(['patchStatus', 'createVerifyWorkflow', 'requeueAfter']);
    expect(statusIn(actions)).toMatchObject({ phase: 'Running', workflow: 'lc2-mine-0a1b2c3d' });
  });
  test('comes a moment later, when Argo has taken it up: one write says both', () => {
    const fresh = observed({ workflow: workflow({ phase: '' }), sinceSeenMs: 20 });
    expect(kindsOf(decide(fresh, now))).toEqual(['requeueAfter']);
    expect(kindsOf(decide({ ...fresh, sinceSeenMs: 1000 }, now))).toContain('patchStatus');
  });
});

test('an environment is waited for by a clock that does not jump', () => {
  const missing = { environment: undefined, source: undefined, sinceSeenMs: 5000 };
  const inAnHour = new Date(now.getTime() + 3_600_000);
  expect(statusIn(decide(observed(missing), inAnHour))?.phase).toBe('Pending');
  expect(
    kindsOf(
      decide(observed({ ...missing, environment: state(environment()), source: state(environment()) }), inAnHour),
    ),
  ).toContain('createWorkflow');
});

describe('two controllers that see differently', () => {
  const asking = request('BackupRequest', {
    status: {
      ...running,
      conditions: [
        {
          type: 'Progressing',
          status: 'True',
          reason: 'Verifying',
          message: 'm',
          lastTransitionTime: '2026-03-01T10:00:05Z',
        },
      ],
    },
  });
  test('agree that storage is asked, though one still sees the run', () => {
    const actions = decide(observed({ request: asking, workflow: workflow() }), now);
    expect(kindsOf(actions)).toContain('createVerifyWorkflow');
    expect(statusIn(actions)?.message).toContain('lc2-verify looks');
  });
  test('agree how far the run has come, though one looks at an old view of it', () => {
    const status = statusIn(decide(observed({ workflow: workflow({ phase: 'Running' }) }), now));
    if (status === undefined) throw new Error('nothing was written');
    const told = request('BackupRequest', { status });
    for (const phase of ['', 'Pending'])
      expect(statusIn(decide(observed({ request: told, workflow: workflow({ phase }) }), now))).toBeUndefined();
  });
  test('tell of one end once, in whatever words', () => {
    const about = { ...request('BackupRequest'), uid: 'u' };
    const names = ['its Workflow vanished', 'its pod was deleted'].map((message) =>
      eventBody({ about: 'end', type: 'Warning', reason: 'ResultLost', message }, about, now),
    );
    expect(names[0]).toMatchObject({ metadata: { name: expect.stringMatching(/^mine\./) } });
    expect(names[1]).toHaveProperty('metadata', Reflect.get(names[0] ?? {}, 'metadata'));
  });
  test('do not answer each other without a pause, and let no run go that is not named', () => {
    const waiting = request('BackupRequest', { status: { phase: 'Pending' } });
    const view = workflow({ held: true, phase: 'Pending' });
    const actions = decide(observed({ request: waiting, workflow: view, sinceStatusMs: 300 }), now);
    expect(kindsOf(actions)).toEqual(['requeueAfter', 'requeueAfter']);
    expect(actions[0]).toEqual({ do: 'requeueAfter', ms: 700 });
  });
  test('tell at once that a run runs, for that is told once', () => {
    const pending = workflow({ phase: 'Pending' });
    const status = statusIn(decide(observed({ workflow: pending }), now));
    if (status === undefined) throw new Error('nothing was written');
    const told = request('BackupRequest', { status });
    const actions = decide(
      observed({ request: told, workflow: workflow({ phase: 'Running' }), sinceStatusMs: 1 }),
      now,
    );
    expect(statusIn(actions)?.phase).toBe('Running');
  });
});
