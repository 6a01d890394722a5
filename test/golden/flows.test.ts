import { describe, expect, it } from 'vitest';
import type { FlowCondition } from '../../core/flow/flow.ts';
import { retry } from '../../core/flow/flow.ts';
import { flows } from '../../core/flow/index.ts';
import { variableOf } from '../../core/plan/environment.ts';
import { nodeFlags, type StepContract } from '../../core/steps/contract.ts';
import { stepContracts } from '../../core/steps/index.ts';
import type { Template } from '../../templates/argo/index.ts';
import { argoValidators } from './support/argo-schema.ts';
import { allObjects } from './support/dist.ts';

const templateOf = (name: string) => {
  const objects = allObjects().map(({ object }) => object);
  const found = objects
    .filter((object) => argoValidators.ClusterWorkflowTemplate(object))
    .find(({ metadata }) => metadata.name === name);
  if (!found) throw new Error(`dist has no ${name}`);
  const leaf = (step: string): Template => {
    const template = found.spec.templates?.find((each) => each.name === step);
    if (!template) throw new Error(`${name} has no template ${step}`);
    return template;
  };
  return { spec: found.spec, leaf };
};

const wordOf = (condition: FlowCondition): string => {
  if ('flag' in condition) return `inputs.parameters['${condition.flag}'] == 'true'`;
  if ('parameter' in condition) return `workflow.parameters['${condition.parameter}'] == '${condition.is}'`;
  return condition.component === 'database' ? "'database' in split(" : "# != 'database'";
};

describe.each(Object.values(flows))('$name', (flow) => {
  const { spec, leaf } = templateOf(flow.name);
  const tasks = leaf(flow.name).dag?.tasks ?? [];
  const allSteps = [...flow.steps.map(({ step }) => step), ...(flow.onFailure ? [flow.onFailure] : [])];

  it('has every step of the flow, its needs and its conditions, and no other', () => {
    expect(tasks.map(({ name }) => name)).toEqual(flow.steps.map(({ step }) => step));
    for (const { step, needs, when } of flow.steps) {
      const task = tasks.find(({ name }) => name === step);
      expect(task?.depends ?? '').toBe(needs.join(' && '));
      expect(task?.when === undefined).toBe(when.length === 0);
      for (const condition of when) expect(task?.when).toContain(wordOf(condition));
    }
  });

  it('has the parameters of the flow; only what has no default must be given', () => {
    expect(spec.arguments?.parameters).toEqual(
      flow.parameters.map(({ name, description, value, enum: choices }) => ({
        name,
        description,
        ...(value === undefined ? {} : { value }),
        ...(choices === undefined ? {} : { enum: choices }),
      })),
    );
  });

  it('gives each step its parameters, its Secrets, and the place for its result', () => {
    for (const step of allSteps) {
      const contract: StepContract = stepContracts[step];
      const { container, outputs, volumes } = leaf(step);
      expect(container?.command).toEqual(['node', ...nodeFlags(contract.resources), '/app/main.mjs']);
      expect(container?.args).toEqual([step]);
      const env = new Map(container?.env?.map(({ name, value }) => [name, value]));
      for (const { name } of flow.parameters) expect(env.get(variableOf(name))).toBe(`{{workflow.parameters.${name}}}`);
      const secrets = volumes?.filter(({ secret }) => secret).map(({ name }) => name);
      expect(secrets).toEqual(contract.secrets.map((secret) => `${secret}-secret`));
      const [result, ...others] = outputs?.parameters ?? [];
      expect(others).toEqual([]);
      expect(result?.globalName).toBe(contract.result);
    }
  });

  it('retries each step by the table', () => {
    for (const step of allSteps) {
      const { limit, expression } = leaf(step).retryStrategy ?? {};
      expect(limit).toBe(retry.limit);
      expect(expression).toContain(`in [${retry.statuses.join(', ')}]`);
      for (const text of retry.unlessMessages) expect(expression).toContain(`!(lastRetry.message contains '${text}')`);
    }
  });

  it('runs alone where the flow says so, and cleans up after failure only', () => {
    const mutexes = spec.synchronization?.mutexes ?? [];
    expect(mutexes.map(({ name }) => name)).toEqual(
      flow.exclusive ? [`lc2-{{workflow.parameters.${flow.environment}}}`] : [],
    );
    expect(spec.onExit !== undefined).toBe(flow.onFailure !== undefined);
    const [end] = spec.onExit === undefined ? [] : (leaf(spec.onExit).steps ?? []).flat();
    expect(end?.template).toBe(flow.onFailure);
    expect(end?.when).toBe(flow.onFailure && "{{=workflow.status != 'Succeeded'}}");
  });
});

describe('contracts', () => {
  it('of a flow share out a hundred percent, so progress ends there', () => {
    for (const flow of Object.values(flows)) {
      const total = flow.steps.reduce((sum, { step }) => sum + stepContracts[step].share, 0);
      // Either of the two ways to dump a database.
      const other = flow.steps.some(({ step }) => step === 'export') ? stepContracts.dump.share : 0;
      expect(total - other).toBe(100);
    }
  });
});
