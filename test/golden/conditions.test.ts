import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { environmentFlags, flagsOf, type FlowCondition, type FlowFacts, holds } from '../../core/flow/flow.ts';
import { flows } from '../../core/flow/index.ts';
import { whenOf } from '../../templates/constructs/expressions.ts';

/** The few words of Argo's expression language that conditions use, as JavaScript. What is left over would not parse. */
const toJavaScript = (when: string): string =>
  when
    .replace(/^\{\{=(.*)\}\}$/, '$1')
    .replaceAll(/'database' in (split\([^()]*\))/g, "$1.includes('database')")
    .replaceAll(/all\((split\([^()]*\)), (.*?)\)/g, '$1.every((item) => $2)')
    .replaceAll(/any\((split\([^()]*\)), (.*?)\)/g, '$1.some((item) => $2)')
    .replaceAll('#', 'item')
    .replaceAll(/([!=])=/g, '$1==');

type Evaluate = (
  workflow: { readonly parameters: FlowFacts['parameters'] },
  inputs: { readonly parameters: Readonly<Record<string, string>> },
  split: (text: string, separator: string) => string[],
) => unknown;

const evaluate = (conditions: readonly FlowCondition[], facts: FlowFacts): unknown => {
  const source = `return ${toJavaScript(whenOf(conditions) ?? 'true')};`;
  // oxlint-disable-next-line no-new-func, typescript/no-implied-eval
  const run = new Function('workflow', 'inputs', 'split', source) as Evaluate;
  const flags = Object.fromEntries(Object.entries(facts.flags).map(([name, value]) => [name, String(value)]));
  return run({ parameters: facts.parameters }, { parameters: flags }, (text, separator) => text.split(separator));
};

const component = fc.constantFrom('database', 'documentLibrary', 'avatars', '', 'databases');
const facts = fc.record({
  flags: fc.subarray([...environmentFlags]).map((set) => flagsOf((flag) => set.includes(flag))),
  parameters: fc.record({
    components: fc.array(component, { maxLength: 4 }).map((names) => names.join(',')),
    preview: fc.constantFrom('true', 'false'),
  }),
});

describe('conditions', () => {
  const steps = Object.values(flows).flatMap((flow) => flow.steps);

  it('mean in Argo what they mean to the local runner', () => {
    const when = fc.constantFrom(...steps.map((step) => step.when));
    fc.assert(
      fc.property(when, facts, (conditions, given) => {
        expect(evaluate(conditions, given)).toBe(conditions.every((condition) => holds(condition, given)));
      }),
      { numRuns: 1000 },
    );
  });

  it('are seen when they differ', () => {
    const given: FlowFacts = {
      flags: flagsOf(() => true),
      parameters: { components: 'avatars', preview: 'false' },
    };
    expect(evaluate([{ component: 'database' }], given)).toBe(false);
    expect(evaluate([{ component: 'objects' }], given)).toBe(true);
    expect(evaluate([{ flag: 'has-database' }, { parameter: 'preview', is: 'true' }], given)).toBe(false);
  });
});
