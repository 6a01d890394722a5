import { expect } from 'vitest';
import { lockTable } from '../../support/lock-table.ts';
import {
  compare,
  createFixture,
  damage,
  dumpWaits,
  manifestsIn,
  openUploads,
  storedObjects,
} from '../support/fixture.ts';
import { until } from '../support/kube.ts';
import { say } from '../support/log.ts';
import {
  attempts,
  endsAs,
  path,
  type Request,
  requestBackup,
  requestRestore,
  requireWorkflow,
  workflowOf,
} from '../support/objects.ts';
import type { World } from '../support/world.ts';

const cancel = ({ kube }: World, namespace: string, name: string): Promise<void> =>
  kube.patch(`${path.backups(namespace)}/${name}`, { spec: { cancel: true } });

/** Cancelled in the middle of a dump, and while it waits for another run of the same environment. */
export const cancelled = async (world: World): Promise<void> => {
  const { kube } = world;
  const fixture = await createFixture(world, 'cancelled');
  const { namespace, name: environment } = fixture;
  const collection = path.backups(namespace);
  const lock = await lockTable(fixture.database, 'public.slow');
  try {
    const running = await requestBackup(kube, namespace, { name: 'cancel-running', spec: { environment } });
    const first = await workflowOf(kube, namespace, running.metadata.uid);
    await dumpWaits(world, fixture);
    const waiting = await requestBackup(kube, namespace, { name: 'cancel-waiting', spec: { environment } });
    const second = await workflowOf(kube, namespace, waiting.metadata.uid);
    await until('the second run waits for the mutex', async () =>
      (await requireWorkflow(kube, namespace, second.metadata.name)).status?.message?.includes('Waiting') === true
        ? true
        : undefined,
    );
    const seen = await kube.get<Request>(`${collection}/cancel-waiting`);
    expect(['Pending', 'Running']).toContain(seen?.status?.phase ?? 'Pending');
    await cancel(world, namespace, 'cancel-waiting');
    const status = await endsAs(kube, { collection, name: 'cancel-waiting' }, 'Cancelled');
    const ended = await requireWorkflow(kube, namespace, second.metadata.name);
    say(
      'h',
      `cancelled while it waited for the mutex: ${status.message} (Argo calls the Workflow ${ended.status?.phase})`,
    );
    await cancel(world, namespace, 'cancel-running');
    const stopped = await endsAs(kube, { collection, name: 'cancel-running' }, 'Cancelled');
    say(
      'h',
      `cancelled while pg_dump ran: ${stopped.message}; ${attempts(await requireWorkflow(kube, namespace, first.metadata.name))}`,
    );
  } finally {
    await lock.release();
  }
  expect(await manifestsIn(fixture)).toEqual([]);
  expect(await openUploads(world, fixture)).toEqual([]);
  const left = (await storedObjects(fixture)).map(({ key }) => key.slice(fixture.storage.prefix?.length));
  expect(left.filter((key) => key !== 'owner.json')).toEqual([]);
  say('h', `no manifest, no upload left open, nothing in storage but ${left.join(', ')}`);
};

/** Failed with the code of the catalogue, nothing written. */
export const wrongPassword = async (world: World): Promise<void> => {
  const { kube } = world;
  const fixture = await createFixture(world, 'wrong-password', { secret: 'wrong' });
  await requestBackup(kube, fixture.namespace, {
    name: fixture.name,
    spec: { environment: fixture.name, components: ['database'] },
  });
  const status = await endsAs(kube, { collection: path.backups(fixture.namespace), name: fixture.name }, 'Failed');
  const condition = status.conditions?.find(({ type }) => type === 'Succeeded');
  expect(condition).toMatchObject({ status: 'False', reason: 'DatabaseLoginFailed' });
  expect(condition?.message).not.toContain('not the password');
  expect(await storedObjects(fixture)).toEqual([]);
  const workflow = await requireWorkflow(kube, fixture.namespace, status.workflow ?? '');
  say('i', `Failed: ${condition?.reason}: ${condition?.message}; ${attempts(workflow)}; nothing in storage`);
};

/** Two requests for one environment in the same moment. */
export const twoAtOnce = async (world: World): Promise<void> => {
  const { kube } = world;
  const fixture = await createFixture(world, 'two-at-once');
  const { namespace, name: environment } = fixture;
  const names = ['two-one', 'two-other'];
  await Promise.all(names.map((name) => requestBackup(kube, namespace, { name, spec: { environment } })));
  const both = await Promise.all(
    names.map((name) => endsAs(kube, { collection: path.backups(namespace), name }, 'Succeeded')),
  );
  const ids = both.map(({ backupId }) => backupId ?? '');
  expect(new Set(ids).size).toBe(2);
  expect(await manifestsIn(fixture)).toHaveLength(2);
  say('j', `both Succeeded, with two ids: ${ids.join(', ')}`);
};

/** As GitOps does it: deleted and applied again. What was restored is not restored over newer data. */
export const appliedTwice = async (world: World): Promise<void> => {
  const { kube } = world;
  const fixture = await createFixture(world, 'applied-twice');
  const { namespace, name } = fixture;
  await requestBackup(kube, namespace, { name, spec: { environment: name } });
  const { backupId = '' } = await endsAs(kube, { collection: path.backups(namespace), name }, 'Succeeded');
  const before = await fixture.capture();
  await damage(world, fixture);
  const wish = { name, spec: { backup: { id: backupId }, into: name, confirm: name } };
  const where = { collection: path.restores(namespace), name };
  await requestRestore(kube, namespace, wish);
  const first = await endsAs(kube, where, 'Succeeded');
  expect(compare(before, await fixture.capture())).toEqual([]);
  await damage(world, fixture);
  const newer = await fixture.capture();
  await kube.remove(`${where.collection}/${name}`);
  await until(
    'the request is gone',
    async () => ((await kube.get(`${where.collection}/${name}`)) === undefined ? true : undefined),
    60,
  );
  await requestRestore(kube, namespace, wish);
  const second = await endsAs(kube, where, 'Succeeded');
  expect(second.workflow).not.toBe(first.workflow);
  expect(second.restoreId).toBe(first.restoreId);
  expect(compare(newer, await fixture.capture())).toEqual([]);
  const records = (await storedObjects(fixture))
    .map(({ key }) => key)
    .filter((key) => /\/restores\/[^/]+\.json$/.test(key));
  expect(records).toHaveLength(1);
  say('k', `applied again, ${second.restoreId} was found done (${records.join()}): what changed since is as it was`);
};
