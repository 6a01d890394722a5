import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { root } from './support/dist.ts';

const file = join(root, 'templates', 'fixture-in-memory.ts');

/** Messages of the compiler for a file that is not on disk. */
const messagesOf = (text: string): string[] => {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    noEmit: true,
    strict: true,
    exactOptionalPropertyTypes: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const getSourceFile = host.getSourceFile.bind(host);
  const fileExists = host.fileExists.bind(host);
  host.getSourceFile = (name, version) =>
    name === file ? ts.createSourceFile(name, text, version) : getSourceFile(name, version);
  host.fileExists = (name) => name === file || fileExists(name);
  const program = ts.createProgram([file], options, host);
  return ts
    .getPreEmitDiagnostics(program, program.getSourceFile(file))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
};

const fixture = (spec: string): string => `
import type { ArgoKinds } from './argo/index.ts';
export const spec: ArgoKinds['ClusterWorkflowTemplate']['spec'] = ${spec};
`;

describe('types of Argo', () => {
  it('accept what Argo has', () => {
    expect(
      messagesOf(
        fixture(
          `{ entrypoint: 'a', templates: [{ name: 'a', retryStrategy: { limit: 4 }, container: { image: 'a:1' } }] }`,
        ),
      ),
    ).toEqual([]);
  });

  it.each([
    ['entryPoint', `{ entryPoint: 'a' }`],
    ['comand', `{ templates: [{ name: 'a', container: { image: 'a:1', comand: ['node'] } }] }`],
    ['mutex', `{ synchronization: { mutex: { name: 'a' } } }`],
    ['pendingTimeout', `{ templates: [{ name: 'a', pendingTimeout: '5m' }] }`],
  ])('refuse the unknown field %s', (field, spec) => {
    expect(messagesOf(fixture(spec)).join('\n')).toContain(`'${field}' does not exist in type`);
  });
});
