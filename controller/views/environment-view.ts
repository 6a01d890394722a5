import { z } from 'zod';
import { backupEnvironmentStatus, type EnvironmentStatus } from '../../core/api/backup-environment.ts';
import { type ErrorCode, Lc2Error } from '../../core/errors.ts';
import { type Environment, localLocations, parseEnvironment } from '../../core/plan/environment.ts';
import type { Identified } from '../kube/store.ts';
import { identified, metadata } from './common.ts';

/** An environment as the controller keeps it: judged once, when it is read. */
export interface EnvironmentView extends Identified {
  readonly generation: number;
  readonly deletedAt?: string;
  readonly verdict: Verdict;
  readonly status: EnvironmentStatus;
}

export type Verdict =
  | { readonly ok: true; readonly environment: Environment }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

const object = z.object({ metadata, spec: z.unknown().optional(), status: z.unknown().optional() });

const judge = (name: string, namespace: string, spec: unknown): Verdict => {
  try {
    const environment = parseEnvironment({ name, namespace, spec }, `BackupEnvironment ${name}`);
    const [local] = localLocations(environment.spec);
    if (local === undefined) return { ok: true, environment };
    const error = new Lc2Error('FILE_LOCATION_ON_CLUSTER', 'a file:// location cannot be reached from a pod', {
      where: local,
    });
    return { ok: false, code: error.code, message: error.message };
  } catch (error) {
    if (error instanceof Lc2Error) return { ok: false, code: error.code, message: error.message };
    throw error;
  }
};

export const environmentView = (value: unknown): EnvironmentView => {
  const { metadata: meta, spec, status } = object.parse(value);
  const read = backupEnvironmentStatus.safeParse(status ?? {});
  return {
    ...identified(meta),
    generation: meta.generation,
    ...(meta.deletionTimestamp === undefined ? {} : { deletedAt: meta.deletionTimestamp }),
    verdict: judge(meta.name, meta.namespace, spec),
    status: read.success ? read.data : {},
  };
};
