import { expect, test } from 'vitest';
import type { Log, LogFields } from '../../../controller/log.ts';
import { nodesOf, setStatus, startFakeArgo } from '../../fakes/kube/argo.ts';
import { backupRequest, environmentObject, namespace, put, restoreRequest } from '../../fakes/kube/fixtures.ts';
import { ended, setStage, type Stage, startController, statusOf, until } from './harness.ts';

/** The Secrets of an environment lie beside it, with a word in every key: the controller never asks for them nor shows them. */

const word = 'canary-4711';
const keys = ['username', 'password', 'ca.crt', 'accessKeyId', 'secretAccessKey', 'sessionToken'];

const putSecrets = ({ objects }: Stage): void => {
  for (const name of ['db', 'documents', 'backups'])
    objects.create('secrets', namespace, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { ...environmentObject().metadata, name },
      spec: Object.fromEntries(keys.map((key) => [key, Buffer.from(`${word}-${key}`).toString('base64')])),
    });
};

const shown = ({ objects }: Stage): string =>
  JSON.stringify(
    ['backupenvironments', 'backuprequests', 'restorerequests', 'workflows', 'configmaps', 'events'].map((plural) =>
      objects.list(plural),
    ),
  );

test('no Secret is read, and none of its words is in a status, an event, a ConfigMap, a Workflow or the log', async () => {
  await using stage = await setStage();
  const { objects, kube } = stage;
  const lines: string[] = [];
  const add = (message: string, fields?: LogFields): void => void lines.push(message + JSON.stringify(fields ?? {}));
  const log: Log = { debug: add, info: add, warn: add, error: add };
  putSecrets(stage);
  put(objects, environmentObject());
  startController(stage, { log });
  await until('the environment', () => statusOf(objects, 'backupenvironments', 'prd').ready === 'True');
  const argo = startFakeArgo({ objects });
  put(objects, backupRequest());
  await until('the backup', () => ended(objects, 'backuprequests', 'nightly'));
  put(objects, restoreRequest('back', { backup: { latest: true }, into: 'prd', confirm: 'prd' }));
  await until('the restore', () => ended(objects, 'restorerequests', 'back'));
  argo();
  put(objects, backupRequest('broken'));
  const workflow = await until('a Workflow', () => statusOf(objects, 'backuprequests', 'broken').workflow);
  setStatus(
    objects,
    { name: workflow, namespace },
    {
      phase: 'Failed',
      message: 'child failed',
      nodes: nodesOf([
        { step: 'dump', phase: 'Failed', message: 'main: Error (exit code 78): DATABASE_LOGIN_FAILED: no' },
      ]),
    },
  );
  expect((await until('the failure', () => ended(objects, 'backuprequests', 'broken'))).phase).toBe('Failed');
  expect(kube.calls.length).toBeGreaterThan(10);
  expect(kube.calls.filter((call) => JSON.stringify(call).includes('secrets'))).toEqual([]);
  const all = shown(stage) + lines.join('');
  expect(all).toContain('DATABASE_LOGIN_FAILED');
  expect(lines.length).toBeGreaterThan(5);
  for (const key of keys) {
    expect(all).not.toContain(word);
    expect(all).not.toContain(Buffer.from(`${word}-${key}`).toString('base64'));
  }
});
