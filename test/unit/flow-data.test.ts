import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exitStatus } from '../../core/errors.ts';
import { type FlowCondition, type FlowFacts, flagsOf, holds, retry, splitList } from '../../core/flow/flow.ts';
import { flows } from '../../core/flow/index.ts';
import { completeParameters, parseEnvironment, variableOf } from '../../core/plan/environment.ts';
import { canCopy, chooseMover, mayTransfer } from '../../core/plan/mover-choice.ts';
import { isStepName, stepContracts } from '../../core/steps/index.ts';
import { isRetried } from '../../cli/runner.ts';
import { messageOf } from './support/streams.ts';

const facts = (
  parameters: Record<string, string>,
  flags = flagsOf((flag) => flag === 'has-database' || flag === 'has-dump'),
): FlowFacts => ({ flags, parameters });

describe('conditions of steps', () => {
  it.each<[FlowCondition, Record<string, string>, boolean]>([
    [{ flag: 'has-database' }, {}, true],
    [{ flag: 'has-objects' }, {}, false],
    [{ component: 'database' }, {}, true],
    [{ component: 'database' }, { components: '' }, true],
    [{ component: 'database' }, { components: 'database' }, true],
    [{ component: 'database' }, { components: 'a,b' }, false],
    [{ component: 'database' }, { components: 'my-database' }, false],
    [{ component: 'objects' }, { components: 'database' }, false],
    [{ component: 'objects' }, { components: 'database,a' }, true],
    [{ component: 'objects' }, { components: '' }, true],
    [{ parameter: 'preview', is: 'false' }, { preview: 'false' }, true],
    [{ parameter: 'preview', is: 'false' }, { preview: 'true' }, false],
    [{ parameter: 'preview', is: '' }, {}, true],
  ])('%j with %j: %s', (condition, parameters, expected) => {
    expect(holds(condition, facts(parameters))).toBe(expected);
  });

  it('read lists as they are written', () => {
    expect(splitList('')).toEqual([]);
    expect(splitList('a,,b,')).toEqual(['a', 'b']);
  });
});

describe.each(Object.values(flows))('flow $name', (flow) => {
  it('needs only what comes before, once each', () => {
    const seen = new Set<string>();
    for (const { step, needs } of flow.steps) {
      expect(isStepName(step)).toBe(true);
      for (const need of needs) expect(seen.has(need)).toBe(true);
      expect(seen.has(step)).toBe(false);
      seen.add(step);
    }
  });

  it('asks only about parameters it has, and defaults are among what is allowed', () => {
    const names = new Set(flow.parameters.map(({ name }) => name));
    expect(names.size).toBe(flow.parameters.length);
    expect(names.has(flow.environment) && names.has(flow.source)).toBe(true);
    const asked = flow.steps.flatMap(({ when }) =>
      when.flatMap((each) => ('parameter' in each ? [each.parameter] : [])),
    );
    expect(asked.filter((name) => !names.has(name))).toEqual([]);
    const wrong = flow.parameters.filter(
      ({ value, enum: allowed }) => value !== undefined && allowed?.includes(value) === false,
    );
    expect(wrong).toEqual([]);
  });

  it('has its parameters under different variables that no host variable takes', () => {
    const variables = flow.parameters.map(({ name }) => variableOf(name));
    expect(new Set(variables).size).toBe(variables.length);
    for (const taken of [
      'RUN_UID',
      'ATTEMPT',
      'TIMESTAMP',
      'FLOW',
      'ENVIRONMENT_FILE',
      'SOURCE_FILE',
      'SECRETS',
      'SECRETS_DIR',
      'OUTPUT_DIR',
    ])
      expect(variables).not.toContain(`LC2_${taken}`);
  });
});

describe('the backup flow', () => {
  const needs = (step: string) => flows['lc2-backup'].steps.find((each) => each.step === step)?.needs;

  it('seals after verifying, verifies after catching up, catches up after dump and transfer', () => {
    expect(needs('manifest')).toEqual(['verify']);
    expect(needs('verify')).toEqual(['snapshot', 'export', 'dump', 'catch-up']);
    expect(needs('catch-up')).toEqual(['snapshot', 'export', 'dump', 'transfer']);
    expect(needs('export')).toEqual(['snapshot']);
    expect(needs('copy')).toEqual(['manifest']);
    expect(flows['lc2-backup'].steps.at(-1)?.step).toBe('copy');
  });

  it('runs alone and cleans up', () =>
    expect(flows['lc2-backup']).toMatchObject({ exclusive: true, onFailure: 'clean-up' }));
});

describe('the restore flow', () => {
  it('changes nothing live before everything is loaded, and verifies afterwards', () => {
    const { steps } = flows['lc2-restore'];
    expect(steps.map(({ step }) => step)).toEqual([
      'preview',
      'load-database',
      'restore-objects',
      'commit',
      'verify-restore',
    ]);
    expect(steps[3]?.needs).toEqual(['load-database', 'restore-objects']);
  });

  it('does nothing but preview when previewed', () => {
    const seen = facts(
      { preview: 'true' },
      flagsOf(() => true),
    );
    const left = flows['lc2-restore'].steps.filter(({ when }) => when.every((condition) => holds(condition, seen)));
    expect(left.map(({ step }) => step)).toEqual(['preview']);
  });
});

