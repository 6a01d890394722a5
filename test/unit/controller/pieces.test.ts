import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { workflowBody } from '../../../controller/bodies.ts';
import { parseConfig } from '../../../controller/config.ts';
import { errorOfResponse, errorOfStatus } from '../../../controller/kube/errors.ts';
import { createMemory } from '../../../controller/memory.ts';
import { labelValue, verifyWorkflowName, workflowName } from '../../../controller/names.ts';
import { humanBytes } from '../../../core/human-bytes.ts';
import { readMessage } from '../../../controller/views/failure.ts';
import { workflowView } from '../../../controller/views/workflow-view.ts';
import { createVirtualTime } from '../../fakes/kube/virtual-time.ts';
import { environment, request, workflow } from './samples.ts';

const objectName = fc.stringMatching(/^[a-z0-9]([-a-z0-9.]{0,250}[a-z0-9])?$/);

test('names of Workflows are DNS labels, whatever the request is called', () => {
  fc.assert(
    fc.property(objectName, fc.uuid(), (name, uid) => {
      for (const made of [workflowName({ name, uid }), verifyWorkflowName({ name, uid })]) {
        expect(made).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
        expect(made.endsWith(uid.slice(0, 8))).toBe(true);
      }
      expect(labelValue(name).length).toBeLessThanOrEqual(63);
      expect(labelValue(name)).toMatch(/^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/);
    }),
  );
});

describe('config', () => {
  test('defaults', () => {
    expect(parseConfig({ HOME: '/root' })).toEqual({ namespaces: [], port: 8080, logLevel: 'info', workers: 4 });
  });
  test('all of it', () => {
    const env = {
      LC2_CONTROLLER_NAMESPACES: 'a, b,a',
      LC2_CONTROLLER_PORT: '0',
      LC2_CONTROLLER_LOG_LEVEL: 'debug',
      LC2_CONTROLLER_INSTANCE_ID: 'x',
    };
    expect(parseConfig(env)).toEqual({
      namespaces: ['a', 'b'],
      port: 0,
      logLevel: 'debug',
      instanceId: 'x',
      workers: 4,
    });
  });
  test.each([
    { LC2_CONTROLLER_TYPO: '1' },
    { LC2_CONTROLLER_PORT: 'x' },
    { LC2_CONTROLLER_NAMESPACES: 'A_B' },
    { LC2_CONTROLLER_LOG_LEVEL: '' },
  ])('%j is refused', (env) => {
    expect(() => parseConfig(env)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
  });
});

test.each([
  ['main: Error (exit code 75): STORE_FAILED: slow down; see it', 'STORE_FAILED', 'slow down; see it'],
  ['Error (exit code 1): BUG: TypeError: x', 'BUG', 'TypeError: x'],
  ['main: Error (exit code 70): DUMP_FAILED: line one\nline two', 'DUMP_FAILED', 'line one line two'],
  ['CANCELLED: stop', 'CANCELLED', 'stop'],
  ['Error (exit code 1)', 'STEP_FAILED', 'Error (exit code 1)'],
  ['', 'STEP_FAILED', 'it failed without a message'],
  [
    'ImagePullBackOff: no such image',
    'STEP_FAILED',
    'its image could not be pulled; check image and registry [ImagePullBackOff: no such image]',
  ],
])('node message %j', (raw, code, message) => {
  expect(readMessage(raw)).toMatchObject({ code, message });
});

const said = (code: string): string => `main: Error (exit code 75): ${code}: x`;

test('of several attempts the last that spoke decides; a step that was retried to success is no failure', () => {
  const failed = workflow({
    phase: 'Failed',
    nodes: [
      { step: 'transfer', phase: 'Failed', message: said('STORE_FAILED') },
      { step: 'transfer', phase: 'Succeeded' },
      { step: 'dump', phase: 'Failed', message: said('DATABASE_BUSY') },
      { step: 'dump', phase: 'Error', message: 'pod deleted' },
      { step: 'clean-up', phase: 'Failed', message: said('STORE_DENIED') },
    ],
  });
  expect(failed.failure).toMatchObject({ step: 'dump', code: 'DATABASE_BUSY', stated: false });
});

test.each([
  [409, { reason: 'AlreadyExists' }, 'alreadyExists'],
  [409, { reason: 'Conflict' }, 'conflict'],
  [410, {}, 'gone'],
  [403, { message: 'admission webhook "x" denied the request: no' }, 'invalid'],
  [403, { message: 'forbidden: exceeded quota' }, 'forbidden'],
  [429, {}, 'throttled'],
  [504, {}, 'unavailable'],
])('HTTP %i %j is %s', (code, body, failure) => {
  expect(errorOfResponse(code, JSON.stringify(body)).failure).toBe(failure);
  expect(errorOfResponse(code, '<html>').message).toBe(`the API server answered ${code}`);
});

test('an ERROR event says its code itself', () => {
  expect(errorOfStatus({ code: 410, reason: 'Expired', message: 'too old' }).failure).toBe('gone');
});

test('the body of a Workflow holds what Argo allows in its strict mode, and no owner', () => {
  const view = environment({
    scheduling: { nodeSelector: { disk: 'fast' }, tolerations: [{ key: 'backup', operator: 'Exists' }] },
  });
  const scheduling = view.verdict.ok ? view.verdict.environment.spec.scheduling : { nodeSelector: {}, tolerations: [] };
  const plan = {
    name: 'w',
    flow: 'lc2-backup',
    environment: 'prd',
    projectId: 'shop',
    parameters: { environment: 'prd' },
    scheduling,
  } as const;
  expect(workflowBody(plan, request('BackupRequest'), { instanceId: 'one' })).toMatchObject({
    metadata: {
      labels: { 'workflows.argoproj.io/controller-instanceid': 'one', 'backup.lc2.dev/request-kind': 'BackupRequest' },
    },
    spec: {
      workflowTemplateRef: { name: 'lc2-backup', clusterScope: true },
      arguments: { parameters: [{ name: 'environment', value: 'prd' }] },
      nodeSelector: { disk: 'fast' },
      tolerations: [{ key: 'backup', operator: 'Exists' }],
    },
  });
  expect(JSON.stringify(workflowBody(plan, request('BackupRequest'), { instanceId: undefined }))).not.toContain(
    'ownerReferences',
  );
});

test('turns: from the start, between creations, and while one is in flight', async () => {
  const time = createVirtualTime();
  const memory = createMemory(time, 2000);
  expect(memory.takeTurn('n/prd')).toBe(2000);
  await time.advance(2000);
  expect(memory.takeTurn('n/prd')).toBe(0);
  await time.advance(9000);
  expect(memory.takeTurn('n/prd')).toBe(2000);
  memory.created('n/prd');
  expect(memory.takeTurn('n/prd')).toBe(2000);
  expect(memory.takeTurn('n/uat')).toBe(0);
});

test('a Workflow with nothing in it can be read', () => {
  const metadata = {
    name: 'w',
    namespace: 'n',
    uid: 'u',
    resourceVersion: '1',
    creationTimestamp: '2026-01-01T00:00:00Z',
  };
  expect(workflowView({ metadata })).toMatchObject({ phase: '', outputs: {}, hidden: false });
});

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [5_000_000, '4.8 MiB'],
  [2 ** 60, '1024.0 PiB'],
])('%i bytes are %s', (bytes, text) => {
  expect(humanBytes(bytes)).toBe(text);
});
