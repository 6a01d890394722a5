import { expect } from 'vitest';
import { lockTable } from '../../support/lock-table.ts';
import { createFixture, dumpWaits } from '../support/fixture.ts';
import { until } from '../support/kube.ts';
import { say } from '../support/log.ts';
import { endsAs, path, type Pod, type Request, requestBackup } from '../support/objects.ts';
import type { World } from '../support/world.ts';

/** What a person sees at the end of such a day. */
export const listed = async (world: World): Promise<void> => {
  const { kube, cluster } = world;
  const fixture = await createFixture(world, 'still-running');
  const { namespace, name } = fixture;
  const collection = path.backups(namespace);
  const lock = await lockTable(fixture.database, 'public.slow');
  try {
    await requestBackup(kube, namespace, { name, spec: { environment: name } });
    await dumpWaits(world, fixture);
    await until('the request shows Running', async () =>
      (await kube.get<Request>(`${collection}/${name}`))?.status?.phase === 'Running' ? true : undefined,
    );
    const { stdout } = await cluster.kubectl(['get', 'backupenvironments,backuprequests,restorerequests', '-A']);
    process.stdout.write(`\n$ kubectl get backupenvironments,backuprequests,restorerequests -A\n${stdout}\n`);
    for (const phase of ['Succeeded', 'Failed', 'Cancelled', 'Running']) expect(stdout).toContain(phase);
  } finally {
    await lock.release();
  }
  await endsAs(kube, { collection, name }, 'Succeeded');
  const pods = await kube.list<Pod>(path.pods(namespace));
  for (const pod of pods) {
    const main = pod.status?.containerStatuses?.find((container) => container.name === 'main');
    const node = pod.metadata.annotations?.['workflows.argoproj.io/node-name'];
    if (main !== undefined && node !== undefined) say('pods', `${node} ${pod.metadata.uid} ${main.imageID}`);
  }
};
