import { expect, test } from 'vitest';
import { nodesOf, outputsOf, sealedOutput, setStatus, startFakeArgo } from '../../fakes/kube/argo.ts';
import { backupRequest, environmentObject, namespace, put, restoreRequest } from '../../fakes/kube/fixtures.ts';
import {
  conditionIn,
  ended,
  pause,
  setStage,
  type Stage,
  startController,
  statusOf,
  until,
  workflowsOf,
} from './harness.ts';

/** How a life can end otherwise. */

const prepare = async (): Promise<Stage> => {
  const stage = await setStage();
  put(stage.objects, environmentObject());
  startController(stage);
  await until('the environment', () => statusOf(stage.objects, 'backupenvironments', 'prd').ready === 'True');
  return stage;
};

const submitted = (stage: Stage, name = 'nightly') =>
  until('the Workflow', () => {
    const { workflow } = statusOf(stage.objects, 'backuprequests', name);
    return workflow === undefined ? undefined : { name: workflow, namespace };
  });

test.each([
  [true, 'Succeeded', 'Sealed'],
  [false, 'Failed', 'ResultLost'],
])('a Workflow that vanished: storage is asked (sealed: %s), and the request is %s', async (sealed, phase, reason) => {
  await using stage = await prepare();
  const { objects } = stage;
  put(objects, backupRequest());
  const run = await submitted(stage);
  stage.later(startFakeArgo({ objects, sealed: () => sealed }));
  objects.remove('workflows', namespace, run.name);
  const status = await until('the end', () => ended(objects, 'backuprequests', 'nightly'));
  expect(status.phase).toBe(phase);
  expect(conditionIn(status, 'Succeeded')?.reason).toBe(reason);
  expect(workflowsOf(objects, 'lc2-verify')).toHaveLength(1);
  expect(workflowsOf(objects)).toHaveLength(0);
});

test('a Workflow that only lost its labels is not called gone', async () => {
  await using stage = await prepare();
  const { objects } = stage;
  put(objects, backupRequest());
  const run = await submitted(stage);
  objects.edit('workflows', run, (object) => {
    object.metadata.labels = {};
  });
  await pause(400);
  expect(statusOf(objects, 'backuprequests', 'nightly').phase).toBe('Pending');
  expect(workflowsOf(objects, 'lc2-verify')).toHaveLength(0);
});

test('cancel while it runs: stopped, not deleted, and Cancelled', async () => {
  await using stage = await prepare();
  const { objects } = stage;
  stage.later(startFakeArgo({ objects, stepMs: 100 }));
  put(objects, backupRequest());
  await until('running', () => statusOf(objects, 'backuprequests', 'nightly').phase === 'Running');
  objects.edit('backuprequests', { name: 'nightly', namespace }, (object) => {
    object.spec = { ...object.spec, cancel: true };
  });
  const status = await until('the end', () => ended(objects, 'backuprequests', 'nightly'));
  expect(status.phase).toBe('Cancelled');
  expect(workflowsOf(objects)[0]?.spec?.['shutdown']).toBe('Stop');
});

test('a deleted request stops its run, and goes when the run has ended', async () => {
  await using stage = await prepare();
  const { objects } = stage;
  put(objects, backupRequest());
  const run = await submitted(stage);
  objects.remove('backuprequests', namespace, 'nightly');
  await until('the stop', () => workflowsOf(objects)[0]?.spec?.['shutdown'] === 'Stop');
  expect(objects.tryGet('backuprequests', namespace, 'nightly')).toBeDefined();
  setStatus(objects, run, { phase: 'Failed', message: "Stopped with strategy 'Stop'" });
  await until('the request to go', () => objects.tryGet('backuprequests', namespace, 'nightly') === undefined);
  expect(workflowsOf(objects)).toHaveLength(1);
  put(objects, backupRequest());
  await until('a run of its own for the next of that name', () => workflowsOf(objects).length === 2);
});

test('an argo retry after the end is not followed; before the end it is', async () => {
  await using stage = await prepare();
  const { objects } = stage;
  put(objects, backupRequest());
  const run = await submitted(stage);
  setStatus(objects, run, {
    phase: 'Failed',
    nodes: nodesOf([{ step: 'dump', phase: 'Failed', message: 'main: Error (exit code 70): DUMP_FAILED: no' }]),
  });
  const status = await until('the end', () => ended(objects, 'backuprequests', 'nightly'));
  expect(conditionIn(status, 'Succeeded')?.reason).toBe('DumpFailed');
  setStatus(objects, run, {
    phase: 'Succeeded',
    outputs: outputsOf({ manifest: sealedOutput('shop-prd-backup-20990101-000000') }),
  });
  await until(
    'the environment to know the backup',
    () => statusOf(objects, 'backupenvironments', 'prd').lastBackupId !== undefined,
  );
  expect(statusOf(objects, 'backuprequests', 'nightly').phase).toBe('Failed');
});

