import { afterAll, beforeAll, expect, test } from 'vitest';
import { startFakeArgo } from '../../fakes/kube/argo.ts';
import { backupRequest, environmentObject, namespace, put } from '../../fakes/kube/fixtures.ts';
import type { Fate } from '../../fakes/kube/server.ts';
import { ended, setStage, statusOf, until, workflowsOf } from './harness.ts';
import { bundleController, type Program, type Running, runController } from './process.ts';

/** kill -9 at every call of one backup's life, on both sides of the wire: the end is always the same. */

let program: Program;
beforeAll(async () => {
  program = await bundleController();
});
afterAll(() => program.remove());

interface Death {
  readonly at: number;
  /** Whether the call the controller died of still reached the server. */
  readonly side: 'cut-before' | 'cut-after';
}

interface Life {
  readonly phase: string | undefined;
  readonly reason: string | undefined;
  readonly manifest: boolean;
  readonly workflows: number;
  readonly verifies: number;
  readonly finalizers: readonly string[] | undefined;
  readonly sealedEvents: number;
  readonly lastBackupIsThis: boolean;
  readonly configMaps: readonly string[];
}

const live = async (
  death?: Death,
): Promise<{ readonly life: Life; readonly calls: number; readonly died: boolean }> => {
  await using stage = await setStage();
  const { kube, objects } = stage;
  stage.later(startFakeArgo({ objects }));
  put(objects, environmentObject());
  put(objects, backupRequest());
  let first: Running | undefined;
  let died = false;
  kube.setFate(async ({ index }): Promise<Fate> => {
    if (death === undefined || died || index !== death.at) return 'pass';
    died = true;
    await first?.kill('SIGKILL');
    return death.side;
  });
  const start = async (): Promise<Running> => {
    const running = await runController({ program, url: kube.url });
    stage.later(async () => {
      await running.kill('SIGKILL');
    });
    return running;
  };
  const done = (): boolean =>
    ended(objects, 'backuprequests', 'nightly') !== undefined &&
    objects.get('backuprequests', namespace, 'nightly').metadata.finalizers === undefined &&
    statusOf(objects, 'backupenvironments', 'prd').lastBackupId !== undefined;
  first = await start();
  await until('death or the end', () => (died && first?.child.signalCode !== null) || done(), 30_000);
  if (died) {
    kube.setFate(() => 'pass');
    await start();
  }
  await until('the end', done, 30_000);
  const status = statusOf(objects, 'backuprequests', 'nightly');
  return {
    died,
    calls: kube.calls.length,
    life: {
      phase: status.phase,
      reason: status.conditions?.find((condition) => condition.type === 'Succeeded')?.reason,
      manifest: status.manifest !== undefined,
      workflows: workflowsOf(objects).length,
      verifies: workflowsOf(objects, 'lc2-verify').length,
      finalizers: objects.get('backuprequests', namespace, 'nightly').metadata.finalizers,
      sealedEvents: objects.list('events').filter((event) => (event as { reason?: string }).reason === 'Sealed').length,
      lastBackupIsThis: statusOf(objects, 'backupenvironments', 'prd').lastBackupId === status.backupId,
      configMaps: objects.list('configmaps').map((object) => object.metadata.name),
    },
  };
};

const parallel = 6;

test('whenever it is killed, the end is that of an undisturbed life, with one Workflow', async () => {
  const undisturbed = await live();
  expect(undisturbed.life).toMatchObject({
    phase: 'Succeeded',
    reason: 'Sealed',
    workflows: 1,
    verifies: 0,
    sealedEvents: 1,
  });
  const deaths: Death[] = [];
  for (let at = 0; at < undisturbed.calls; at++) deaths.push({ at, side: 'cut-before' }, { at, side: 'cut-after' });
  expect(deaths.length).toBeGreaterThan(24);
  const different: object[] = [];
  let killed = 0;
  const worker = async (): Promise<void> => {
    for (let death = deaths.shift(); death !== undefined; death = deaths.shift()) {
      const { life, died } = await live(death);
      if (died) killed++;
      if (JSON.stringify(life) !== JSON.stringify(undisturbed.life)) different.push({ death, life });
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  expect(different).toEqual([]);
  expect(killed).toBeGreaterThan(20);
});

test('SIGTERM ends it in order, with status 0', async () => {
  await using stage = await setStage();
  const running = await runController({ program, url: stage.kube.url });
  await until('the start', () => running.log().includes('"synced"'));
  expect(await running.kill('SIGTERM')).toBe(0);
  expect(running.log()).toContain('"stopped"');
  expect(running.log()).not.toContain('fake-token');
});

test('an unknown setting is refused with one line and status 78', async () => {
  await using stage = await setStage();
  const running = await runController({ program, url: stage.kube.url, env: { LC2_CONTROLLER_TYPO: 'x' } });
  await until('the exit', () => running.child.exitCode !== null);
  expect(running.child.exitCode).toBe(78);
  expect(running.log()).toMatch(/^INPUT_INVALID: .*TYPO.*\n$/);
});
