import { type Flow, type FlowCondition, retry } from '../../core/flow/flow.ts';
import { flows } from '../../core/flow/index.ts';
import { variableOf } from '../../core/plan/environment.ts';
import { code, page, table } from './markdown.ts';

const conditionText = (condition: FlowCondition): string => {
  if ('flag' in condition)
    return `the environment has ${condition.flag === 'has-database' ? 'a database' : 'object stores'}`;
  if ('parameter' in condition) return `${code(condition.parameter)} is ${code(condition.is)}`;
  return condition.component === 'database' ? 'the database is chosen' : 'an object store is chosen';
};

const valueText = (value: string | undefined): string => {
  if (value === undefined) return 'required';
  return value === '' ? 'empty' : code(value);
};

const section = (flow: Flow): string =>
  [
    `## ${flow.name}`,
    flow.description,
    flow.exclusive ? `One run at a time for each ${code(flow.environment)}.` : 'Runs may overlap.',
    table(
      ['parameter', 'default', 'values', 'meaning', 'variable of the steps'],
      flow.parameters.map(({ name, description, value, enum: choices, internal }) => [
        code(name),
        valueText(value),
        (choices ?? []).map(code).join(', '),
        `${description}${internal === true ? ' (set by the controller)' : ''}`,
        code(variableOf(name)),
      ]),
    ),
    table(
      ['step', 'after', 'runs only if'],
      flow.steps.map(({ step, needs, when }) => [
        code(step),
        needs.map(code).join(', '),
        when.map(conditionText).join(' and '),
      ]),
    ),
    ...(flow.onFailure === undefined ? [] : [`After a run that did not succeed: ${code(flow.onFailure)}.`]),
  ].join('\n\n');

export const templatesPage = (): string =>
  page(
    'Templates',
    'ClusterWorkflowTemplates of Argo Workflows, one for each flow. A skipped step costs no pod.',
    `A step is tried again up to ${retry.limit} times, after ${retry.backoff.seconds} s, ` +
      `then ${retry.backoff.factor} times as long each time and ${retry.backoff.capSeconds} s at most, ` +
      `when its pod was lost or it ended with ${retry.statuses.join(', ')}; not when its deadline or its memory was the cause.`,
    ...Object.values(flows).map(section),
  );
