import { z } from 'zod';

/**
 * Pieces that several kinds share. Patterns are RE2: the API server compiles them. Every string and list is bounded, so
 * that CEL fits its budget.
 */

export const apiGroup = 'backup.lc2.dev';
export const apiVersion = `${apiGroup}/v1alpha1`;

/** A rule in the API server's language, with the text a user sees; `check` says the same to zod. */
export interface CelRule<T> {
  readonly rule: string;
  readonly message: string;
  readonly check?: (value: T) => boolean;
}

/** Attaches CEL rules to a schema and refines it with the same meaning, so that controller, CLI and API server agree. */
export const withRules = <S extends z.ZodType>(schema: S, rules: readonly CelRule<z.output<S>>[]): S => {
  let refined = schema;
  for (const { check, message } of rules) if (check) refined = refined.refine(check, { message });
  return refined.meta({ 'x-kubernetes-validations': rules.map(({ rule, message }) => ({ rule, message })) });
};

/** The rule that these fields never change; those of `optional` may be absent, and then stay so. */
export const unchangedRule = (fields: readonly string[], optional: readonly string[] = []): string =>
  [
    ...fields.map((field) => `self.${field} == oldSelf.${field}`),
    ...optional.map(
      (field) =>
        `has(self.${field}) == has(oldSelf.${field}) && (!has(self.${field}) || self.${field} == oldSelf.${field})`,
    ),
  ].join(' && ');

/** Where an API is reached. */
export const httpUrl = z
  .string()
  .max(512)
  .regex(/^https?:\/\/[^{}\x00-\x20\x7f]+$/, 'must be an http or https url');

/** Where an API is reached that takes tokens: they never travel in the clear. */
export const httpsUrl = z
  .string()
  .max(512)
  .regex(/^https:\/\/[^{}\x00-\x20\x7f]+$/, 'must be an https url');

export const labelName = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be a DNS label: lower case letters, digits and -');

/** A schema bounds values and not the keys that hold them: the API server takes any, so the controller looks. */
export const labelKey = z
  .string()
  .min(1)
  .max(317)
  .regex(/^[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?$/, 'must be the key of a label');

/** Part of backup ids and storage paths. */
export const projectId = z
  .string()
  .min(1)
  .max(40)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be lower case letters, digits and -');

/** A store's name: the id of its component and a folder of the storage. */
export const storeName = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[A-Za-z0-9]([-_A-Za-z0-9]*[A-Za-z0-9])?$/, 'must be letters, digits, - and _');

export const objectName = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'must be the name of a Kubernetes object');

/** Braces are refused everywhere: Argo would expand them. */
export const plainText = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[^{}\x00-\x1f\x7f]*$/, 'must not hold braces or control characters');

export const databaseName = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[^{}\x00-\x1f\x7f]+$/, 'must not hold braces or control characters');

export const duration = z
  .string()
  .min(2)
  .max(10)
  .regex(/^[1-9][0-9]*[smhd]$/, 'must be a number and s, m, h or d, as 12h');

export const timestamp = z.iso.datetime({ offset: true });

export const credentials = z
  .strictObject({
    secretName: objectName.describe('Secret of the same namespace that holds the keys.'),
  })
  .describe('Reference to a Secret. Without it the SDK uses its default chain (workload identity).');

const seconds = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** Seconds of a validated duration such as `90s`, `12h` or `7d`. */
export const durationSeconds = (text: string): number => {
  const unit = text.slice(-1);
  const factor = unit === 's' || unit === 'm' || unit === 'h' || unit === 'd' ? seconds[unit] : Number.NaN;
  return Number(text.slice(0, -1)) * factor;
};
