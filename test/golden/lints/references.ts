import type { ClusterWorkflowTemplate, Template } from '../../../templates/argo/index.ts';
import { referencesOf, stringsOf, tagsOf } from './strings.ts';

/** Argo notices an undeclared reference only in a run, if at all. */

const known = new Set([
  'workflow.uid',
  'workflow.creationTimestamp.RFC3339',
  'workflow.status',
  'workflow.name',
  'workflow.namespace',
  // Of a template with a retry strategy.
  'retries',
]);

export const references = ({ spec }: ClusterWorkflowTemplate): string[] => {
  const globals = (spec.arguments?.parameters ?? []).map(({ name }) => `workflow.parameters.${name}`);
  const { templates = [], ...rest } = spec;
  const scopes: { value: unknown; path: string; inputs: string[] }[] = [
    { value: rest, path: 'spec', inputs: [] },
    ...templates.map((template) => ({
      value: template,
      path: `template ${template.name ?? ''}`,
      inputs: inputsOf(template),
    })),
  ];
  return scopes.flatMap(({ value, path, inputs }) => {
    const declared = new Set([...globals, ...inputs]);
    return stringsOf(value, path).flatMap((place) =>
      undeclared(place.text, declared).map((name) => `${place.path}: ${name} is not declared`),
    );
  });
};

const inputsOf = (template: Template): string[] =>
  (template.inputs?.parameters ?? []).map(({ name }) => `inputs.parameters.${name}`);

const undeclared = (text: string, declared: ReadonlySet<string>): string[] => {
  const parameters = referencesOf(text).filter((name) => !declared.has(name));
  const others = tagsOf(text).filter((tag) => !tag.startsWith('=') && !tag.includes('.parameters.') && !known.has(tag));
  return [...parameters, ...others];
};

/** A task or step that names a template or need which is not there. */
export const targets = ({ spec }: ClusterWorkflowTemplate): string[] => {
  const templates = spec.templates ?? [];
  const names = new Set(templates.map(({ name }) => name));
  const tasks = templates.flatMap(({ dag }) => dag?.tasks ?? []);
  const steps = templates.flatMap((template) => template.steps ?? []).flat();
  const called = [spec.entrypoint, spec.onExit, ...[...tasks, ...steps].map(({ template }) => template)];
  const missing = called
    .filter((name) => name !== undefined && !names.has(name))
    .map((name) => `there is no template ${name ?? ''}`);
  const all = new Set(tasks.map(({ name }) => name));
  const needs = tasks.flatMap((task) =>
    (task.depends ?? '')
      .split(/ && /)
      .filter((need) => need !== '')
      .map((need) => ({ task, need })),
  );
  return [
    ...missing,
    ...needs
      .filter(({ need }) => !all.has(need))
      .map(({ task, need }) => `task ${task.name} depends on ${need}, which is not there`),
  ];
};
