import { createController, type Controller, type ControllerOptions } from '../../../controller/controller.ts';
import { createClient } from '../../../controller/kube/client.ts';
import { type Log, silentLog } from '../../../controller/log.ts';
import { systemTime } from '../../../controller/time.ts';
import type { WatchTimings } from '../../../controller/watch.ts';
import { namespace } from '../../fakes/kube/fixtures.ts';
import type { KubeObject, Objects } from '../../fakes/kube/objects.ts';
import { type FakeKube, startFakeKube } from '../../fakes/kube/server.ts';

/** The whole controller in this process, against a pretended API server over real HTTP. */

export const quickTimings: WatchTimings = {
  backoff: { baseMs: 20, capMs: 200 },
  watchSeconds: 2,
  idleMs: 3000,
  relistMs: 60_000,
  silentMs: 10_000,
};

export const controllerFor = (
  kube: FakeKube,
  parts: Partial<ControllerOptions> & { readonly log?: Log } = {},
): Controller =>
  createController({
    api: createClient({
      connection: { server: kube.url, authorize: () => Promise.resolve({}) },
      fieldManager: 'lc2-backup',
      timeoutMs: 5000,
    }),
    time: systemTime,
    log: silentLog,
    namespaces: [],
    workers: 4,
    timings: quickTimings,
    backoff: { baseMs: 20, capMs: 200 },
    creationGapMs: 30,
    ...parts,
  });

export interface Stage {
  readonly kube: FakeKube;
  readonly objects: Objects;
  /** Ends everything, in reverse order, when the test ends. */
  readonly later: (end: () => Promise<void> | void) => void;
  [Symbol.asyncDispose](): Promise<void>;
}

export const setStage = async (): Promise<Stage> => {
  const kube = await startFakeKube();
  const ends: (() => Promise<void> | void)[] = [() => kube.close()];
  return {
    kube,
    objects: kube.objects,
    later: (end) => ends.push(end),
    [Symbol.asyncDispose]: async () => {
      for (const end of ends.toReversed()) await end();
    },
  };
};

export const startController = (stage: Stage, parts: Parameters<typeof controllerFor>[1] = {}): Controller => {
  const controller = controllerFor(stage.kube, parts);
  stage.later(() => controller.stop());
  controller.start();
  return controller;
};

/** Waits until `look` gives something. */
export const until = async <T>(what: string, look: () => T | undefined | false, ms = 20_000): Promise<T> => {
  const end = performance.now() + ms;
  while (performance.now() < end) {
    const seen = look();
    if (seen !== undefined && seen !== false) return seen;
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
  throw new Error(`waited in vain for ${what}`);
};

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

export interface SeenStatus {
  readonly phase?: string;
  readonly message?: string;
  readonly workflow?: string;
  readonly backupId?: string;
  readonly progress?: string;
  readonly manifest?: { readonly digest: string };
  readonly components?: readonly { readonly name: string; readonly state: string }[];
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason: string;
    readonly message: string;
  }[];
  readonly ready?: string;
  readonly lastBackupId?: string;
  readonly verified?: string;
}

export const statusOf = (objects: Objects, plural: string, name: string): SeenStatus =>
  objects.tryGet(plural, namespace, name)?.status ?? {};

export const ended = (objects: Objects, plural: string, name: string): SeenStatus | undefined => {
  const status = statusOf(objects, plural, name);
  return ['Succeeded', 'Failed', 'Cancelled'].includes(status.phase ?? '') ? status : undefined;
};

export const conditionIn = (status: SeenStatus, type: string) =>
  status.conditions?.find((condition) => condition.type === type);

export const workflowsOf = (objects: Objects, template = 'lc2-backup'): KubeObject[] =>
  objects
    .list('workflows')
    .filter((object) => (object.spec?.['workflowTemplateRef'] as { name?: string } | undefined)?.name === template);
