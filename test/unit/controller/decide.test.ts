import { describe, expect, test } from 'vitest';
import { decide } from '../../../controller/decide.ts';
import type { Observed } from '../../../controller/observed.ts';
import {
  backupId,
  createdAt,
  environment,
  kindsOf,
  later,
  now,
  observed,
  pick,
  reasonIn,
  request,
  running,
  sealed,
  state,
  statusIn,
  workflow,
} from './samples.ts';

const finalizers = ['backup.lc2.dev/run'];
const started = request('BackupRequest', { status: running, metadata: { finalizers } });

describe('start', () => {
  test('a valid backup request gets a finalizer and one Workflow', () => {
    const actions = decide(observed(), now);
    expect(kindsOf(actions)).toEqual(['ensureFinalizer', 'createWorkflow']);
    expect(pick(actions, 'createWorkflow')?.workflow).toMatchObject({
      name: 'lc2-mine-0a1b2c3d',
      flow: 'lc2-backup',
      environment: 'prd',
      projectId: 'shop',
      parameters: { environment: 'prd', components: '', full: 'false' },
    });
  });
  test('the ConfigMap is written before what reads it', () => {
    const stale = state(environment(), false);
    expect(kindsOf(decide(observed({ environment: stale, source: stale }), now))).toEqual([
      'ensureFinalizer',
      'applyConfigMap',
      'createWorkflow',
    ]);
  });
  test('a restore from another environment needs both ConfigMaps', () => {
    const actions = decide(
      observed({
        request: request('RestoreRequest', { spec: { source: 'old' } }),
        environment: state(environment(), false),
        source: state(environment({}, { name: 'old' }), false),
      }),
      now,
    );
    expect(kindsOf(actions)).toEqual(['ensureFinalizer', 'applyConfigMap', 'applyConfigMap', 'createWorkflow']);
    expect(pick(actions, 'createWorkflow')?.workflow.parameters).toMatchObject({
      into: 'prd',
      source: 'old',
      confirm: 'prd',
      backup: 'latest',
    });
    expect(pick(actions, 'createWorkflow')?.workflow.parameters['request']).toMatch(/^mine-[0-9a-f]{16}$/);
  });
  test('nothing happens before all caches are complete', () => {
    expect(decide(observed({ synced: false }), now)).toEqual([]);
    expect(decide(observed({ synced: false, request: started }), now)).toEqual([]);
  });
  test('two Workflows of one environment are kept apart in time', () => {
    expect(decide(observed({ creationWaitMs: 1234.5 }), now)).toEqual([{ do: 'requeueAfter', ms: 1235 }]);
  });
});

describe('acceptance', () => {
  const missing = { environment: undefined, source: undefined };
  test('a missing environment is waited for', () => {
    const actions = decide(observed({ ...missing, sinceSeenMs: 20_000 }), now);
    expect(statusIn(actions)).toMatchObject({ phase: 'Pending' });
    expect(reasonIn(actions, 'Accepted')).toBe('EnvironmentNotFound');
    expect(pick(actions, 'requeueAfter')?.ms).toBe(40_000);
  });
  test.each<[string, Partial<Observed>, string, string]>([
    [
      'environment missing for a minute',
      { ...missing, request: request('BackupRequest') },
      'EnvironmentNotFound',
      'spec.environment',
    ],
    [
      'environment invalid',
      { environment: state(environment({ storage: {} })), source: state(environment({ storage: {} })) },
      'EnvironmentInvalid',
      'spec.storage.url',
    ],
    [
      'file location',
      { environment: state(environment({ storage: { url: 'file:///backups' } })) },
      'FileLocationOnCluster',
      'spec.storage.url',
    ],
    [
      'unknown component',
      { request: request('BackupRequest', { spec: { components: ['nosuch'] } }) },
      'ComponentUnknown',
      'spec.components',
    ],
    ['unknown field', { request: request('BackupRequest', { spec: { bogus: 1 } }) }, 'InputInvalid', 'bogus'],
    [
      'braces',
      { request: request('BackupRequest', { spec: { creator: { name: '{{x}}' } } }) },
      'InputInvalid',
      'creator.name',
    ],
    [
      'nothing to back up',
      { environment: state(environment({ database: undefined, objectStores: [] })) },
      'NothingSelected',
      'nothing to back up',
    ],
    [
      'restore not allowed',
      { request: request('RestoreRequest'), environment: state(environment({ restore: { allowed: false } })) },
      'RestoreNotAllowed',
      'spec.into',
    ],
    [
      'restore not confirmed',
      { request: request('RestoreRequest', { spec: { confirm: 'other' } }) },
      'RestoreNotConfirmed',
      'spec.confirm',
    ],
    [
      'source missing',
      { request: request('RestoreRequest', { spec: { source: 'old' } }), source: undefined },
      'EnvironmentNotFound',
      'spec.source',
    ],
    ['refused by the API server', { refusal: 'admission webhook "x" denied the request' }, 'InputInvalid', 'webhook'],
  ])('%s: Failed, and nothing is started', (_name, parts, reason, place) => {
    const actions = decide(observed({ sinceSeenMs: 61_000, ...parts }), now);
    expect(kindsOf(actions)).toEqual(['emitEvent', 'patchStatus']);
    expect(statusIn(actions)?.phase).toBe('Failed');
    expect(reasonIn(actions, 'Accepted')).toBe(reason);
    expect(reasonIn(actions, 'Succeeded')).toBe(reason);
    expect(statusIn(actions)?.message).toContain(place);
  });
});

