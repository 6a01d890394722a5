import { expect, test } from 'vitest';
import { createApply } from '../../../controller/apply.ts';
import { createClient } from '../../../controller/kube/client.ts';
import { isConflict } from '../../../controller/kube/errors.ts';
import { silentLog } from '../../../controller/log.ts';
import { createMemory } from '../../../controller/memory.ts';
import { workflowName } from '../../../controller/names.ts';
import { systemTime } from '../../../controller/time.ts';
import { requestView } from '../../../controller/views/request-view.ts';
import { backupRequest, environmentObject, namespace, put } from '../../fakes/kube/fixtures.ts';
import { conditionIn, ended, setStage, startController, until, workflowsOf } from './harness.ts';

/** Writes that must not go through, or not twice. */

test('a status decided upon an old version of a request does not replace its end', async () => {
  await using stage = await setStage();
  const { objects, kube } = stage;
  const stale = requestView('BackupRequest')(put(objects, backupRequest()));
  objects.edit('backuprequests', { name: 'nightly', namespace }, (object) => {
    object.status = { phase: 'Succeeded' };
  });
  const apply = createApply({
    api: createClient({
      connection: { server: kube.url, authorize: () => Promise.resolve({}) },
      fieldManager: 'x',
      timeoutMs: 5000,
    }),
    time: systemTime,
    log: silentLog,
    memory: createMemory(systemTime, 0),
    instanceId: undefined,
    learn: { request: () => {}, environment: () => {}, workflow: () => {} },
  });
  const { signal } = new AbortController();
  const write = apply({ is: 'request', view: stale }, [{ do: 'patchStatus', status: { phase: 'Running' } }], signal);
  await expect(write).rejects.toSatisfy(isConflict);
  const finalize = apply({ is: 'request', view: stale }, [{ do: 'ensureFinalizer' }], signal);
  await expect(finalize).rejects.toSatisfy(isConflict);
  expect(objects.get('backuprequests', namespace, 'nightly')).toMatchObject({ status: { phase: 'Succeeded' } });
});

test('a Workflow of the same name that is not ours is left alone, and the request says so', async () => {
  await using stage = await setStage();
  const { objects } = stage;
  put(objects, environmentObject());
  const { metadata } = put(objects, backupRequest());
  objects.create('workflows', namespace, {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Workflow',
    metadata: { ...metadata, name: workflowName(metadata), labels: {} },
    spec: { workflowTemplateRef: { name: 'theirs' } },
  });
  startController(stage);
  const status = await until('the refusal', () => ended(objects, 'backuprequests', 'nightly'));
  expect(conditionIn(status, 'Accepted')).toMatchObject({ status: 'False', reason: 'InputInvalid' });
  expect(status.message).toContain('belongs to something else');
  expect(workflowsOf(objects)).toHaveLength(0);
  expect(workflowsOf(objects, 'theirs')).toHaveLength(1);
});
