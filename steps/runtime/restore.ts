import type { ObjectStoreSpec } from '../../core/api/backup-environment.ts';
import { Lc2Error } from '../../core/errors.ts';
import { type DumpEntry, type Manifest, type ObjectStoreEntry } from '../../core/manifest/manifest.ts';
import { layout } from '../../core/plan/layout.ts';
import type { RestorePlan } from '../../core/plan/restore-plan.ts';
import type { LoadOrder, RestoreMark } from '../../core/ports/database.ts';
import type { ObjectStore } from '../../core/ports/object-store.ts';
import { preview } from '../../core/steps/preview.ts';
import type { StepName } from '../../core/steps/index.ts';
import type { StepContext } from './context.ts';
import { sha256 } from './bytes.ts';
import { requireStepOutput } from './run.ts';
import { openStorage, tryReadManifest } from './storage.ts';

/** A restore in the making: everything comes from the plan that preview fixed and from the manifest it names. */
export interface RestoreRun {
  readonly already: boolean;
  readonly plan: RestorePlan;
  readonly storage: ObjectStore;
  readonly manifest: Manifest;
}

/** Name under which storage remembers the restore; a run that nobody named is its own. */
export const recordNameOf = (context: StepContext): string => {
  const name = context.parameters['request'] ?? '';
  if (name === '') return `run-${sha256(context.runUid).slice(0, 24)}`;
  if (!/^[a-z0-9][-a-z0-9.]*$/.test(name))
    throw new Lc2Error('INPUT_INVALID', 'parameter request is not a name', { where: name });
  return name;
};

export const restoreStepKey = (context: StepContext, step: StepName): string =>
  layout.restoreStep(recordNameOf(context), context.runUid, step);

export const openRestore = async (context: StepContext): Promise<RestoreRun> => {
  const storage = await openStorage(context, context.source, context.secrets.storage);
  const expected = { schema: preview.output, runUid: context.runUid };
  const { already, plan } = await requireStepOutput(storage, restoreStepKey(context, 'preview'), expected);
  return { already, plan, storage, manifest: await requireManifest(storage, plan) };
};

/** The sealed backup that the plan names, unchanged since. */
const requireManifest = async (
  storage: ObjectStore,
  plan: Pick<RestorePlan, 'stamp' | 'backupId' | 'manifestDigest'>,
): Promise<Manifest> => {
  const manifest = await tryReadManifest(storage, plan.stamp);
  if (!manifest)
    throw new Lc2Error('BACKUP_NOT_FOUND', `backup ${plan.backupId} is not sealed`, { where: storage.url });
  if (manifest.digest !== plan.manifestDigest) {
    throw new Lc2Error('MANIFEST_INVALID', 'the manifest is not the one of the preview', { where: plan.backupId });
  }
  return manifest;
};

export const markOf = (plan: RestorePlan): RestoreMark => ({
  restoreId: plan.restoreId,
  environment: plan.into,
  keepUntil: plan.keepUntil,
});

export const dumpOf = (manifest: Manifest, database: string): DumpEntry => {
  const entry = manifest.database?.dumps.find((dump) => dump.database === database);
  if (!entry)
    throw new Lc2Error('DATABASE_NOT_FOUND', `the backup has no database ${JSON.stringify(database)}`, {
      where: manifest.backupId,
    });
  return entry;
};

export const storeEntryOf = (manifest: Manifest, name: string): ObjectStoreEntry => {
  const entry = manifest.objectStores.find((store) => store.name === name);
  if (!entry)
    throw new Lc2Error('COMPONENT_UNKNOWN', `the backup has no object store ${name}`, { where: manifest.backupId });
  return entry;
};

export const loadOrders = (manifest: Manifest, plan: RestorePlan): LoadOrder[] => {
  const { databaseMode: mode } = plan;
  // A new server comes with its databases.
  if (mode === 'new-server') return [];
  return plan.databases.map(({ database, as }) => {
    const { key: _key, digest: _digest, tables, size, format = 'custom', ...properties } = dumpOf(manifest, database);
    return {
      database,
      as,
      mode,
      properties,
      rows: tables,
      major: manifest.database?.major ?? 0,
      size,
      format,
      sameEnvironment: plan.sameEnvironment,
    };
  });
};

/** Opens the store of the target environment that a component is restored into. */
export const withTarget = async <T>(
  context: StepContext,
  name: string,
  use: (target: ObjectStore, spec: ObjectStoreSpec) => Promise<T>,
): Promise<T> => {
  const spec = context.environment.spec.objectStores.find((store) => store.name === name);
  if (!spec) {
    throw new Lc2Error('COMPONENT_UNKNOWN', `the environment has no object store ${name}`, {
      where: context.environment.name,
    });
  }
  const target = await context.openStore({ location: spec, secrets: context.secrets.objects });
  try {
    return await use(target, spec);
  } finally {
    await target.close();
  }
};
