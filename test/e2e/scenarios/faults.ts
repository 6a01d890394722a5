// Rows of the catalogue of faults, on the real cluster: what the simulation tries by the thousand is tried here once.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { lockTable } from '../../support/lock-table.ts';
import { createFixture, dumpWaits, type Fixture, manifestsIn, openUploads } from '../support/fixture.ts';
import { until } from '../support/kube.ts';
import { say } from '../support/log.ts';
import { namespaces } from '../support/manifests.ts';
import {
  endsAs,
  path,
  type Pod,
  type Request,
  requestBackup,
  requireWorkflow,
  type Workflow,
  workflowOf,
  workflowsOf,
} from '../support/objects.ts';
import { frozen } from '../support/processes.ts';
import type { World } from '../support/world.ts';

const collectionOf = (fixture: Fixture): string => path.backups(fixture.namespace);
const removeWorkflow = ({ kube }: World, { metadata }: Workflow): Promise<void> =>
  kube.remove(`${path.workflows(metadata.namespace ?? '')}/${metadata.name}`);

const requestFor = async (world: World, fixture: Fixture, name = fixture.name): Promise<Request> =>
  requestBackup(world.kube, fixture.namespace, { name, spec: { environment: fixture.name } });

/** A backup of the fixture whose pg_dump waits for a lock while `use` runs. */
const midDump = async <T>(
  world: World,
  fixture: Fixture,
  use: (request: Request, workflow: Workflow) => Promise<T>,
): Promise<T> => {
  const lock = await lockTable(fixture.database, 'public.slow');
  try {
    const request = await requestFor(world, fixture);
    const workflow = await workflowOf(world.kube, fixture.namespace, request.metadata.uid);
    await dumpWaits(world, fixture);
    return await use(request, workflow);
  } finally {
    await lock.release();
  }
};

/** B4-14: somebody deletes the Workflow while it dumps. */
export const workflowDeleted = async (world: World): Promise<void> => {
  const fixture = await createFixture(world, 'workflow-deleted');
  await midDump(world, fixture, (_, workflow) => removeWorkflow(world, workflow));
  const status = await endsAs(world.kube, { collection: collectionOf(fixture), name: fixture.name }, 'Failed');
  const condition = status.conditions?.find(({ type }) => type === 'Succeeded');
  expect(condition).toMatchObject({ status: 'False' });
  expect(await manifestsIn(fixture)).toEqual([]);
  say('n', `Workflow deleted by hand mid dump: Failed, ${condition?.reason}: ${condition?.message}`);
  await requestFor(world, fixture, `${fixture.name}-again`);
  await endsAs(world.kube, { collection: collectionOf(fixture), name: `${fixture.name}-again` }, 'Succeeded');
  expect(await manifestsIn(fixture)).toHaveLength(1);
  expect(await openUploads(world, fixture)).toEqual([]);
  say('n', 'the next backup is good and nothing of the first is left open');
};

/** B4-26: the request is deleted while it runs, and one of the same name is created at once. */
export const requestReplaced = async (world: World): Promise<void> => {
  const fixture = await createFixture(world, 'request-replaced');
  const { kube } = world;
  const first = await midDump(world, fixture, async (request, workflow) => {
    await kube.remove(`${collectionOf(fixture)}/${fixture.name}`);
    await until('the first request is gone', async () =>
      (await kube.get(`${collectionOf(fixture)}/${fixture.name}`)) === undefined ? true : undefined,
    );
    return { request, workflow };
  });
  const second = await requestFor(world, fixture);
  expect(second.metadata.uid).not.toBe(first.request.metadata.uid);
  const status = await endsAs(kube, { collection: collectionOf(fixture), name: fixture.name }, 'Succeeded');
  expect(status.workflow).not.toBe(first.workflow.metadata.name);
  expect(await workflowsOf(kube, fixture.namespace, second.metadata.uid)).toHaveLength(1);
  expect(await manifestsIn(fixture)).toEqual([expect.stringContaining(status.backupId?.slice(-15) ?? 'no id')]);
  say(
    'n',
    `deleted mid dump and created again: the new one has a run of its own, ${status.workflow}, and one manifest`,
  );
};