describe('run', () => {
  test.each([
    ['', '', 'Pending', 'Submitted'],
    ['Pending', 'Waiting for proj-shop/Mutex/lc2-prd lock. Lock status: 0/1', 'Pending', 'Waiting'],
    ['Running', '', 'Running', 'Running'],
  ])('a Workflow in phase %j is mirrored', (phase, message, seen, reason) => {
    const actions = decide(observed({ workflow: workflow({ phase, message }) }), now);
    expect(statusIn(actions)).toMatchObject({ phase: seen, workflow: 'lc2-mine-0a1b2c3d', backupId });
    expect(reasonIn(actions, 'Progressing')).toBe(reason);
    expect(reasonIn(actions, 'Accepted')).toBe('Valid');
    expect(kindsOf(actions)).not.toContain('createWorkflow');
  });
  test('steps give progress and states of components', () => {
    const nodes = [
      { step: 'dump', phase: 'Succeeded' },
      { step: 'transfer', phase: 'Running', progress: '50/100' },
    ];
    const status = statusIn(decide(observed({ workflow: workflow({ nodes }) }), now));
    expect(status?.progress).toBe('50%');
    expect(status?.components).toEqual([
      { name: 'database', state: 'DumpInProgress' },
      { name: 'documents', state: 'TransferInProgress' },
    ]);
  });
  test('skipped steps count as done, and progress never goes back', () => {
    const nodes = ['dump', 'transfer', 'catch-up'].map((step) => ({ step, phase: 'Skipped' }));
    expect(statusIn(decide(observed({ workflow: workflow({ nodes }) }), now))?.progress).toBe('75%');
    const further = request('BackupRequest', { status: { ...running, progress: '90%' } });
    expect(statusIn(decide(observed({ request: further, workflow: workflow({ nodes }) }), now))?.progress).toBe('90%');
  });
  test('hidden nodes keep what was known', () => {
    const known = request('BackupRequest', {
      status: { ...running, progress: '35%', components: [{ name: 'database', state: 'Verifying' }] },
    });
    const status = statusIn(decide(observed({ request: known, workflow: workflow({ compressed: true }) }), now));
    expect(status).toMatchObject({ progress: '35%', components: [{ name: 'database', state: 'Verifying' }] });
  });
  test('mere progress is not written more often than every ten seconds', () => {
    const first = statusIn(decide(observed({ workflow: workflow() }), now));
    const view = request('BackupRequest', { status: { ...first } });
    const moved = workflow({ nodes: [{ step: 'dump', phase: 'Running', progress: '1/2' }] });
    const soon = decide(observed({ request: view, workflow: moved, sinceStatusMs: 4000 }), now);
    expect(kindsOf(soon)).toEqual(['requeueAfter', 'requeueAfter']);
    expect(soon[0]).toEqual({ do: 'requeueAfter', ms: 6000 });
    expect(statusIn(decide(observed({ request: view, workflow: moved, sinceStatusMs: 10_000 }), now))?.progress).toBe(
      '17%',
    );
  });
  test('an unchanged run is not written again', () => {
    const first = statusIn(decide(observed({ workflow: workflow() }), now));
    const actions = decide(
      observed({ request: request('BackupRequest', { status: { ...first } }), workflow: workflow() }),
      later(99),
    );
    expect(kindsOf(actions)).toEqual(['requeueAfter']);
  });
});