test('a request that comes before its environment waits for it', async () => {
  await using stage = await setStage();
  const { objects } = stage;
  stage.later(startFakeArgo({ objects }));
  startController(stage);
  put(objects, backupRequest());
  await until(
    'waiting',
    () => conditionIn(statusOf(objects, 'backuprequests', 'nightly'), 'Accepted')?.reason === 'EnvironmentNotFound',
  );
  expect(statusOf(objects, 'backuprequests', 'nightly').phase).toBe('Pending');
  put(objects, environmentObject());
  const status = await until('the end', () => ended(objects, 'backuprequests', 'nightly'));
  expect(status.phase).toBe('Succeeded');
});

test('an invalid edit keeps the ConfigMap, says so, and requests are refused until it is mended', async () => {
  await using stage = await prepare();
  const { objects } = stage;
  const good = objects.get('configmaps', namespace, 'backup-environment-prd').data;
  objects.edit('backupenvironments', { name: 'prd', namespace }, (object) => {
    object.spec = { ...object.spec, storage: { url: 'file:///backups' } };
  });
  const status = await until('not ready', () => {
    const seen = statusOf(objects, 'backupenvironments', 'prd');
    return seen.ready === 'False' ? seen : undefined;
  });
  expect(conditionIn(status, 'Ready')).toMatchObject({ reason: 'FileLocationOnCluster' });
  expect(objects.get('configmaps', namespace, 'backup-environment-prd').data).toEqual(good);
  put(objects, backupRequest());
  const refused = await until('the end', () => ended(objects, 'backuprequests', 'nightly'));
  expect(conditionIn(refused, 'Accepted')?.reason).toBe('FileLocationOnCluster');
  expect(workflowsOf(objects)).toHaveLength(0);
});

test('two requests at once get Workflows of different seconds', async () => {
  await using stage = await setStage();
  const { objects } = stage;
  put(objects, environmentObject());
  startController(stage, { creationGapMs: 2000 });
  put(objects, backupRequest('one'));
  put(objects, backupRequest('two'));
  await until('both', () => workflowsOf(objects).length === 2);
  const [a, b] = workflowsOf(objects).map(({ metadata }) => Date.parse(metadata.creationTimestamp));
  expect(Math.abs((a ?? 0) - (b ?? 0))).toBeGreaterThanOrEqual(1000);
});

test('a run that nobody requested shows in the status of its environment', async () => {
  await using stage = await prepare();
  const { objects } = stage;
  objects.create('workflows', namespace, {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Workflow',
    metadata: { name: 'cron-1', namespace, labels: { 'backup.lc2.dev/environment': 'prd' } } as never,
    spec: { workflowTemplateRef: { name: 'lc2-backup', clusterScope: true } },
  });
  setStatus(
    objects,
    { name: 'cron-1', namespace },
    { phase: 'Succeeded', outputs: outputsOf({ manifest: sealedOutput('shop-prd-backup-20260101-010000') }) },
  );
  const status = await until('the backup', () => {
    const seen = statusOf(objects, 'backupenvironments', 'prd');
    return seen.lastBackupId === undefined ? undefined : seen;
  });
  expect(status).toMatchObject({ lastBackupId: 'shop-prd-backup-20260101-010000', verified: 'listed' });
});

test('a restore into an environment that forbids it is refused, and one that is allowed runs', async () => {
  await using stage = await prepare();
  const { objects } = stage;
  put(objects, environmentObject('locked', { restore: { allowed: false } }));
  put(objects, restoreRequest('no', { into: 'locked', confirm: 'locked', source: 'prd' }));
  const refused = await until('the refusal', () => ended(objects, 'restorerequests', 'no'));
  expect(conditionIn(refused, 'Accepted')?.reason).toBe('RestoreNotAllowed');
  put(objects, restoreRequest('yes'));
  const run = await until('the Workflow', () => workflowsOf(objects, 'lc2-restore')[0]);
  const restore = {
    restoreId: 'r1',
    backupId: 'b',
    databases: 1,
    tables: 1,
    rows: 1,
    objects: 1,
    bytes: 1,
    previous: ['lportal_before_r1'],
  };
  setStatus(objects, run.metadata, { phase: 'Succeeded', outputs: outputsOf({ restore }) });
  const status = await until('the end', () => ended(objects, 'restorerequests', 'yes'));
  expect(status).toMatchObject({ phase: 'Succeeded', restoreId: 'r1', previous: ['lportal_before_r1'] });
});
