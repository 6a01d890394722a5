import { expect, test } from 'vitest';
import { decideEnvironment } from '../../../controller/decide-environment.ts';
import { backupId, environment, kindsOf, now, pick, state } from './samples.ts';

const seen = (parts: object = {}) => ({ ...state(environment(), false), newest: undefined, synced: true, ...parts });

test('a valid environment gets its ConfigMap, and is ready', () => {
  const actions = decideEnvironment(seen(), now);
  expect(kindsOf(actions)).toEqual(['applyConfigMap', 'emitEvent', 'patchEnvironmentStatus', 'requeueAfter']);
  expect(pick(actions, 'patchEnvironmentStatus')?.status).toMatchObject({
    ready: 'True',
    service: 'server',
    observedGeneration: 1,
  });
});

test('nothing is written twice', () => {
  const status = pick(decideEnvironment(seen(), now), 'patchEnvironmentStatus')?.status ?? {};
  const again = seen({ ...state(environment({}, { status })) });
  expect(kindsOf(decideEnvironment(again, new Date(0)))).toEqual(['requeueAfter']);
});

test.each([
  ['a wrong field', { storage: { url: 's3://backups', bogus: 1 } }, 'EnvironmentInvalid', 'spec.storage'],
  [
    'a file location',
    { objectStores: [{ name: 'documents', url: 'file:///srv/documents' }] },
    'FileLocationOnCluster',
    'spec.objectStores[0].url',
  ],
])('%s: not ready, the ConfigMap stays as it was', (_name, spec, reason, place) => {
  const actions = decideEnvironment(
    seen({ view: environment(spec, { status: { service: 'server', ready: 'True' } }) }),
    now,
  );
  expect(kindsOf(actions)).toEqual(['emitEvent', 'patchEnvironmentStatus', 'requeueAfter']);
  const [ready] = pick(actions, 'patchEnvironmentStatus')?.status.conditions ?? [];
  expect(ready).toMatchObject({ type: 'Ready', status: 'False', reason });
  expect(ready?.message).toContain(place);
  expect(ready?.message).toContain('last good version');
});

test('the newest good backup is shown, and an older one does not replace it', () => {
  const status = pick(
    decideEnvironment(seen({ newest: { backupId, verified: 'full' } }), now),
    'patchEnvironmentStatus',
  )?.status;
  expect(status).toMatchObject({ lastBackupId: backupId, lastBackupTime: '2026-03-01T10:00:02Z', verified: 'full' });
  const older = seen({
    ...state(environment({}, { status: { ...status } })),
    newest: { backupId: 'shop-prd-backup-20250101-000000', verified: 'none' },
  });
  expect(kindsOf(decideEnvironment(older, now))).toEqual(['requeueAfter']);
});

test('a newer backup does not inherit the verification of an older one', () => {
  const before = { lastBackupId: 'shop-prd-backup-20250101-000000', verified: 'full' };
  const actions = decideEnvironment(
    seen({ view: environment({}, { status: before }), newest: { backupId, verified: undefined } }),
    now,
  );
  expect(pick(actions, 'patchEnvironmentStatus')?.status.verified).toBe('unknown');
});

test('nothing happens to an environment that is being deleted, or before everything is known', () => {
  expect(decideEnvironment(seen({ synced: false }), now)).toEqual([]);
  expect(
    decideEnvironment(
      seen({ view: environment({}, { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }) }),
      now,
    ),
  ).toEqual([]);
});