describe('parameters', () => {
  const { parameters } = flows['lc2-backup'];
  it('get their defaults', () => {
    expect(completeParameters(parameters, { environment: 'prd' })).toEqual({
      environment: 'prd',
      components: '',
      full: 'false',
      'creation-type': 'manual',
      'creator-name': '',
      'creator-email': '',
    });
  });

  it.each([
    [{}, 'parameter environment is missing'],
    [{ environment: '' }, 'parameter environment is missing'],
    [{ environment: 'prd', full: 'yes' }, 'parameter full must be one of false, true, not "yes"'],
    [{ environment: 'prd', full: '' }, 'parameter full must be one of'],
    [{ environment: 'prd', colour: 'red' }, 'there is no parameter colour'],
    [JSON.parse('{"environment":"prd","__proto__":"x"}'), 'there is no parameter __proto__'],
  ])('are refused: %j', async (given, mention) => {
    expect(await messageOf(() => completeParameters(parameters, given))).toContain(mention);
  });
});

describe('retries', () => {
  it('are for what time may mend: our own word, and ends that a node makes', () => {
    expect(retry.statuses).toEqual([exitStatus.retry, 137, exitStatus.cancelled]);
    expect(retry.unlessMessages).toEqual(['deadline', 'OOMKilled']);
    expect(retry).toMatchObject({ limit: 4, backoff: { seconds: 10, factor: 2, capSeconds: 300 } });
  });

  it.each([
    [75, 'STORE_FAILED: x', true],
    [137, 'killed', true],
    [143, 'stopped', true],
    [137, 'OOMKilled (exit code 137)', false],
    [143, 'Pod was active on the node longer than the specified deadline', false],
    [70, 'x', false],
    [78, 'x', false],
    [1, 'x', false],
    [0, 'x', false],
  ])('of status %i with %j: %s', (status, message, expected) => {
    expect(isRetried({ status, message })).toBe(expected);
  });
});

describe('contracts of steps', () => {
  it.each(Object.entries(stepContracts))('%s is complete', (name, contract) => {
    expect(contract.name).toBe(name);
    expect(contract.title).not.toBe('');
    expect(contract.share).toBeGreaterThanOrEqual(0);
    for (const amount of Object.values(contract.resources)) expect(amount).toMatch(/^\d+(m|Mi|Gi)$/);
  });

  it('give Secrets only to those that use them', () => {
    expect(stepContracts.dump.secrets).toEqual(['database', 'storage']);
    expect(stepContracts.transfer.secrets).toEqual(['objects', 'storage']);
    expect(stepContracts.manifest.secrets).toEqual(['storage']);
    expect(isStepName('constructor')).toBe(false);
  });
});

describe('the mover', () => {
  const s3 = { url: 's3://bucket-a', endpoint: 'https://s3.example.com', region: 'r' };
  it('is the one that was asked for', () => {
    fc.assert(
      fc.property(fc.constantFrom('copy' as const, 'rclone' as const, 'stream' as const), (wish) => {
        expect(chooseMover(wish, s3, { url: 'file:///x', region: 'r' })).toBe(wish);
      }),
    );
  });

  it.each([
    [{ ...s3, url: 's3://bucket-b/x' }, true],
    [{ ...s3, endpoint: 'https://other.example.com' }, false],
    [{ url: 's3://bucket-b', region: 'r' }, false],
    [{ ...s3, region: 'q' }, false],
    [{ url: 'file:///x', region: 'r' }, false],
    [{ url: 'nowhere', region: 'r' }, false],
  ])('lets the service copy by itself to %j: %s', (to, can) => {
    expect(canCopy(s3, to)).toBe(can);
    expect(canCopy(to, s3)).toBe(can);
    expect(chooseMover('auto', s3, to) === 'copy').toBe(can);
  });

  it.each([
    ['eu-central-1', 'us-east-1', true],
    ['us-isob-east-1', 'us-isob-west-1', true],
    ['cn-north-1', 'us-east-1', false],
    ['us-gov-west-1', 'us-west-1', false],
    ['eusc-de-east-1', 'eu-central-1', false],
  ])('lets Amazon copy from %s to %s: %s', (a, b, can) => {
    const [from, to] = [
      { url: 's3://bucket-a', region: a },
      { url: 's3://bucket-b', region: b },
    ];
    expect([canCopy(from, to), canCopy(to, from)]).toEqual([can, can]);
  });

  it('is Storage Transfer for what a backup copies at once, and copy for all else', () => {
    const [from, to] = [{ url: 'gs://documents' }, { url: 'gs://backups' }];
    const spec = { projectId: 'p', objectStores: [{ name: 'd', ...from, storageTransfer: { project: 'retail-prd' } }] };
    const { objectStores, storage } = parseEnvironment({ name: 'x', spec: { ...spec, storage: to } }, 'w').spec;
    const [store] = objectStores;
    if (!store) throw new Error('no store');
    expect(mayTransfer(store, storage)).toBe(true);
    expect(mayTransfer(store, { ...storage, endpoint: 'https://elsewhere.example.com' })).toBe(false);
    expect(mayTransfer({ ...store, storageTransfer: undefined }, storage)).toBe(false);
    expect(chooseMover('storage-transfer', store, storage)).toBe('copy');
    expect(chooseMover('storage-transfer', store, { url: 's3://b', region: 'us-east-1' })).toBe('stream');
  });

  it('never lets a folder copy by itself', () => {
    expect(canCopy({ url: 'file:///a', region: 'r' }, { url: 'file:///b', region: 'r' })).toBe(false);
  });
});
