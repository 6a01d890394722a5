import { expect, test } from 'vitest';
import { workflowBody } from '../../../controller/bodies.ts';
import { labels, labelValue, verifyWorkflowName, workflowName } from '../../../controller/names.ts';
import { restoreRequestSpec } from '../../../core/api/restore-request.ts';
import { restoreRecordName } from '../../../core/plan/requests.ts';
import { sha256 } from '../../../steps/runtime/bytes.ts';
import { request } from './samples.ts';

/** Kubernetes allows a request 253 characters; a Workflow and a label have 63. */

const uid = '0a1b2c3d-0000-4000-8000-000000000000';
const other = '9f8e7d6c-0000-4000-8000-000000000000';
const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const long = (end: string): string => `${'n'.repeat(200)}-${end}`;
const metadataOf = (name: string): Readonly<Record<'labels' | 'annotations', Readonly<Record<string, string>>>> => {
  const made = workflowBody(
    {
      name: workflowName({ name, uid }),
      flow: 'lc2-backup',
      environment: 'prd',
      projectId: 'shop',
      parameters: {},
      scheduling: { nodeSelector: {}, tolerations: [] },
    },
    request('BackupRequest', { metadata: { name } }),
    { instanceId: undefined },
  );
  return (made as { metadata: Readonly<Record<'labels' | 'annotations', Readonly<Record<string, string>>>> }).metadata;
};

test('names of 63, 64 and 253 characters give Workflows names that fit and stay', () => {
  for (const length of [1, 62, 63, 64, 252, 253]) {
    const name = 'n'.repeat(length);
    for (const make of [workflowName, verifyWorkflowName]) {
      expect(make({ name, uid })).toMatch(label);
      expect(make({ name, uid })).toBe(make({ name, uid }));
    }
    expect(workflowName({ name, uid })).not.toBe(verifyWorkflowName({ name, uid }));
  }
});

test('names that share their first 200 characters stay apart', () => {
  const [one, two] = [long('one'), long('two')];
  expect(workflowName({ name: one, uid })).not.toBe(workflowName({ name: two, uid: other }));
  expect(labelValue(one)).not.toBe(labelValue(two));
  const spec = restoreRequestSpec.parse({ backup: { latest: true }, into: 'uat', confirm: 'uat' });
  const record = (name: string): string => restoreRecordName({ name, namespace: 'n' }, spec, sha256);
  expect(record(one)).not.toBe(record(two));
  expect(record(one)).toBe(record(one));
});

test('names with dots or a digit first become DNS labels', () => {
  for (const name of ['0', '0.1.2', '1a.b-c.d', 'a.x-b', `${'a.'.repeat(60)}z`])
    expect(workflowName({ name, uid })).toMatch(label);
});

test('labels fit, and the annotation has the whole name', () => {
  for (const name of ['short', 'n'.repeat(63), `${'n'.repeat(45)}-${'m'.repeat(30)}`, long('end')]) {
    const { labels: made, annotations } = metadataOf(name);
    for (const value of Object.values(made)) expect(value).toMatch(/^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/);
    expect(annotations[labels.request]).toMatch(new RegExp(`/${name}$`));
  }
});

test('a request made again under its name gets another Workflow', () => {
  expect(workflowName({ name: 'mine', uid })).not.toBe(workflowName({ name: 'mine', uid: other }));
  expect(workflowName({ name: long('one'), uid })).not.toBe(workflowName({ name: long('one'), uid: other }));
});