describe('cancel and deletion', () => {
  const cancelled = request('BackupRequest', { spec: { cancel: true }, status: running, metadata: { finalizers } });
  const deleted = (seconds: number) =>
    request('BackupRequest', {
      status: running,
      metadata: { finalizers, deletionTimestamp: new Date(Date.parse(createdAt) - seconds * 1000).toISOString() },
    });
  test('cancelled before the start: nothing starts', () => {
    const actions = decide(observed({ request: request('BackupRequest', { spec: { cancel: true } }) }), now);
    expect(kindsOf(actions)).toEqual(['emitEvent', 'patchStatus']);
    expect(statusIn(actions)?.phase).toBe('Cancelled');
  });
  test('cancelled while it runs: stopped, once', () => {
    const actions = decide(observed({ request: cancelled, workflow: workflow() }), now);
    expect(kindsOf(actions)).toEqual(['stopWorkflow', 'patchStatus', 'requeueAfter']);
    expect(reasonIn(actions, 'Progressing')).toBe('Stopping');
    expect(
      kindsOf(decide(observed({ request: cancelled, workflow: workflow({ shutdown: 'Stop' }) }), now)),
    ).not.toContain('stopWorkflow');
  });
  test('cancelled too late: sealed is sealed', () => {
    const actions = decide(
      observed({ request: cancelled, workflow: workflow({ phase: 'Succeeded', outputs: sealed, shutdown: 'Stop' }) }),
      now,
    );
    expect(statusIn(actions)?.phase).toBe('Succeeded');
  });
  test('deleted while it runs: stopped, and kept until the run has ended', () => {
    const actions = decide(observed({ request: deleted(5), workflow: workflow() }), now);
    expect(kindsOf(actions)).toEqual(['stopWorkflow', 'patchStatus', 'requeueAfter']);
    expect(kindsOf(decide(observed({ request: deleted(5), workflow: workflow({ phase: 'Failed' }) }), now))).toEqual([
      'removeFinalizer',
    ]);
    expect(kindsOf(decide(observed({ request: deleted(5) }), now))).toEqual(['removeFinalizer']);
  });
  test('deletion does not wait for ever', () => {
    expect(kindsOf(decide(observed({ request: deleted(900), workflow: workflow({ shutdown: 'Stop' }) }), now))).toEqual(
      ['removeFinalizer'],
    );
  });
  test('deleted before it started: nothing starts', () => {
    const view = request('BackupRequest', { metadata: { finalizers: ['other'], deletionTimestamp: createdAt } });
    expect(decide(observed({ request: view }), now)).toEqual([]);
  });
});

describe('terminal', () => {
  test.each(['Succeeded', 'Failed', 'Cancelled'])('%s is never rewritten, whatever the Workflow does', (phase) => {
    const view = request('BackupRequest', { status: { ...running, phase }, metadata: { finalizers } });
    expect(decide(observed({ request: view, workflow: workflow({ phase: 'Running' }) }), now)).toEqual([
      { do: 'removeFinalizer' },
    ]);
    const free = request('BackupRequest', { status: { ...running, phase } });
    expect(
      decide(observed({ request: free, workflow: workflow({ phase: 'Succeeded', outputs: sealed }) }), now),
    ).toEqual([]);
  });
  test('a terminal status that this version cannot read stays terminal', () => {
    const view = request('BackupRequest', { status: { phase: 'Succeeded', fromTheFuture: true } });
    expect(decide(observed({ request: view }), now)).toEqual([]);
  });
});
