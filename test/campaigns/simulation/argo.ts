import type { Time } from '../../../controller/time.ts';
import {
  backupIdOfRun,
  nodesOf,
  type NodeParts,
  outputsOf,
  type Run,
  runOf,
  setStatus,
} from '../../fakes/kube/argo.ts';
import type { KubeObject, Objects } from '../../fakes/kube/objects.ts';
import type { RunOutcome } from './plan.ts';

/** What really happened to a Workflow, whatever anybody saw of it. */
export interface RunTruth {
  readonly uid: string;
  readonly name: string;
  readonly template: string;
  readonly requestUid: string;
  readonly environment: string;
  readonly createdAt: number;
  backupId: string | undefined;
  /** Of a backup: its manifest was written. Of a restore: its record. */
  sealedAt: number | undefined;
  endedAt: number | undefined;
  endedAs: string | undefined;
  goneAt: number | undefined;
  /** Another run has claimed the same backup id. */
  collided: boolean;
}

export interface Storage {
  /** Digests of sealed manifests, by backup id. */
  readonly sealed: Map<string, string>;
  /** Workflow uids that claimed a backup id. */
  readonly claims: Map<string, string>;
}

export interface ArgoOptions {
  readonly time: Time;
  readonly objects: Objects;
  readonly outcome: RunOutcome;
}

const steps: Readonly<Record<string, readonly string[]>> = {
  'lc2-backup': ['dump', 'transfer', 'catch-up', 'verify', 'manifest'],
  'lc2-restore': ['preview', 'load-database', 'restore-objects', 'commit', 'verify-restore'],
  'lc2-verify': ['verify-backup'],
};
const stepMs = 4000;
const tickMs = 1000;
const queueMs = 4000;
const reactionMs = 300;

export const digestOf = (backupId: string): string => Buffer.from(backupId).toString('hex').padEnd(64, '0').slice(-64);

const failing: Readonly<Partial<Record<RunOutcome, { readonly at: number; readonly message: string }>>> = {
  fails: { at: 0, message: 'main: Error (exit code 70): DUMP_FAILED: the database went away; look at its log' },
  flood: { at: 0, message: `main: Error (exit code 70): DUMP_FAILED: ${'row after row after row, '.repeat(4000)}` },
  'out of memory': { at: 1, message: 'OOMKilled (exit code 137)' },
  'mute, sealed': { at: 4, message: 'pod deleted' },
  'mute, unsealed': { at: 4, message: 'pod deleted' },
};

