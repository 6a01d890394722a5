import { describe, expect, test } from 'vitest';
import { decide } from '../../../controller/decide.ts';
import type { Observed } from '../../../controller/observed.ts';
import {
  backupId,
  kindsOf,
  now,
  observed,
  pick,
  previewed,
  reasonIn,
  request,
  restored,
  restoredBeside,
  running,
  sealed,
  statusIn,
  verify,
  workflow,
} from './samples.ts';

const finalizers = ['backup.lc2.dev/run'];
const started = request('BackupRequest', { status: running, metadata: { finalizers } });
const restoring = request('RestoreRequest', { status: running, metadata: { finalizers } });
const exit = (step: string, message: string) => [{ step, phase: 'Failed', message }];

const oom = 'OOMKilled (exit code 137)';
interface Ending {
  readonly name: string;
  readonly parts: Partial<Observed>;
  readonly phase: string;
  readonly reason: string;
  readonly message: string;
}

const wanting = { manifest: { ...sealed.manifest, copies: ['far', 'near'] } };
const near = {
  version: '1',
  name: 'near',
  url: 's3://near',
  manifest: 'x',
  objects: 1,
  bytes: 1,
  at: '2026-03-01T10:00:00Z',
};
const copiedNear = { copies: { backupId, copies: [near] } };
const denied = 'main: Error (exit code 78): STORE_DENIED: copy far: no';

const rows: [string, Partial<Observed>, string, string, string][] = [
  ['sealed', { workflow: workflow({ phase: 'Succeeded', outputs: sealed }) }, 'Succeeded', 'Sealed', backupId],
  [
    'sealed, but its clean-up failed',
    { workflow: workflow({ phase: 'Failed', outputs: sealed }) },
    'Succeeded',
    'Sealed',
    backupId,
  ],
  [
    'sealed, but not copied everywhere',
    { workflow: workflow({ phase: 'Failed', outputs: { ...wanting, ...copiedNear }, nodes: exit('copy', denied) }) },
    'Failed',
    'StoreDenied',
    `backup ${backupId} is sealed, but not copied to far: `,
  ],
  [
    'sealed, and ended before it was copied',
    { workflow: workflow({ phase: 'Failed', outputs: wanting }) },
    'Failed',
    'CopyIncomplete',
    'not copied to far, near: its run ended before',
  ],
  [
    'sealed and copied',
    {
      workflow: workflow({
        phase: 'Succeeded',
        outputs: {
          manifest: wanting.manifest,
          copies: { backupId, copies: [near, { ...near, name: 'far', url: 's3://far' }] },
        },
      }),
    },
    'Succeeded',
    'Sealed',
    backupId,
  ],
  [
    'Succeeded without a manifest',
    { workflow: workflow({ phase: 'Succeeded' }) },
    'Failed',
    'ResultLost',
    'without a manifest',
  ],
  [
    'an empty manifest',
    { workflow: workflow({ phase: 'Succeeded', outputs: { manifest: {} } }) },
    'Failed',
    'ResultLost',
    'without a manifest',
  ],
  [
    'stopped while waiting, called Succeeded',
    { workflow: workflow({ phase: 'Succeeded', shutdown: 'Stop' }) },
    'Cancelled',
    'Cancelled',
    'stopped',
  ],
  [
    'stopped',
    { workflow: workflow({ phase: 'Failed', shutdown: 'Stop', message: "Stopped with strategy 'Stop'" }) },
    'Cancelled',
    'Cancelled',
    'stopped',
  ],
  [
    'terminated by somebody',
    { workflow: workflow({ phase: 'Failed', shutdown: 'Terminate' }) },
    'Cancelled',
    'Cancelled',
    'stopped',
  ],
  [
    'wrong password',
    {
      workflow: workflow({
        phase: 'Failed',
        nodes: exit('dump', 'main: Error (exit code 78): DATABASE_LOGIN_FAILED: no; check username and password'),
      }),
    },
    'Failed',
    'DatabaseLoginFailed',
    'dump: no; check username',
  ],
  [
    'out of memory',
    { workflow: workflow({ phase: 'Failed', nodes: exit('dump', `main: ${oom}`) }) },
    'Failed',
    'StepFailed',
    'out of memory',
  ],
  [
    'deadline',
    {
      workflow: workflow({
        phase: 'Failed',
        nodes: exit('transfer', 'Pod was active on the node longer than the specified deadline'),
      }),
    },
    'Failed',
    'StepFailed',
    'scheduling.deadline',
  ],
  [
    'evicted',
    { workflow: workflow({ phase: 'Error', nodes: exit('verify', 'The node was low on resource: memory') }) },
    'Failed',
    'StepFailed',
    'evicted',
  ],
  [
    'no node at all',
    { workflow: workflow({ phase: 'Error', message: 'template lc2-backup not found' }) },
    'Failed',
    'StepFailed',
    'template lc2-backup not found',
  ],
  [
    'a code that nobody knows',
    { workflow: workflow({ phase: 'Failed', nodes: exit('dump', 'main: Error (exit code 70): NOSUCH: x') }) },
    'Failed',
    'StepFailed',
    'NOSUCH',
  ],
  [
    'restored',
    { request: restoring, workflow: workflow({ template: 'lc2-restore', phase: 'Succeeded', outputs: restored }) },
    'Succeeded',
    'Restored',
    '3 rows',
  ],
  [
    'restored into a new server',
    {
      request: restoring,
      workflow: workflow({ template: 'lc2-restore', phase: 'Succeeded', outputs: restoredBeside }),
    },
    'Succeeded',
    'Restored',
    'the new server retail-2 is at retail-2.example.com:5432; the live one is as it was',
  ],
  [
    'a preview is no restore',
    { request: restoring, workflow: workflow({ template: 'lc2-restore', phase: 'Succeeded', outputs: previewed }) },
    'Failed',
    'ResultLost',
    'without a result',
  ],
  [
    'previewed',
    {
      request: request('RestoreRequest', { spec: { preview: true }, status: running, metadata: { finalizers } }),
      workflow: workflow({ template: 'lc2-restore', phase: 'Succeeded', outputs: previewed }),
    },
    'Succeeded',
    'Previewed',
    'needs 5 GiB',
  ],
  [
    'a restore stopped after its commit',
    {
      request: restoring,
      workflow: workflow({
        template: 'lc2-restore',
        phase: 'Failed',
        shutdown: 'Stop',
        nodes: [{ step: 'commit', phase: 'Succeeded' }],
      }),
    },
    'Cancelled',
    'Cancelled',
    'already live',
  ],
  ['a restore whose Workflow vanished', { request: restoring }, 'Failed', 'ResultLost', 'not restored twice'],
  [
    'gone, storage says sealed',
    { request: started, verify: verify({ phase: 'Succeeded', found: {} }) },
    'Succeeded',
    'Sealed',
    'storage was asked',
  ],
  [
    'gone, storage says no',
    { request: started, verify: verify({ phase: 'Succeeded', found: { sealed: false, ok: false } }) },
    'Failed',
    'ResultLost',
    'was not sealed',
  ],
  [
    'gone, damaged',
    { request: started, verify: verify({ phase: 'Succeeded', found: { ok: false } }) },
    'Failed',
    'BackupDamaged',
    'not sound',
  ],
  [
    'gone, another backup was looked at',
    { request: started, verify: verify({ phase: 'Succeeded', found: { backupId: 'x' } }) },
    'Failed',
    'ResultLost',
    'looked at x',
  ],
  [
    'gone, storage could not be asked',
    {
      request: started,
      verify: verify({ phase: 'Failed', nodes: exit('verify-backup', 'main: Error (exit code 78): STORE_DENIED: no') }),
    },
    'Failed',
    'ResultLost',
    'STORE_DENIED',
  ],
  ['gone with its environment', { request: started, environment: undefined }, 'Failed', 'ResultLost', 'not usable'],
  [
    'cancelled and gone, storage says no',
    {
      request: request('BackupRequest', { spec: { cancel: true }, status: running, metadata: { finalizers } }),
      verify: verify({ phase: 'Succeeded', found: { sealed: false, ok: false } }),
    },
    'Cancelled',
    'Cancelled',
    'stopped',
  ],
];

