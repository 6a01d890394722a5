import { expect } from 'vitest';
import { lockTable } from '../../support/lock-table.ts';
import { createFixture, dumpWaits, type Fixture, openUploads, storedObjects } from '../support/fixture.ts';
import { until } from '../support/kube.ts';
import { say } from '../support/log.ts';
import { attempts, endsAs, path, requestBackup, requireWorkflow, startedPod, workflowOf } from '../support/objects.ts';
import { programsOf, shimOf, tryExitCode } from '../support/processes.ts';
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

interface Case {
  readonly fixture: Fixture;
  readonly step: 'dump' | 'transfer';
  /** Resolves when the first attempt is in the middle of its work and stays there. */
  readonly inFlight: () => Promise<unknown>;
  /** Lets other attempts pass; the first one stands still anyway. */
  readonly letOthersPass: () => Promise<void>;
  /** Lets the first attempt go on too. */
  readonly letGo: () => Promise<void>;
}

/**
 * A pod on a lost node: it stands still, its node cannot end it, the API server forgets it, another attempt does its work
 * and the backup is sealed. Then the node is back, and the attempt goes on where it was.
 */
const wakesUpAfterTheSeal = async (world: World, late: Case): Promise<void> => {
  const { kube } = world;
  const { fixture, step } = late;
  const { namespace, name } = fixture;
  let frozen: readonly number[] = [];
  let shim: number | undefined;
  try {
    const { metadata } = await requestBackup(kube, namespace, { name, spec: { environment: name } });
    const { metadata: run } = await workflowOf(kube, namespace, metadata.uid);
    await late.inFlight();
    const pod = await startedPod(kube, namespace, { workflow: run.name, step });
    shim = shimOf(pod, 'main');
    const programs = programsOf(pod, 'main');
    frozen = programs.map(({ pid }) => pid);
    signalAll([shim, ...frozen], 'SIGSTOP');
    say(
      'l',
      `${step} frozen: ${programs.map(({ command }) => command.split(' ')[0]).join(', ')} of pod ${pod.metadata.uid}`,
    );
    await deletePod(world, pod);
    const next = await startedPod(kube, namespace, { workflow: run.name, step, not: pod.metadata.uid });
    say('l', `Argo made ${next.metadata.name} again: ${next.metadata.uid}`);
    await late.letOthersPass();
    const status = await endsAs(kube, { collection: path.backups(namespace), name }, 'Succeeded');
    const sealed = await storedObjects(fixture);
    const workflow = await requireWorkflow(kube, namespace, run.name);
    say('l', `${status.backupId} is sealed: ${sealed.length} objects in storage; ${attempts(workflow)}`);
    expect(frozen.filter((pid) => !isAlive(pid))).toEqual([]);
    signalAll(frozen, 'SIGCONT');
    await late.letGo();
    await until('the attempt that woke up ends', async () => (frozen.some(isAlive) ? undefined : true), 120);
    // Neither killed nor failed: it found the other attempt's result and took it for its own.
    const exitCode = await until('its exit code', () => Promise.resolve(tryExitCode(pod, 'main')), 30);
    expect(exitCode).toBe(0);
    expect(await storedObjects(fixture)).toEqual(sealed);
    expect(await openUploads(world, fixture)).toEqual([]);
    say(
      'l',
      `the old attempt of ${step} woke up alive and ended with ${exitCode}: same keys, same bytes, no upload left open`,
    );
  } finally {
    await late.letOthersPass();
    await late.letGo();
    signalAll(shim === undefined ? frozen : [...frozen, shim], 'SIGCONT');
  }
};

export const lateDump = async (world: World): Promise<void> => {
  const fixture = await createFixture(world, 'late-dump');
  const lock = await lockTable(fixture.database, 'public.slow');
  await wakesUpAfterTheSeal(world, {
    fixture,
    step: 'dump',
    inFlight: () => dumpWaits(world, fixture),
    letOthersPass: () => lock.release(),
    letGo: () => Promise.resolve(),
  });
};

export const lateTransfer = async (world: World): Promise<void> => {
  const fixture = await createFixture(world, 'late-transfer');
  let held = 0;
  const isCopy = (method: string, key: string): boolean => method === 'PUT' && key.endsWith('/13.bin');
  const gate = world.front.hold(
    ({ method, path: key }) => isCopy(method, key) && key.includes(`/${fixture.name}/`) && (held += 1) === 1,
  );
  await wakesUpAfterTheSeal(world, {
    fixture,
    step: 'transfer',
    inFlight: () => gate.reached,
    letOthersPass: () => Promise.resolve(),
    letGo: () => Promise.resolve(gate.open()),
  });
};
