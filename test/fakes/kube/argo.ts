import type { KubeObject, Objects } from './objects.ts';

/** What a pretended Argo makes of a Workflow. Steps are told as nodes and outputs as the templates would. */
export interface Run {
  readonly name: string;
  readonly namespace: string;
  readonly template: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly createdAt: string;
}

export interface NodeParts {
  readonly step: string;
  readonly phase: string;
  readonly message?: string;
  readonly progress?: string;
}

interface WorkflowSpec {
  readonly workflowTemplateRef?: { readonly name?: string };
  readonly arguments?: { readonly parameters?: readonly { readonly name: string; readonly value: string }[] };
}

export const runOf = ({ metadata, spec }: KubeObject): Run => {
  const { workflowTemplateRef, arguments: given } = (spec ?? {}) as WorkflowSpec;
  return {
    name: metadata.name,
    namespace: metadata.namespace,
    template: workflowTemplateRef?.name ?? '',
    parameters: Object.fromEntries((given?.parameters ?? []).map(({ name, value }) => [name, value])),
    createdAt: metadata.creationTimestamp,
  };
};

export const nodesOf = (parts: readonly NodeParts[]): Record<string, unknown> =>
  Object.fromEntries(
    parts.map(({ step, phase, message = '', progress }, index) => [
      `node-${index}`,
      {
        id: `node-${index}`,
        displayName: `${step}(0)`,
        templateName: step,
        type: 'Pod',
        phase,
        message,
        ...(progress === undefined ? {} : { progress }),
        startedAt: '2026-01-01T00:00:00Z',
        finishedAt: `2026-01-01T00:00:${String(index + 10)}Z`,
      },
    ]),
  );

export const outputsOf = (outputs: Readonly<Record<string, unknown>>) => ({
  parameters: Object.entries(outputs).map(([name, value]) => ({ name, value: JSON.stringify(value) })),
});

export const setStatus = (
  objects: Objects,
  run: { name: string; namespace: string },
  status: Record<string, unknown>,
): void => {
  objects.edit('workflows', run, (object) => {
    object.status = { ...object.status, ...status };
  });
};

export const sealedOutput = (backupId: string) => ({
  backupId,
  url: `s3://backups/shop/${backupId}/manifest.json`,
  digest: 'a'.repeat(64),
  bytes: 5_000_000,
  objects: 12,
  verified: 'listed',
  components: ['database', 'documents'],
});

const stampOf = (time: string): string =>
  time
    .replaceAll(/[-:]|\.\d+/g, '')
    .replace('T', '-')
    .replace('Z', '');

/** The id that the steps of a backup would give it. */
export const backupIdOfRun = (run: Run, projectId = 'shop'): string =>
  `${projectId}-${run.parameters['environment'] ?? ''}-backup-${stampOf(run.createdAt)}`;

const steps = ['dump', 'transfer', 'catch-up', 'verify', 'manifest'];

export interface FakeArgoOptions {
  readonly objects: Objects;
  readonly stepMs?: number;
  /** Whether storage holds the sealed backup, for lc2-verify. */
  readonly sealed?: (backupId: string) => boolean;
}

/** Runs every Workflow to a good end, one step after another, and stops those that are told to. */
export const startFakeArgo = ({ objects, stepMs = 10, sealed = () => true }: FakeArgoOptions): (() => void) => {
  const timers = new Set<NodeJS.Timeout>();
  const later = (run: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      run();
    }, stepMs);
    timers.add(timer);
  };

  const finish = (run: Run): void => {
    const verified = run.parameters['backup'] ?? '';
    const isSealed = sealed(verified);
    const result =
      run.template === 'lc2-verify'
        ? {
            verification: {
              backupId: verified,
              sealed: isSealed,
              ok: isSealed,
              url: 's3://x',
              digest: 'a'.repeat(64),
              problems: [],
            },
          }
        : { manifest: sealedOutput(backupIdOfRun(run)) };
    setStatus(objects, run, { phase: 'Succeeded', finishedAt: '2026-01-01T00:01:00Z', outputs: outputsOf(result) });
  };

  const advance = (run: Run, step: number): void => {
    const now = objects.tryGet('workflows', run.namespace, run.name);
    if (now === undefined) return;
    if (now.spec?.['shutdown'] !== undefined) {
      setStatus(objects, run, {
        phase: 'Failed',
        message: "Stopped with strategy 'Stop'",
        finishedAt: '2026-01-01T00:01:00Z',
      });
      return;
    }
    if (step >= steps.length || run.template === 'lc2-verify') {
      finish(run);
      return;
    }
    const nodes = nodesOf(
      steps.slice(0, step + 1).map((name, index) => ({ step: name, phase: index < step ? 'Succeeded' : 'Running' })),
    );
    setStatus(objects, run, { phase: 'Running', startedAt: '2026-01-01T00:00:00Z', nodes });
    later(() => {
      advance(run, step + 1);
    });
  };

  const unlisten = objects.listen(({ type, plural, object }) => {
    if (plural !== 'workflows' || type !== 'ADDED') return;
    later(() => {
      advance(runOf(object), 0);
    });
  });
  return () => {
    unlisten();
    for (const timer of timers) clearTimeout(timer);
  };
};