/** Argo and the pods of its runs. Pods go on while Argo is away; what they did is told when it is back. */
export const startArgo = ({ time, objects, outcome }: ArgoOptions) => {
  const storage: Storage = { sealed: new Map(), claims: new Map() };
  const truths: RunTruth[] = [];
  const holders = new Map<string, string>();
  const state = { down: false };

  /** The same Workflow still exists. */
  const find = (truth: RunTruth, namespace: string): KubeObject | undefined => {
    const object = objects.tryGet('workflows', namespace, truth.name);
    return object?.metadata.uid === truth.uid ? object : undefined;
  };

  const release = (truth: RunTruth): void => {
    if (holders.get(truth.environment) === truth.uid) holders.delete(truth.environment);
  };

  /** Runs as soon as Argo is there, unless the Workflow has gone. */
  const whenUp = (truth: RunTruth, run: Run, act: (object: KubeObject) => void): void => {
    const object = find(truth, run.namespace);
    if (object === undefined) release(truth);
    else if (state.down)
      time.after(tickMs, () => {
        whenUp(truth, run, act);
      });
    else act(object);
  };

  const end = (truth: RunTruth, run: Run, status: Record<string, unknown>): void => {
    setStatus(objects, run, { ...status, finishedAt: time.now().toISOString() });
    truth.endedAt = time.monotonic();
    truth.endedAs = String(status['phase']);
    release(truth);
  };

  const seal = (truth: RunTruth, run: Run): void => {
    if (find(truth, run.namespace) === undefined) return;
    truth.sealedAt = time.monotonic();
    if (truth.backupId !== undefined && run.template === 'lc2-backup')
      storage.sealed.set(truth.backupId, digestOf(truth.backupId));
  };

  const resultOf = (truth: RunTruth, run: Run): Record<string, unknown> => {
    const backupId = truth.backupId ?? 'shop-prd-backup-20251231-000000';
    const restoreId = `r-${truth.uid.slice(0, 8)}`;
    if (run.template === 'lc2-verify') {
      const asked = run.parameters['backup'] ?? '';
      const digest = storage.sealed.get(asked);
      const found =
        digest === undefined
          ? { sealed: false, ok: false }
          : { sealed: true, ok: true, digest, bytes: 5_000_000, objects: 12 };
      return { verification: { backupId: asked, url: `s3://backups/${asked}/manifest.json`, problems: [], ...found } };
    }
    if (run.template === 'lc2-backup') {
      const url = `s3://backups/${backupId}/manifest.json`;
      const digest = digestOf(backupId);
      return {
        manifest: {
          backupId,
          url,
          digest,
          bytes: 5_000_000,
          objects: 12,
          verified: 'listed',
          components: ['database', 'documents'],
        },
      };
    }
    if (run.parameters['preview'] === 'true')
      return { preview: { already: false, plan: planOf(run, restoreId), lines: ['2 databases'] } };
    return {
      restore: {
        restoreId,
        backupId,
        databases: 1,
        tables: 2,
        rows: 3,
        objects: 4,
        bytes: 5,
        previous: [`lportal_before_${restoreId}`],
      },
    };
  };

  const stepsOf = (run: Run): readonly string[] => {
    const all = steps[run.template] ?? [];
    return run.template === 'lc2-restore' && run.parameters['preview'] === 'true' ? all.slice(0, 1) : all;
  };

  const tell = (run: Run, at: number, last: Omit<NodeParts, 'step'>): Record<string, unknown> =>
    nodesOf(
      stepsOf(run)
        .slice(0, at + 1)
        .map((step, index) => ({ step, ...(index < at ? { phase: 'Succeeded' } : last) })),
    );

  const finish = (truth: RunTruth, run: Run): void => {
    const last = stepsOf(run).length - 1;
    if (outcome === 'hidden nodes' && run.template !== 'lc2-verify') {
      end(truth, run, {
        phase: 'Failed',
        message: 'the controller lost a node',
        nodes: undefined,
        compressedNodes: 'H4sI',
      });
      return;
    }
    if (outcome === 'no result' && run.template !== 'lc2-verify') {
      end(truth, run, { phase: 'Succeeded' });
      return;
    }
    end(truth, run, {
      phase: 'Succeeded',
      nodes: tell(run, last, { phase: 'Succeeded' }),
      outputs: outputsOf(resultOf(truth, run)),
    });
  };

  const stopped = (truth: RunTruth, run: Run, at: number): void => {
    const nodes =
      at < 0 ? {} : { nodes: tell(run, at, { phase: 'Failed', message: 'workflow shutdown with strategy:  Stop' }) };
    end(truth, run, { phase: 'Failed', message: "Stopped with strategy 'Stop'", ...nodes });
  };

  const step = (truth: RunTruth, run: Run, at: number): void => {
    whenUp(truth, run, (object) => {
      if (object.spec?.['shutdown'] !== undefined) {
        stopped(truth, run, at - 1);
        return;
      }
      if (at >= stepsOf(run).length) {
        finish(truth, run);
        return;
      }
      const fault = run.template === 'lc2-verify' ? undefined : failing[outcome];
      const isLast = at === stepsOf(run).length - 1;
      setStatus(objects, run, {
        phase: 'Running',
        startedAt: run.createdAt,
        message: '',
        nodes: tell(run, at, { phase: 'Running', progress: '50/100' }),
      });
      if (isLast && outcome !== 'mute, unsealed' && outcome !== 'no result' && run.template !== 'lc2-verify')
        time.after(stepMs / 2, () => {
          const now = find(truth, run.namespace);
          if (now !== undefined && now.spec?.['shutdown'] === undefined && (fault === undefined || fault.at === at))
            seal(truth, run);
        });
      watchPod(truth, run, at, fault);
    });
  };

  /** The pod of a step; a stop is seen within a second, whatever it does. */
  const watchPod = (
    truth: RunTruth,
    run: Run,
    at: number,
    fault: { at: number; message: string } | undefined,
  ): void => {
    const began = time.monotonic();
    const look = (): void => {
      whenUp(truth, run, (object) => {
        if (object.spec?.['shutdown'] !== undefined) stopped(truth, run, at);
        else if (time.monotonic() - began < stepMs) time.after(tickMs, look);
        else if (fault?.at === at)
          end(truth, run, {
            phase: 'Failed',
            message: 'child failed',
            nodes: tell(run, at, { phase: 'Failed', message: fault.message }),
          });
        else step(truth, run, at + 1);
      });
    };
    time.after(tickMs, look);
  };

  const begin = (truth: RunTruth, run: Run): void => {
    whenUp(truth, run, (object) => {
      const holder = holders.get(truth.environment);
      const shutdown = object.spec?.['shutdown'];
      if (shutdown === 'Terminate') {
        end(truth, run, { phase: 'Succeeded', message: 'stopped while it waited' });
      } else if (run.template !== 'lc2-verify' && holder !== undefined) {
        const message = `Waiting for ${truth.environment} lock`;
        if (object.status?.['message'] !== message) setStatus(objects, run, { phase: 'Pending', message });
        time.after(queueMs, () => {
          begin(truth, run);
        });
      } else {
        if (run.template !== 'lc2-verify') holders.set(truth.environment, truth.uid);
        if (truth.backupId !== undefined && !storage.claims.has(truth.backupId))
          storage.claims.set(truth.backupId, truth.uid);
        truth.collided = truth.backupId !== undefined && storage.claims.get(truth.backupId) !== truth.uid;
        if (truth.collided) end(truth, run, { phase: 'Failed', message: 'another run has claimed the id' });
        else step(truth, run, 0);
      }
    });
  };

  objects.listen(({ type, plural, object }) => {
    if (plural !== 'workflows') return;
    if (type === 'DELETED') {
      const truth = truths.find(({ uid }) => uid === object.metadata.uid);
      if (truth !== undefined) truth.goneAt = time.monotonic();
    }
    if (type !== 'ADDED') return;
    const run = runOf(object);
    const truth: RunTruth = {
      uid: object.metadata.uid,
      name: run.name,
      template: run.template,
      requestUid: object.metadata.labels?.['backup.lc2.dev/request-uid'] ?? '',
      environment: `${run.namespace}/${run.parameters['environment'] ?? run.parameters['into'] ?? ''}`,
      createdAt: time.monotonic(),
      backupId: run.template === 'lc2-backup' ? backupIdOfRun(run) : undefined,
      sealedAt: undefined,
      endedAt: undefined,
      endedAs: undefined,
      goneAt: undefined,
      collided: false,
    };
    truths.push(truth);
    time.after(reactionMs, () => {
      begin(truth, run);
    });
  });

  return { storage, truths, state };
};

const planOf = (run: Run, restoreId: string): Record<string, unknown> => ({
  restoreId,
  record: run.parameters['request'],
  backupId: 'shop-prd-backup-20251231-000000',
  stamp: '20251231-000000',
  manifestDigest: 'a'.repeat(64),
  into: run.parameters['into'],
  components: ['database'],
  databases: [],
  stores: [],
  prefixes: [],
  databaseMode: 'swap',
  objectsMode: 'merge',
  sameEnvironment: true,
  keepUntil: '2026-01-08T00:00:00Z',
});
