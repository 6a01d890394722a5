import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ValidateFunction } from 'ajv';
import type { ArgoKinds } from '../../../templates/argo/index.ts';

/** Argo's own schema, closed: an unknown field is an error. */

const isSchema = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

const load = (): Ajv2020 => {
  const ajv = new Ajv2020({ allErrors: true, strict: true, strictTypes: false, allowUnionTypes: true });
  for (const keyword of [
    'tsType',
    'x-kubernetes-group-version-kind',
    'x-kubernetes-patch-merge-key',
    'x-kubernetes-patch-strategy',
    'x-kubernetes-list-map-keys',
    'x-kubernetes-list-type',
    'x-kubernetes-map-type',
    'x-kubernetes-unions',
  ]) {
    ajv.addKeyword(keyword);
  }
  const schema: unknown = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'argo-schema.json'), 'utf8'));
  if (!isSchema(schema)) throw new Error('argo-schema.json is not a schema');
  return ajv.addSchema(schema, 'argo');
};

const ajv = load();

const compile = <K extends keyof ArgoKinds>(kind: K): ValidateFunction<ArgoKinds[K]> =>
  ajv.compile<ArgoKinds[K]>({ $ref: `argo#/definitions/${kind}` });

export const argoValidators = {
  ClusterWorkflowTemplate: compile('ClusterWorkflowTemplate'),
  CronWorkflow: compile('CronWorkflow'),
  Workflow: compile('Workflow'),
} as const;

export const isArgoKind = (kind: string): kind is keyof typeof argoValidators => Object.hasOwn(argoValidators, kind);

/** `/spec/templates/0 must NOT have additional properties (comand)`, one for each. */
export const argoErrors = (kind: keyof ArgoKinds, object: unknown): string[] => {
  const validate = argoValidators[kind];
  if (validate(object)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message ?? ''} ${JSON.stringify(params)}`,
  );
};
