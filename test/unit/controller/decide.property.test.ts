import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Action } from '../../../controller/actions.ts';
import { decide } from '../../../controller/decide.ts';
import type { Observed } from '../../../controller/observed.ts';
import { requestStatus } from '../../../core/api/request-status.ts';
import {
  environment,
  later,
  observed,
  request,
  restored,
  running,
  sealed,
  state,
  verify,
  workflow,
} from './samples.ts';

const phase = fc.constantFrom('', 'Pending', 'Running', 'Succeeded', 'Failed', 'Error');
const node = fc.record({
  step: fc.constantFrom('dump', 'transfer', 'catch-up', 'verify', 'manifest', 'commit', 'clean-up', 'unknown'),
  phase: fc.constantFrom('', 'Pending', 'Running', 'Succeeded', 'Failed', 'Error', 'Skipped', 'Omitted'),
  message: fc.oneof(
    fc.string(),
    fc.constant('main: Error (exit code 78): DATABASE_LOGIN_FAILED: no'),
    fc.constant('OOMKilled (exit code 137)'),
  ),
  progress: fc.oneof(fc.constant('1/2'), fc.constant('7/0'), fc.string()),
});
const outputs = fc.constantFrom(
  {},
  sealed,
  restored,
  { manifest: {} },
  { manifest: 'text' },
  { restore: sealed.manifest },
);
const run = fc
  .record({
    phase,
    message: fc.string(),
    outputs,
    nodes: fc.array(node, { maxLength: 6 }),
    template: fc.constantFrom('lc2-backup', 'lc2-restore', 'other'),
    compressed: fc.boolean(),
    shutdown: fc.option(fc.constantFrom('Stop', 'Terminate'), { nil: undefined }),
  })
  .map(({ shutdown, ...rest }) => workflow({ ...rest, ...(shutdown === undefined ? {} : { shutdown }) }));
const look = fc
  .record({ phase, sealed: fc.boolean(), ok: fc.boolean() })
  .map(({ phase, ...rest }) => verify({ phase, found: rest }));
const status = fc.constantFrom(
  {},
  running,
  { phase: 'Pending' },
  { ...running, phase: 'Succeeded' },
  { ...running, phase: 'Failed' },
  { phase: 'Cancelled' },
);

const world: fc.Arbitrary<Observed> = fc
  .record({
    kind: fc.constantFrom('BackupRequest' as const, 'RestoreRequest' as const),
    cancel: fc.boolean(),
    deleted: fc.boolean(),
    finalizer: fc.boolean(),
    status,
    workflow: fc.option(run, { nil: undefined }),
    verify: fc.option(look, { nil: undefined }),
    environment: fc.constantFrom(
      undefined,
      state(environment()),
      state(environment(), false),
      state(environment({ storage: {} })),
    ),
    synced: fc.boolean(),
    creationWaitMs: fc.constantFrom(0, 700),
    sinceSeenMs: fc.constantFrom(0, 61_000),
    sinceStatusMs: fc.constantFrom(0, 5000, Number.POSITIVE_INFINITY),
    refusal: fc.constantFrom(undefined, 'denied'),
  })
  .map(({ kind, cancel, deleted, finalizer, status, environment: prd, ...rest }) =>
    observed({
      ...rest,
      environment: prd,
      source: prd,
      request: request(kind, {
        spec: { cancel },
        status,
        metadata: {
          finalizers: finalizer ? ['backup.lc2.dev/run'] : [],
          ...(deleted ? { deletionTimestamp: '2026-03-01T10:00:05Z' } : {}),
        },
      }),
    }),
  );

const check = (property: (observed: Observed, actions: readonly Action[]) => void): void => {
  fc.assert(
    fc.property(world, fc.integer({ min: 0, max: 3600 }), (seen, seconds) => {
      property(seen, decide(seen, later(seconds)));
    }),
    { numRuns: 400 },
  );
};

const statusOf = (actions: readonly Action[]) =>
  actions.flatMap((action) => (action.do === 'patchStatus' ? [action.status] : []));
const isTerminalPhase = (value: string | undefined): boolean =>
  ['Succeeded', 'Failed', 'Cancelled'].includes(value ?? '');

test('a terminal phase is never rewritten', () => {
  check(({ request: view }, actions) => {
    const harmless = actions.every((action) => action.do === 'removeFinalizer');
    expect(harmless || !isTerminalPhase(view.status.phase)).toBe(true);
  });
});

test('a request has one Workflow name, and a Workflow is created only where none was seen', () => {
  check((seen, actions) => {
    const created = actions.flatMap((action) => (action.do === 'createWorkflow' ? [action.workflow.name] : []));
    expect(created.length).toBeLessThanOrEqual(1);
    for (const name of created) {
      expect(name).toBe('lc2-mine-0a1b2c3d');
      expect([seen.workflow, seen.request.status.workflow, seen.request.deletedAt]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
      expect([seen.synced, seen.request.cancel, seen.creationWaitMs]).toEqual([true, false, 0]);
    }
  });
});

const jsonOf = (text: string | undefined): Record<string, unknown> =>
  JSON.parse(text ?? '{}') as Record<string, unknown>;

/** What proves that the request came true, read without the controller's own parsers. */
const proofOf = ({ request: view, workflow: run, verify: looked }: Observed): unknown => {
  if (view.kind === 'RestoreRequest') return jsonOf(run?.outputs['restore'])['restoreId'];
  const answer = jsonOf(looked?.outputs['verification']);
  const verified = answer['sealed'] === true && answer['ok'] === true;
  return jsonOf(run?.outputs['manifest'])['digest'] ?? (verified ? answer['digest'] : undefined);
};

test('Succeeded needs a sealed result', () => {
  check((seen, actions) => {
    const proof = proofOf(seen);
    for (const { manifest } of statusOf(actions).filter((status) => status.phase === 'Succeeded')) {
      expect(proof).toBeTypeOf('string');
      expect(manifest?.digest).toBe(seen.request.kind === 'BackupRequest' ? proof : undefined);
    }
  });
});

test('every status is one that the API server accepts', () => {
  check((_seen, actions) => {
    for (const next of statusOf(actions)) expect(requestStatus.safeParse(next).error).toBeUndefined();
  });
});

test('the same question has the same answer, and a written status is not written again', () => {
  check((seen, actions) => {
    const [written] = statusOf(actions);
    if (written === undefined || isTerminalPhase(written.phase)) return;
    const again = decide(
      { ...seen, request: { ...seen.request, status: written }, sinceStatusMs: Number.POSITIVE_INFINITY },
      later(0),
    );
    expect(statusOf(again).filter((next) => !isTerminalPhase(next.phase))).toEqual([]);
  });
});
