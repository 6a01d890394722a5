import { expect, test } from 'vitest';
import { startFakeArgo } from '../../fakes/kube/argo.ts';
import { backupRequest, environmentObject, namespace, put } from '../../fakes/kube/fixtures.ts';
import { conditionIn, ended, pause, setStage, startController, statusOf, until, workflowsOf } from './harness.ts';

test('a backup request becomes one Workflow and ends as Succeeded with its manifest', async () => {
  await using stage = await setStage();
  const { objects, kube } = stage;
  stage.later(startFakeArgo({ objects }));
  put(objects, environmentObject());
  startController(stage);
  await until('the environment to be ready', () => statusOf(objects, 'backupenvironments', 'prd').ready === 'True');
  const before = kube.calls.length;
  put(objects, backupRequest());
  const status = await until('the end', () => ended(objects, 'backuprequests', 'nightly'));
  await until(
    'the finalizer to go',
    () => objects.get('backuprequests', namespace, 'nightly').metadata.finalizers === undefined,
  );
  const [workflow, ...others] = workflowsOf(objects);
  expect(others).toEqual([]);
  expect(workflow?.metadata).not.toHaveProperty('ownerReferences');
  expect(status).toMatchObject({
    phase: 'Succeeded',
    progress: '100%',
    workflow: workflow?.metadata.name,
    size: '4.8 MiB',
    objects: 12,
  });
  expect(status.components).toEqual([
    { name: 'database', state: 'Done' },
    { name: 'documents', state: 'Done' },
  ]);
  expect(conditionIn(status, 'Succeeded')).toMatchObject({ status: 'True', reason: 'Sealed' });
  const environment = await until('the environment to know', () => {
    const seen = statusOf(objects, 'backupenvironments', 'prd');
    return seen.lastBackupId === undefined ? undefined : seen;
  });
  expect(environment).toMatchObject({ lastBackupId: status.backupId, verified: 'listed', ready: 'True' });
  await pause(200);
  const calls = kube.calls.slice(before);
  expect(calls.filter((call) => call.method === 'GET' && call.name !== undefined)).toEqual([]);
  const writes = calls.filter((call) => call.method !== 'GET' && call.plural !== 'backupenvironments');
  expect(writes.map((call) => `${call.method} ${call.plural} ${call.subresource ?? ''}`.trim())).toEqual([
    'PATCH backuprequests',
    'POST workflows',
    'PATCH backuprequests status',
    'PATCH workflows',
    'POST events',
    'PATCH backuprequests status',
    'PATCH backuprequests',
  ]);
});
