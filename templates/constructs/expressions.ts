import type { Flow, FlowCondition } from '../../core/flow/flow.ts';
import { retry } from '../../core/flow/flow.ts';
import { configMapName } from '../../core/plan/environment.ts';

/**
 * The flows' conditions and retries in the words of Argo. All text in expressions is ours: values are referred to, never pasted.
 * Only single quotes: Argo evaluates the text out of its JSON form.
 */

export const parameterTag = (name: string): string => `{{workflow.parameters.${name}}}`;
export const inputTag = (name: string): string => `{{inputs.parameters.${name}}}`;

const parameter = (name: string): string => `workflow.parameters['${name}']`;
const input = (name: string): string => `inputs.parameters['${name}']`;
const tag = (expression: string): string => `{{=${expression}}}`;

/** As core/flow splits lists: what is empty does not count. */
const chosen = `split(${parameter('components')}, ',')`;
const components = {
  database: `(all(${chosen}, # == '') || 'database' in ${chosen})`,
  objects: `(all(${chosen}, # == '') || any(${chosen}, # != '' && # != 'database'))`,
} as const;

const conditionOf = (condition: FlowCondition): string => {
  if ('flag' in condition) return `${input(condition.flag)} == 'true'`;
  if ('parameter' in condition) return `${parameter(condition.parameter)} == '${condition.is}'`;
  return components[condition.component];
};

/** A task's `when`; undefined where it always runs. */
export const whenOf = (conditions: readonly FlowCondition[]): string | undefined =>
  conditions.length === 0 ? undefined : tag(conditions.map(conditionOf).join(' && '));

/** A skipped need counts as done; a failed or omitted one does not. */
export const dependsOn = (needs: readonly string[]): string | undefined =>
  needs.length === 0 ? undefined : needs.join(' && ');

export const unlessSucceeded = tag(`workflow.status != 'Succeeded'`);

/** The ConfigMap of the environment that is backed up or written to. */
export const environmentConfigMap = (flow: Flow): string => configMapName(parameterTag(flow.environment));

/** The ConfigMap of the environment whose storage is used: an empty parameter means the same one. */
export const sourceConfigMap = (flow: Flow): string => {
  if (flow.source === flow.environment) return environmentConfigMap(flow);
  const [source, own] = [parameter(flow.source), parameter(flow.environment)];
  return configMapName(tag(`${source} == '' ? ${own} : ${source}`));
};

/** A Secret volume needs a name even where none is wanted; this one is never made, and the volume is optional. */
export const noSecret = 'lc2-no-secret';
export const secretNameOf = (inputName: string): string =>
  tag(`${input(inputName)} == '' ? '${noSecret}' : ${input(inputName)}`);

/** A lost pod, or a status of the table, unless trying again would end the same way: the deadline, or Argo's word for no memory. */
export const retryExpression = [
  `lastRetry.status == 'Error'`,
  `(asInt(lastRetry.exitCode) in [${retry.statuses.join(', ')}]` +
    retry.unlessMessages.map((text) => ` && !(lastRetry.message contains '${text}')`).join('') +
    ')',
].join(' || ');
