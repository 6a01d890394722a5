// One table of failures for both hosts: what the local runner tries again, Argo tries again, and nothing else.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { isRetried } from '../../cli/runner.ts';
import { catalogue, type ErrorCode, errorLine, exitStatus, Lc2Error } from '../../core/errors.ts';
import { retry } from '../../core/flow/flow.ts';
import { flows } from '../../core/flow/index.ts';

interface Failure {
  readonly status: number;
  readonly message: string;
}

const hand: readonly (readonly [string, Failure, boolean])[] = [
  ['a defect', { status: 1, message: 'BUG: x' }, false],
  ['damage', { status: 70, message: 'BACKUP_DAMAGED: x' }, false],
  ['try again', { status: 75, message: 'STORE_FAILED: x' }, true],
  ['wrong input', { status: 78, message: 'INPUT_INVALID: x' }, false],
  ['killed', { status: 137, message: '' }, true],
  ['out of memory', { status: 137, message: 'OOMKilled (exit code 137)' }, false],
  ['stopped', { status: 143, message: 'CANCELLED: x' }, true],
  [
    'stopped at the deadline',
    { status: 143, message: 'Pod was active on the node longer than the specified deadline' },
    false,
  ],
  ['Argo itself', { status: 64, message: '' }, false],
  ['a shell', { status: 127, message: 'not found' }, false],
  ['success', { status: 0, message: '' }, false],
];

/** Every error of the catalogue as a step would end with it. */
const errors = Object.keys(catalogue).map((name) => {
  const code = name as ErrorCode;
  const error = new Lc2Error(code, 'it failed', { where: 'here' });
  return { code, kind: error.kind, status: exitStatus[error.kind], message: errorLine(error) };
});

const templateSchema = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    templates: z.array(
      z.looseObject({
        name: z.string(),
        container: z.unknown().optional(),
        retryStrategy: z.looseObject({ expression: z.string(), limit: z.coerce.number() }).optional(),
      }),
    ),
  }),
});

const templatesOf = (flow: string) => {
  const file = join(import.meta.dirname, '../../dist/templates', `${flow}.yaml`);
  const documents = parseAllDocuments(readFileSync(file, 'utf8')).map((document) =>
    templateSchema.parse(document.toJS()),
  );
  return documents.flatMap((document) => document.spec.templates);
};

/** The few words of Argo's expression language that retries use, as JavaScript. What is left over would not parse. */
const evaluate = (expression: string, { status, message }: Failure): unknown => {
  const source = expression
    .replaceAll(/(\w+(?:\.\w+)*) contains ('[^']*')/g, '$1.includes($2)')
    .replaceAll(/asInt\(([\w.]+)\) in (\[[^\]]*\])/g, '$2.includes(Number($1))')
    .replaceAll(/([!=])=/g, '$1==');
  // oxlint-disable-next-line no-new-func, typescript/no-implied-eval
  const run = new Function('lastRetry', `return ${source};`) as (lastRetry: unknown) => unknown;
  return run({ status: 'Failed', exitCode: String(status), message });
};

describe('a failure', () => {
  test.for(hand)('by %s is tried again as the table says', ([, failure, expected]) => {
    expect(isRetried(failure)).toBe(expected);
  });

  test('of the catalogue is tried again only when its kind says so', () => {
    const retried = errors.filter(isRetried).map(({ kind }) => kind);
    expect(new Set(retried)).toEqual(new Set(['retry', 'cancelled']));
    expect(errors.filter(({ kind }) => kind === 'retry').every(isRetried)).toBe(true);
  });
});

describe.each(Object.keys(flows))('the template %s', (flow) => {
  const withRetry = templatesOf(flow).flatMap((template) => (template.retryStrategy ? [template.retryStrategy] : []));

  test('tries again what the local runner tries again', () => {
    expect(withRetry.length).toBeGreaterThan(0);
    const table = [...hand.map(([, failure]) => failure), ...errors];
    for (const { expression, limit } of withRetry) {
      expect(limit).toBe(retry.limit);
      for (const failure of table)
        expect([failure, evaluate(expression, failure)]).toEqual([failure, isRetried(failure)]);
    }
  });
});