const endings = rows.map(([name, parts, phase, reason, message]): Ending => ({ name, parts, phase, reason, message }));

describe('outcome', () => {
  test.each(endings)('$name', ({ parts, phase, reason, message }) => {
    const actions = decide(observed({ request: started, ...parts }), now);
    expect(kindsOf(actions)).toEqual(['emitEvent', 'patchStatus', 'removeFinalizer']);
    expect(statusIn(actions)?.phase).toBe(phase);
    expect(reasonIn(actions, 'Succeeded')).toBe(reason);
    expect(reasonIn(actions, 'Progressing')).toBe('Ended');
    expect(statusIn(actions)?.message).toContain(message);
    expect(statusIn(actions)?.newServer?.host).toBe(/is at ([^:]+):/.exec(message)?.[1]);
    expect(statusIn(actions)?.manifest !== undefined).toBe(reason === 'Sealed' || message.includes('not copied to'));
  });
  test('a Workflow that vanished is looked for in storage', () => {
    const actions = decide(observed({ request: started }), now);
    expect(pick(actions, 'createVerifyWorkflow')?.workflow).toMatchObject({
      name: 'lc2-verify-mine-0a1b2c3d',
      flow: 'lc2-verify',
      parameters: { environment: 'prd', backup: backupId, level: 'seal' },
    });
    expect(statusIn(actions)?.phase).toBe('Running');
    expect(reasonIn(actions, 'Progressing')).toBe('Verifying');
  });
  test.each([
    ['a seal that was killed', workflow({ phase: 'Failed', nodes: exit('manifest', 'main: Error (exit code 137)') })],
    ['a failed run whose nodes are hidden', workflow({ phase: 'Failed', compressed: true })],
  ])('%s is looked for in storage too', (_name, run) => {
    expect(kindsOf(decide(observed({ request: started, workflow: run }), now))).toContain('createVerifyWorkflow');
  });
  test('a running look is waited for', () => {
    const actions = decide(observed({ request: started, verify: verify({ phase: 'Running' }) }), now);
    expect(kindsOf(actions)).toEqual(['patchStatus', 'requeueAfter']);
    expect(statusIn(actions)?.phase).toBe('Running');
  });
});
