import { expect } from 'vitest';
import { createFixture, type Fixture, manifestsIn } from '../support/fixture.ts';
import { until } from '../support/kube.ts';
import { say } from '../support/log.ts';
import { namespaces } from '../support/manifests.ts';
import { attempts, path, type Pod, requireWorkflow, type Workflow } from '../support/objects.ts';
import type { World } from '../support/world.ts';
import { endedUnseen } from './faults.ts';

const scale = async ({ cluster, kube }: World, replicas: number): Promise<void> => {
  await cluster.kubectl([
    '-n',
    namespaces.install,
    'scale',
    'deployment/lc2-backup-controller',
    `--replicas=${replicas}`,
  ]);
  if (replicas > 0)
    await cluster.kubectl(['-n', namespaces.install, 'rollout', 'status', 'deployment', '--timeout=120s']);
  else
    await until('the controller is gone', async () =>
      (await kube.list<Pod>(path.pods(namespaces.install))).length === 0 ? true : undefined,
    );
};

const sealedBy = async (fixture: Fixture, workflow: Workflow): Promise<string> => {
  expect(workflow.status?.phase).toBe('Succeeded');
  const output = workflow.status?.outputs?.parameters?.find(({ name }) => name === 'manifest')?.value ?? '';
  const { backupId, digest } = JSON.parse(output) as { readonly backupId: string; readonly digest: string };
  expect(await manifestsIn(fixture)).toContain(`${fixture.storage.prefix}${backupId.slice(-15)}/manifest.json`);
  return `${backupId}, manifest ${digest}; ${attempts(workflow)}`;
};

const submitted = async (world: World, fixture: Fixture): Promise<void> => {
  const from = ['submit', '--from', 'clusterworkflowtemplate/lc2-backup', '-p', `environment=${fixture.name}`];
  const { stdout } = await world.cluster.argo(['-n', fixture.namespace, ...from, '--wait', '-o', 'name']);
  const name = stdout.trim().split('\n')[0]?.replace(/^.*\//, '') ?? '';
  const workflow = await requireWorkflow(world.kube, fixture.namespace, name);
  say(
    'd',
    `argo submit --from clusterworkflowtemplate/lc2-backup -p environment=${fixture.name}, no controller: ` +
      (await sealedBy(fixture, workflow)),
  );
};

const fires = async (world: World, fixture: Fixture): Promise<void> => {
  const { kube } = world;
  const { namespace, name } = fixture;
  await kube.create(path.cronWorkflows(namespace), {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'CronWorkflow',
    metadata: { name },
    spec: {
      schedules: ['* * * * *'],
      concurrencyPolicy: 'Forbid',
      workflowSpec: {
        workflowTemplateRef: { name: 'lc2-backup', clusterScope: true },
        arguments: {
          parameters: [
            { name: 'environment', value: name },
            { name: 'creation-type', value: 'scheduled' },
          ],
        },
      },
    },
  });
  const workflow = await until('the scheduled run ends', async () => {
    const [run] = await kube.list<Workflow>(
      `${path.workflows(namespace)}?labelSelector=workflows.argoproj.io%2Fcron-workflow%3D${name}`,
    );
    return ['Succeeded', 'Failed', 'Error'].includes(run?.status?.phase ?? '') ? run : undefined;
  });
  await kube.remove(`${path.cronWorkflows(namespace)}/${name}`);
  say('e', `CronWorkflow ${name} fired: ${workflow.metadata.name}: ${await sealedBy(fixture, workflow)}`);
};

/** Argo alone: what the controller rendered before it went is all that a run needs. */
export const withoutController = async (world: World): Promise<void> => {
  const [manual, scheduled] = [await createFixture(world, 'submitted'), await createFixture(world, 'scheduled')];
  const unseen = await endedUnseen(world);
  await scale(world, 0);
  try {
    await Promise.all([submitted(world, manual), fires(world, scheduled), unseen.end()]);
  } finally {
    await unseen.giveUp();
    await scale(world, 1);
  }
  await unseen.isFound();
};
