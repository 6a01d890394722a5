import { expect } from 'vitest';
import { createFixture, dumpWaits, lockTable, openUploads, storedObjects } from '../support/fixture.ts';
import { until } from '../support/kube.ts';
import { say } from '../support/log.ts';
import { attempts, endsAs, path, requestBackup, requireWorkflow, runningPod, workflowOf } from '../support/objects.ts';
import { programsOf, shimOf } from '../support/processes.ts';
import type { World } from '../support/world.ts';
import { deletePod } from './kills.ts';

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
};

const signalAll = (pids: readonly number[], signal: NodeJS.Signals): void => {
  for (const pid of pids.filter(isAlive)) process.kill(pid, signal);
};

/**
 * A pod on a lost node: it stands still, its node cannot end it, the API server forgets it, another attempt does its work
 * and the backup is sealed. Then the node is back, and the attempt goes on where it was.
 */
export const wakesUpAfterTheSeal = async (world: World): Promise<void> => {
  const { kube } = world;
  const fixture = await createFixture(world, 'late');
  const { namespace, name } = fixture;
  const lock = await lockTable(fixture.database, 'public.slow');
  let frozen: readonly number[] = [];
  let shim: number | undefined;
  try {
    const { metadata } = await requestBackup(kube, namespace, { name, spec: { environment: name } });
    const { metadata: run } = await workflowOf(kube, namespace, metadata.uid);
    const pod = await runningPod(kube, namespace, { workflow: run.name, step: 'dump' });
    await dumpWaits(world, fixture);
    shim = shimOf(pod, 'main');
    frozen = programsOf(pod, 'main').map(({ pid }) => pid);
    say(
      'l',
      `frozen: ${programsOf(pod, 'main')
        .map(({ command }) => command.split(' ')[0])
        .join(', ')} of pod ${pod.metadata.uid}`,
    );
    signalAll([shim, ...frozen], 'SIGSTOP');
    await deletePod(world, pod);
    const next = await runningPod(kube, namespace, { workflow: run.name, step: 'dump', not: pod.metadata.uid });
    say('l', `Argo made ${next.metadata.name} again: ${next.metadata.uid}`);
    await lock.release();
    const status = await endsAs(kube, { collection: path.backups(namespace), name }, 'Succeeded');
    const sealed = await storedObjects(fixture);
    say(
      'l',
      `${status.backupId} is sealed: ${sealed.length} objects; ${attempts(await requireWorkflow(kube, namespace, run.name))}`,
    );
    signalAll(frozen, 'SIGCONT');
    await until('the attempt that woke up ends', async () => (frozen.some(isAlive) ? undefined : true), 120);
    say('l', 'the old attempt woke up, went on and ended');
    expect(await storedObjects(fixture)).toEqual(sealed);
    expect(await openUploads(world, fixture)).toEqual([]);
    say('l', 'the stored backup is what it was: same keys, same bytes, no upload left open');
  } finally {
    await lock.release();
    signalAll(frozen, 'SIGCONT');
    if (shim !== undefined) signalAll([shim], 'SIGCONT');
  }
};