/** B4-13: sealed, and its Workflow deleted, while no controller was there to see it. To be used around its absence. */
export const endedUnseen = async (world: World) => {
  const fixture = await createFixture(world, 'ended-unseen');
  const lock = await lockTable(fixture.database, 'public.slow');
  const request = await requestFor(world, fixture);
  const workflow = await workflowOf(world.kube, fixture.namespace, request.metadata.uid);
  await until('the controller has named the run', async () => {
    const seen = await world.kube.get<Request>(`${collectionOf(fixture)}/${fixture.name}`);
    return seen?.status?.backupId === undefined ? undefined : true;
  });
  return {
    /** While the controller is away. */
    end: async (): Promise<void> => {
      await lock.release();
      await until('the run has ended', async () => {
        const { status } = await requireWorkflow(world.kube, fixture.namespace, workflow.metadata.name);
        return status?.phase === 'Succeeded' ? true : undefined;
      });
      await removeWorkflow(world, workflow);
      say('n', `${workflow.metadata.name} sealed and deleted while no controller was there`);
    },
    /** Once it is back. */
    isFound: async (): Promise<void> => {
      const status = await endsAs(world.kube, { collection: collectionOf(fixture), name: fixture.name }, 'Succeeded');
      expect(await manifestsIn(fixture)).toEqual([expect.stringContaining(status.backupId?.slice(-15) ?? 'no id')]);
      const runs = await workflowsOf(world.kube, fixture.namespace, request.metadata.uid);
      expect(runs.map(({ metadata }) => metadata.name)).not.toContain(workflow.metadata.name);
      say('n', `asked storage (${runs.map(({ metadata }) => metadata.name).join()}), and says ${status.message}`);
    },
    giveUp: (): Promise<void> => lock.release(),
  };
};

const controllerPods = async ({ kube }: World): Promise<readonly string[]> =>
  (await kube.list<Pod>(path.pods(namespaces.install))).map(
    ({ metadata, status }) => `${metadata.uid} restarted ${status?.containerStatuses?.[0]?.restartCount} times`,
  );

/** B4-6, B4-8: the API server says nothing for half a minute while a backup runs. */
export const apiServerHangs = async (world: World): Promise<void> => {
  const fixture = await createFixture(world, 'api-hangs');
  const before = await controllerPods(world);
  const uid = await midDump(world, fixture, async ({ metadata }) => {
    await frozen('kube-apiserver', () => sleep(30_000));
    return metadata.uid;
  });
  await endsAs(world.kube, { collection: collectionOf(fixture), name: fixture.name }, 'Succeeded');
  expect(await workflowsOf(world.kube, fixture.namespace, uid)).toHaveLength(1);
  expect(await manifestsIn(fixture)).toHaveLength(1);
  expect(await controllerPods(world)).toEqual(before);
  say('n', `API server silent for 30 s: sealed, one Workflow, the controller lived on (${before.join()})`);
};

/** B4-29: nobody works on Workflows for a while. */
export const argoHangs = async (world: World): Promise<void> => {
  const fixture = await createFixture(world, 'argo-hangs');
  const uid = await frozen('workflow-controller', async () => {
    const { metadata } = await requestFor(world, fixture);
    const { metadata: run } = await workflowOf(world.kube, fixture.namespace, metadata.uid);
    await sleep(20_000);
    const seen = await world.kube.get<Request>(`${collectionOf(fixture)}/${fixture.name}`);
    expect(seen?.status).toMatchObject({ phase: 'Pending', workflow: run.name });
    const waiting = seen?.status?.conditions?.find(({ type }) => type === 'Progressing');
    say('n', `Argo silent for 20 s: Pending, ${waiting?.reason}: ${waiting?.message}`);
    return metadata.uid;
  });
  await endsAs(world.kube, { collection: collectionOf(fixture), name: fixture.name }, 'Succeeded');
  expect(await workflowsOf(world.kube, fixture.namespace, uid)).toHaveLength(1);
  say('n', 'and when Argo is back it is sealed by that one Workflow');
};
