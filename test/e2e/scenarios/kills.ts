import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Capture } from '../../oracle/facts.ts';
import { runPsql } from '../../oracle/psql.ts';
import { lockTable } from '../../support/lock-table.ts';
import {
  compare,
  createFixture,
  damage,
  dumpWaits,
  type Fixture,
  manifestsIn,
  openUploads,
} from '../support/fixture.ts';
import { until } from '../support/kube.ts';
import { say } from '../support/log.ts';
import { namespaces } from '../support/manifests.ts';
import {
  attempts,
  attemptsOf,
  endsAs,
  path,
  type Pod,
  requestBackup,
  requestRestore,
  requireWorkflow,
  startedPod,
  workflowOf,
  workflowsOf,
} from '../support/objects.ts';
import { mainProcess } from '../support/processes.ts';
import type { World } from '../support/world.ts';

export const deletePod = ({ kube }: World, pod: Pod): Promise<void> =>
  kube.remove(`${path.pods(pod.metadata.namespace ?? '')}/${pod.metadata.name}`, { graceSeconds: 0 });

/** Sealed, once, with every attempt's pod UID in the log, and nothing half-done left in storage. */
const isGood = async (
  world: World,
  fixture: Fixture,
  request: { readonly name: string; readonly test: string },
): Promise<string> => {
  const { kube } = world;
  const where = { collection: path.backups(fixture.namespace), name: request.name };
  const status = await endsAs(kube, where, 'Succeeded');
  const workflow = await requireWorkflow(kube, fixture.namespace, status.workflow ?? '');
  expect(await manifestsIn(fixture)).toHaveLength(1);
  expect(await openUploads(world, fixture)).toEqual([]);
  say(request.test, `${status.backupId} sealed in the end: ${attempts(workflow)}`);
  return status.backupId ?? '';
};

const restoreAndCompare = async (
  world: World,
  fixture: Fixture,
  request: { readonly backupId: string; readonly test: string },
) => {
  const before = await fixture.capture();
  await damage(world, fixture);
  await requestRestore(world.kube, fixture.namespace, {
    name: `${fixture.name}-undo`,
    spec: { backup: { id: request.backupId }, into: fixture.name, confirm: fixture.name },
  });
  const where = { collection: path.restores(fixture.namespace), name: `${fixture.name}-undo` };
  await endsAs(world.kube, where, 'Succeeded');
  expect(compare(before, await fixture.capture())).toEqual([]);
  say(request.test, 'and it restores: database and objects equal by the oracle');
};

/** `kubectl delete pod --grace-period=0` while pg_dump is in flight. */
export const killedMidDump = async (world: World): Promise<void> => {
  const fixture = await createFixture(world, 'killed-dump');
  const lock = await lockTable(fixture.database, 'public.slow');
  try {
    const { metadata } = await requestBackup(world.kube, fixture.namespace, {
      name: fixture.name,
      spec: { environment: fixture.name },
    });
    const { metadata: run } = await workflowOf(world.kube, fixture.namespace, metadata.uid);
    const pod = await startedPod(world.kube, fixture.namespace, { workflow: run.name, step: 'dump' });
    await dumpWaits(world, fixture);
    await deletePod(world, pod);
    say('f', `pod ${pod.metadata.name} (${pod.metadata.uid}) deleted while pg_dump waited for a lock`);
    const next = await startedPod(world.kube, fixture.namespace, {
      workflow: run.name,
      step: 'dump',
      not: pod.metadata.uid,
    });
    say('f', `another attempt runs: ${next.metadata.name} (${next.metadata.uid})`);
  } finally {
    await lock.release();
  }
  const backupId = await isGood(world, fixture, { name: fixture.name, test: 'f' });
  await restoreAndCompare(world, fixture, { backupId, test: 'f' });
};

/** kill -9 of the step's process while objects are being copied. */
export const killedMidTransfer = async (world: World): Promise<void> => {
  const fixture = await createFixture(world, 'killed-transfer');
  const gate = world.front.hold(
    ({ method, path: key }) => method === 'PUT' && key.includes(`/${fixture.name}/`) && key.endsWith('/13.bin'),
  );
  const { metadata } = await requestBackup(world.kube, fixture.namespace, {
    name: fixture.name,
    spec: { environment: fixture.name },
  });
  const { metadata: run } = await workflowOf(world.kube, fixture.namespace, metadata.uid);
  const held = await gate.reached;
  const pod = await startedPod(world.kube, fixture.namespace, { workflow: run.name, step: 'transfer' });
  process.kill(mainProcess(pod, 'main'), 'SIGKILL');
  say('f', `kill -9 of ${pod.metadata.name} (${pod.metadata.uid}) while it copied ${held.path}`);
  gate.open();
  await isGood(world, fixture, { name: fixture.name, test: 'f' });
  const workflow = await requireWorkflow(world.kube, fixture.namespace, run.name);
  expect(attemptsOf(workflow, 'transfer').map(({ phase }) => phase)).toEqual(['Failed', 'Succeeded']);
  say('f', 'the transfer failed with 137 and was repeated; what was copied before is not copied twice');
};

