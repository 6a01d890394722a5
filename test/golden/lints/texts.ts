import type { ClusterWorkflowTemplate } from '../../../templates/argo/index.ts';
import { referencesOf, stringsOf } from './strings.ts';

/** Where text that a user typed may go at all: environment variables, names of objects, conditions. */

const allowed = [
  /^spec\.templates\[\d+\]\.container\.env\[\d+\]\.value$/,
  /^spec\.templates\[\d+\]\.dag\.tasks\[\d+\]\.when$/,
  /^spec\.templates\[\d+\]\.steps\[\d+\]\[\d+\]\.when$/,
  /^spec\.templates\[\d+\]\.volumes\[\d+\]\.(configMap\.name|secret\.secretName)$/,
  /^spec\.templates\[\d+\]\.inputs\.parameters\[\d+\]\.valueFrom\.configMapKeyRef\.name$/,
  /^spec\.templates\[\d+\]\.activeDeadlineSeconds$/,
  /^spec\.synchronization\.mutexes\[\d+\]\.name$/,
  /^spec\.workflowMetadata\.labelsFrom\.[^[\]]+\.expression$/,
];

export const userText = ({ spec }: ClusterWorkflowTemplate): string[] =>
  stringsOf(spec, 'spec')
    .filter(
      ({ text, path }) =>
        (text.includes('{{') || referencesOf(text).length > 0) && !allowed.some((pattern) => pattern.test(path)),
    )
    .map(({ path }) => `${path}: a tag in a place that is not for one`);

/** Double quotes and backslashes: Argo evaluates an expression out of its JSON form. Values must be referred to. */
export const expressions = ({ spec }: ClusterWorkflowTemplate): string[] =>
  stringsOf(spec, 'spec').flatMap(({ path, text }) => [
    ...(path.endsWith('.when') && !/^\{\{=.*\}\}$/.test(text)
      ? [`${path}: text substitution instead of an expression`]
      : []),
    ...(text.includes('{{=') && /["\\]/.test(text) ? [`${path}: quotes that JSON would escape`] : []),
  ]);

export const parameters = ({ spec }: ClusterWorkflowTemplate): string[] =>
  (spec.arguments?.parameters ?? []).flatMap(({ name, description, value, enum: choices }) => [
    ...(description === undefined || description === '' ? [`parameter ${name} has no description`] : []),
    ...(choices && value !== undefined && !choices.includes(value)
      ? [`parameter ${name} has a default outside its enum`]
      : []),
  ]);

/** Argo refuses a display name with a space, but only when it retries a pod: the whole run ends in an error. */
export const displayNames = ({ spec }: ClusterWorkflowTemplate): string[] =>
  (spec.templates ?? [])
    .filter(({ annotations }) => annotations?.['workflows.argoproj.io/display-name'] !== undefined)
    .map(({ name = '' }) => `template ${name} has a display name`);