/** The pod vanishes while pg_restore reads the dump: the live database is as it was, and then it is the restored one. */
export const killedMidLoad = async (world: World): Promise<void> => {
  const fixture = await createFixture(world, 'killed-load');
  await requestBackup(world.kube, fixture.namespace, { name: fixture.name, spec: { environment: fixture.name } });
  const backupId = await isGood(world, fixture, { name: fixture.name, test: 'f' });
  const before = await fixture.capture();
  await damage(world, fixture);
  const damaged = await fixture.capture();
  // The third reading of the dump is the load itself: the digest and the table of contents come first.
  let readings = 0;
  const gate = world.front.hold(({ method, path: key }) => isDump(fixture, method, key) && (readings += 1) === 3, {
    at: 'body',
  });
  try {
    const { metadata } = await requestRestore(world.kube, fixture.namespace, {
      name: fixture.name,
      spec: { backup: { id: backupId }, into: fixture.name, confirm: fixture.name },
    });
    const { metadata: run } = await workflowOf(world.kube, fixture.namespace, metadata.uid);
    const held = await gate.reached;
    const pod = await startedPod(world.kube, fixture.namespace, { workflow: run.name, step: 'load-database' });
    await until(
      'the new database is being loaded',
      async () => ((await databasesOf(world, fixture)).length === 2 ? true : undefined),
      30,
    );
    // The objects are being restored beside it, as they should.
    expect(compare(only(damaged), only(await fixture.capture()))).toEqual([]);
    await deletePod(world, pod);
    say(
      'f',
      `pod ${pod.metadata.name} (${pod.metadata.uid}) deleted while it loaded ${held.path}; the live database is untouched`,
    );
    gate.open();
    const status = await endsAs(
      world.kube,
      { collection: path.restores(fixture.namespace), name: fixture.name },
      'Succeeded',
    );
    expect(compare(before, await fixture.capture())).toEqual([]);
    expect(await databasesOf(world, fixture)).toEqual([fixture.name, ...(status.previous ?? [])].sort());
    say(
      'f',
      `restored in the end: ${attempts(await requireWorkflow(world.kube, fixture.namespace, run.name))}; no half-loaded database is left`,
    );
  } finally {
    gate.open();
  }
};

const only = ({ objects: _objects, ...database }: Capture): Capture => database;

const isDump = ({ name }: Fixture, method: string, key: string): boolean =>
  method === 'GET' && key.includes(`/${name}/`) && key.endsWith('.dump.zst');

/** The live database and what a restore made beside it. */
const databasesOf = async (world: World, { name }: Fixture): Promise<readonly string[]> => {
  const query = `SELECT datname FROM pg_database WHERE starts_with(datname, '${name}')`;
  return (await runPsql(world.database('prd', 'postgres'), query)).trim().split('\n').sort();
};

/** kill -9 and deletions of the controller at random moments of one backup. */
export const controllerKilled = async (world: World): Promise<void> => {
  const { kube } = world;
  const fixture = await createFixture(world, 'controller-killed');
  const { metadata } = await requestBackup(kube, fixture.namespace, {
    name: fixture.name,
    spec: { environment: fixture.name },
  });
  for (let kill = 1; kill <= 5; kill += 1) {
    const pause = randomInt(0, 4000);
    await sleep(pause);
    const pod = await controllerPod(world);
    if (kill === 1) process.kill(mainProcess(pod, 'controller'), 'SIGKILL');
    else await deletePod(world, pod);
    say('g', `controller ${pod.metadata.uid} killed ${pause} ms later (${kill === 1 ? 'kill -9' : 'pod deleted'})`);
  }
  await isGood(world, fixture, { name: fixture.name, test: 'g' });
  expect(await workflowsOf(kube, fixture.namespace, metadata.uid)).toHaveLength(1);
  const pods = await kube.list<Pod>(path.pods(namespaces.install));
  expect(pods.filter(({ metadata: { deletionTimestamp } }) => deletionTimestamp === undefined)).toHaveLength(1);
  say('g', 'one Workflow, the right status');
};

const controllerPod = ({ kube }: World): Promise<Pod> =>
  until('a controller runs', async () =>
    (await kube.list<Pod>(path.pods(namespaces.install))).find(
      ({ status, metadata }) =>
        metadata.deletionTimestamp === undefined && status?.containerStatuses?.[0]?.state?.running !== undefined,
    ),
  );
